"""Tells that dicts did not change, without looking at what is in them.

CPython up to 3.13 counts the changes of all dicts, for caches of its own, and keeps in each dict the number of its last
one: https://peps.python.org/pep-0509/. To read that takes 40 ns however much there is in a dict; to compare the modules
of a large project takes longer than all the rest of the look.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[dict[str, Any]], object]

_BEFORE: Final = 3 * ctypes.sizeof(ctypes.c_ssize_t)
"""Bytes of a dict before the number: how many references, the type, how many entries."""
_SIZE: Final = ctypes.sizeof(ctypes.c_uint64)
BESIDE: Final = 30
"""Attributes at the most that an instance keeps beside its dict, where they are set without a new number."""
_CHANGES: Final[tuple[Change, ...]] = (
    lambda tried: tried.update(a=1, b=1, c=1),
    lambda tried: tried.update(a=2),
    lambda tried: tried.__setitem__("a", 3),
    lambda tried: tried.setdefault("d", 1),
    lambda tried: tried.__delitem__("a"),
    lambda tried: tried.pop("b"),
    lambda tried: tried.popitem(),
    lambda tried: tried.clear(),
)


def numbers_of(*mappings: dict[Any, Any]) -> Callable[[], bytes] | None:
    """Return what gives other bytes after each change of one of these dicts; None where this Python has no numbers.

    Whoever calls it has to hold the dicts.
    """
    return partial(b"".join, [*map(_number, mappings)]) if _are_kept() else None


def _number(mapping: dict[Any, Any]) -> memoryview:
    return memoryview((ctypes.c_char * _SIZE).from_address(id(mapping) + _BEFORE)).cast("B")


@cache
def _are_kept() -> bool:
    """Return whether each change of a dict gives it another number; a Python that is built otherwise may keep none."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 14):
        return False
    tried: dict[str, Any] = {}
    number = _number(tried)
    seen = {bytes(number)}
    for change in _CHANGES:
        change(tried)
        seen.add(bytes(number))
    return len(seen) > len(_CHANGES)
