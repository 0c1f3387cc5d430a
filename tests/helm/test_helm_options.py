"""The options of Helm that `django-probe rollout` has to know: which of them take a word after them."""

from __future__ import annotations

import re

import pytest

from django_probe.rollout import command
from tests.helm.charts import helm


@pytest.mark.parametrize("name", command.COMMANDS)
def test_options__take_a_word_after_them_or_not(name, version):
    """As both Helms say in their help; an option whose value may only follow "=" takes none."""
    text = helm(version, name, "--help").text
    found = re.findall(r"^ +(?:-\w, )?(--[\w-]+)( \S+)? {3}", text, re.MULTILINE)
    assert len(found) > 50
    for option, kind in found:
        takes = bool(kind) and "[=" not in kind
        assert (command.takes_a_word(option, name)) is takes, option
