"""What the supervisor reads of a command line, of which the command itself may refuse anything."""

from __future__ import annotations

import pytest

from django_probe.supervisor.request import read


@pytest.mark.parametrize(
    ("line", "gate", "shard", "deadline", "junit"),
    [
        ("", "default", None, None, None),
        ("--gate deploy --shard 1/4 --deadline 2m30s --junit a.xml shop", "deploy", "1/4", 150.0, "a.xml"),
        ("--gate=deploy --junit=a.xml -- --junit b.xml", "deploy", None, None, "a.xml"),
        ("--parallel x --timeout soon --junit a.xml", "default", None, None, "a.xml"),
        ("--shard 4/4 --deadline never --junit a.xml", "default", None, None, "a.xml"),
        ("--unheard-of --configuration Prod --junit a.xml", "default", None, None, "a.xml"),
        ("-v 2 --settings s.prod --pythonpath src --traceback --junit a.xml", "default", None, None, "a.xml"),
        ("--jun a.xml", "default", None, None, None),
        ("--gate deploy --junit", "default", None, None, None),
        ("--junit a.xml --junit=b.xml", "default", None, None, ["a.xml", "b.xml"]),
    ],
)
def test_read(line, gate, shard, deadline, junit):
    """A mistake in one option loses no other, and no abbreviation is guessed at."""
    asked = read(line.split())

    assert (asked.gate, asked.shard, asked.deadline, asked.options.get("junit")) == (gate, shard, deadline, junit)
    assert not asked.lists


def test_read__of_a_list():
    """Nothing runs, and nothing is reported."""
    assert read(["--list", "--gate", "deploy"]).lists


def test_read__names_the_settings():
    """The option does as DJANGO_SETTINGS_MODULE would."""
    assert read(["--settings", "shop.production"]).settings == "shop.production"
