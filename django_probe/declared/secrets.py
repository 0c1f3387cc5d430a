"""The places for values of the environment in what a policy says, and which of those are secrets by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_probe.declared.check import Check

PLACE: Final = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
"""`${NAME}`, as a regular expression with one group."""
_PLACES: Final = re.compile(PLACE)
_SECRET: Final = re.compile("TOKEN|PASS|KEY|SECRET|AUTH|COOKIE|SIGNATURE|CREDENTIAL", re.IGNORECASE)


def says_secret(name: str) -> bool:
    """Return whether what bears this name, a variable, a header or a field, is a secret."""
    return bool(_SECRET.search(name))


def secret_names(checks: Iterable[Check]) -> frozenset[str]:
    """Return the variables of the environment that are named anywhere in the checks, and are secrets by their names."""
    named = {name for check in checks for text in _texts([check.subject, check.keys]) for name in _PLACES.findall(text)}
    return frozenset(filter(says_secret, named))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif hasattr(value, "subject"):  # a step
        yield from _texts([value.subject, value.keys])
