"""Tells that dicts did not change, without looking at what is in them.

CPython up to 3.13 counts the changes of all dicts, for caches of its own, and keeps in each dict the number of its last
one: https://peps.python.org/pep-0509/. To read that takes a tenth of a microsecond however much there is in a dict; to
compare the modules of a large project takes longer than all the rest of the look.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[dict[str, Any]], object]

_BEFORE: Final = 3 * ctypes.sizeof(ctypes.c_ssize_t)
"""Bytes of a dict before the number: how many references, the type, how many entries."""
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


def numbers_of(*mappings: dict[Any, Any]) -> list[ctypes.c_uint64]:
    """Return for each dict what has another `value` after each change of it; nothing where this Python has no such."""
    return [_number(mapping) for mapping in mappings] if _are_kept() else []


def _number(mapping: dict[Any, Any]) -> ctypes.c_uint64:
    return ctypes.c_uint64.from_address(id(mapping) + _BEFORE)


@cache
def _are_kept() -> bool:
    """Return whether each change of a dict gives it another number; a Python that is built otherwise may keep none."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 14):
        return False
    tried: dict[str, Any] = {}
    number = _number(tried)
    seen = {number.value}
    for change in _CHANGES:
        change(tried)
        seen.add(number.value)
    return len(seen) > len(_CHANGES)
