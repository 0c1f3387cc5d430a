"""What the environment says; nothing here, or below it, imports Django."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_hidden: Final[set[str]] = set()
"""The names of variables that checks of a policy take secrets from."""


def environment(name: str, default: Callable[[], str] = str) -> str:
    """Return an environment variable, or what `default` makes where it is unset, empty or blank."""
    value = os.environ.get(name, "")
    return value if value.strip() else default()


def hide(names: Iterable[str]) -> None:
    """Let the values of these variables be secrets in this process, and in those that it forks."""
    _hidden.update(names)


def hidden() -> frozenset[str]:
    """Return the values of the variables that are secrets."""
    return frozenset(value.strip() for name in _hidden if (value := os.environ.get(name)))
