"""The command line of a program as it may be shown: what it is given under the name of a secret is one."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from django_probe.http.masks import masking
from django_probe.policy.declared.secrets import says_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# --name=value, NAME=value, "Name: Bearer value", and "--name value" in one word, as a shell's script has them.
_GIVEN: Final = re.compile(
    r"""(?P<name>[\w.-]{1,100})(?:=|:\s*(?:(?:Bearer|Basic|Token)\s+)?|(?<=\w)\s+)
        (?P<value>"[^"]*"|'[^']*'|[^\s"'&;]+)""",
    re.VERBOSE | re.IGNORECASE,
)


def line(arguments: Sequence[str]) -> str:
    """Return the command line, quoted as a shell reads it, without secrets."""
    return hiding(arguments)(shlex.join(arguments))


def hiding(arguments: Sequence[str]) -> Callable[[str], str]:
    """Return what takes the secrets that a program is given out of a text."""
    return masking(_secrets(arguments))


def _secrets(arguments: Sequence[str]) -> Iterator[str]:
    for name, value in pairwise(arguments):
        if name.startswith("-") and "=" not in name and not value.startswith("-") and says_secret(name):
            yield value
    for argument in arguments:
        for found in _GIVEN.finditer(argument):
            is_option = found["name"].startswith("-") or argument[found.end("name")] in "=:"
            if is_option and says_secret(found["name"]):
                yield found["value"].strip("\"'")
