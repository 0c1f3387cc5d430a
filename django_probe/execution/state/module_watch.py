"""Notices what is assigned to modules from outside, as patches are: at no cost to whoever assigns nothing.

A module gets a class of its own, whose only difference is that it keeps what an attribute was before it was set the
first time. What a module's own code assigns to its globals, such as a cache that it fills, does not come by here.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from django_probe.execution.state.known import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

_MISSING: Final = object()
# Python itself sets `sys`, whose state is looked at by name. Django sets the last when an override of LANGUAGE_CODE
# begins and when it ends.
_UNWATCHED: Final = frozenset({"sys", "__main__", "django.utils.translation.trans_real"})
assigned: Final[dict[tuple[int, str], tuple[ModuleType, object]]] = {}
"""What was set in watched modules, by module and name, with what was there first; most often nothing was."""
_instrumented: Final[set[tuple[int, str]]] = set()
_DEEP: Final = 30
_set = ModuleType.__setattr__
_delete = ModuleType.__delattr__


class _Watched(ModuleType):
    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        own = isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}"
        if not own:  # else it was imported: importing a submodule sets it in its package
            _keep(self, name)
        _set(self, name, value)

    def __delattr__(self, name: str) -> None:
        _keep(self, name)
        _delete(self, name)


def watch(modules: Iterable[object]) -> None:
    """Notice from now on what is set in these modules; one that has a class of its own is left alone."""
    for module in modules:
        if type(module) is ModuleType and vars(module).get("__name__") not in _UNWATCHED:
            with suppress(TypeError):
                module.__class__ = _Watched


def replacements() -> tuple[tuple[int, str, int], ...]:
    """Return what is set in the watched modules and differs from what was there first: module, name and object.

    None in place of nothing is no difference: freezegun leaves a `time.clock` so.
    """
    return tuple(
        (*key, id(now))
        for key, (module, first) in assigned.items()
        if (now := vars(module).get(key[1], _MISSING)) is not first and not (now is None and first is _MISSING)
    )


def attributes() -> dict[str, tuple[object, object]]:
    """Return what was set in the watched modules, by its dotted name: what was there first, and what is now.

    What was missing first or is missing now is left out, and so is what an instrument of the whole process set.
    """
    return {
        f"{vars(module).get('__name__')}.{key[1]}": (first, now)
        for key, (module, first) in assigned.items()
        if key not in _instrumented
        and first is not _MISSING
        and (now := vars(module).get(key[1], _MISSING)) is not _MISSING
    }


def settle() -> None:
    """Take everything that is set now for what was there first."""
    assigned.clear()
    _instrumented.clear()


def _keep(module: ModuleType, name: str) -> None:
    key = id(module), name
    if key not in assigned and name != "__warningregistry__":  # `assertWarns` empties those of all modules
        assigned[key] = (module, vars(module).get(name, _MISSING))
        if _is_instrument():
            _instrumented.add(key)


def _is_instrument() -> bool:
    """Return whether code of an instrument is setting it: gevent sets numbers and functions of Python's as well."""
    frame = inspect.currentframe()
    for _ in range(_DEEP):
        if frame is None:
            return False
        if str(frame.f_globals.get("__name__")).partition(".")[0] in INSTRUMENTS:
            return True
        frame = frame.f_back
    return False
