"""Puts functions around methods of Django's and the drivers' classes, and takes them out again."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Replacements:
    """What was put around which methods, newest last."""

    def __init__(self) -> None:
        self._replaced: list[tuple[type[object], str, Callable[..., Any]]] = []

    def put(self, cls: type, name: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Put `around` around the method that the class itself defines, if it does, and only once."""
        original = vars(cls).get(name)
        if original is None or any(put[:2] == (cls, name) for put in self._replaced):
            return
        self._replaced.append((cls, name, original))
        setattr(cls, name, functools.wraps(original)(around(original)))

    def undo(self) -> None:
        """Give every class its own methods back."""
        for cls, name, original in reversed(self._replaced):
            setattr(cls, name, original)
        self._replaced.clear()
