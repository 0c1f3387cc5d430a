"""The process at one moment, as far as imports are held to leave it, and how two moments differ."""

from __future__ import annotations

import decimal
import inspect
import os
import signal
import sys
import unittest
from collections import OrderedDict
from enum import IntEnum
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from django.db import connections
from django.urls import get_script_prefix, get_urlconf
from django.utils import timezone

from django_probe.execution.state import module_watch
from django_probe.execution.state.known import INSTRUMENTS, is_fake, started_patches, test_state, wrappers_of
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Named = Mapping[str, Any]

_MISSING: Final = object()
_MODULE: Final = 'sys.modules["{}"]'
_ATTRIBUTE: Final = "{}"
_DEEPEST: Final = 10
_settings: Final[Any] = settings


class By(IntEnum):
    """Whose code runs at this moment."""

    PROBES = 0
    PROJECT = 1
    INSTALLED = 2


class Reading(NamedTuple):
    """The process at one moment: values by their names, in groups by how a value is called.

    `fakes` count whoever made them. `replaceable` counts where the project changes it, and where probes add to it.
    `own` counts where probes change it.
    """

    fakes: dict[str, Named]
    replaceable: dict[str, Named]
    own: dict[str, Named]


def read(classes: list[tuple[type, list[str]]]) -> Reading:
    """Read the process; of the classes, these methods: one that was replaced meanwhile is told of by its name."""
    return Reading(
        fakes={
            "setup_test_environment(){}": {"": hasattr(test_state(), "saved_data")},
            "patches of unittest.mock that were started{}": {"": len(started_patches())},
        },
        replaceable={
            "settings.{}": _copied(_stored(_settings._wrapped)),  # noqa: SLF001 (Django has no other name for it)
            "an override of settings{}": {"": _settings._wrapped},  # noqa: SLF001 (as above)
            _ATTRIBUTE: module_watch.attributes(),
            "the method {}": dict(_methods(classes)),
            _MODULE: dict(sys.modules),
            'execute_wrappers of the connection "{}"': {
                each.alias: wrappers
                for each in connections.all(initialized_only=True)
                if (wrappers := wrappers_of(each))
            },
        },
        own={
            'os.environ["{}"]': dict(os.environ),
            "the umask{}": {"": _umask()},
            "the working folder{}": {"": _folder()},
            "socket.setdefaulttimeout(){}": {"": Original.getdefaulttimeout()},
            "the signal mask{}": {"": signal.pthread_sigmask(signal.SIG_BLOCK, ())},
            "the alarm timer{}": {"": Original.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)},
            "urllib.request.install_opener(){}": {"": getattr(sys.modules.get("urllib.request"), "_opener", None)},
            "the active language{}": {"": _active("django.utils.translation.trans_real")},
            "the active time zone{}": {"": getattr(timezone._active, "value", None)},  # type: ignore[attr-defined]  # noqa: SLF001 (to ask for it takes the default)
            "the URLconf of the thread{}": {"": (get_urlconf(), get_script_prefix())},
            "the decimal context{}": {"": (decimal.getcontext().prec, decimal.getcontext().rounding)},
        },
    )


def _stored(holder: Any) -> dict[str, Any]:
    """Return the settings by their names; those of an override are on top of what it overrides."""
    own = vars(holder)
    below = own.get("default_settings")
    found = {} if below is None or inspect.ismodule(below) else _stored(below)
    found |= {name: value for name, value in own.items() if name.isupper()}
    return {name: value for name, value in found.items() if name not in own.get("_deleted", ())}


def _methods(classes: list[tuple[type, list[str]]]) -> Iterator[tuple[str, object]]:
    for cls, names in classes:
        yield from ((f"{cls.__qualname__}.{name}", getattr(cls, name)) for name in names)
    for name, value in vars(unittest.TestCase).items():
        if callable(value) or isinstance(value, classmethod):
            yield f"TestCase.{name}", value


def _copied(value: Any, depth: int = 0) -> Any:
    """Return a value with copies of the containers of Python's that it is made of."""
    kind = type(value)
    if depth < _DEEPEST:
        if kind in (dict, OrderedDict):
            return {key: _copied(each, depth + 1) for key, each in value.items()}
        if kind in (list, tuple):
            return kind(_copied(each, depth + 1) for each in value)
    return value.copy() if kind is set else value


def _umask() -> int:
    found = Original.umask(0o077)
    Original.umask(found)
    return found


def _folder() -> str:
    try:
        return Original.getcwd()
    except OSError:
        return ""


def _active(module: str) -> object:
    return getattr(getattr(sys.modules.get(module), "_active", None), "value", None)


def changes(before: Reading, after: Reading, by: By) -> Iterator[tuple[tuple[str, str], object]]:
    """Yield what was changed meanwhile, and what it was before."""
    yield from _differences(before.fakes, after.fakes)
    if by is not By.INSTALLED:
        yield from _differences(before.replaceable, after.replaceable, added=by is By.PROBES)
    if by is By.PROBES:
        yield from _differences(before.own, after.own)


def _differences(
    before: dict[str, Named], after: dict[str, Named], *, added: bool = True
) -> Iterator[tuple[tuple[str, str], object]]:
    for what, now in after.items():
        was = before[what]
        if is_same(was, now):
            continue
        for name in [*now, *(name for name in was if name not in now)]:
            old, new = was.get(name, _MISSING), now.get(name, _MISSING)
            if what == _ATTRIBUTE:
                if new is _MISSING:
                    continue
                old, new = (new[0] if old is _MISSING else old[1]), new[1]
            if not (old is new or is_same(old, new) or (old is _MISSING and not added)) and _counts(what, old, new):
                yield (what, name), old


def value_of(reading: Reading, what: str, name: str) -> object:
    """Return what a value of this group and name was in a reading."""
    group = next(part[what] for part in reading if what in part)
    value = group.get(name, _MISSING)
    return value[1] if what == _ATTRIBUTE and value is not _MISSING else value


def is_same(old: object, new: object) -> bool:
    """Return whether two values are equal; what cannot say so is not."""
    try:
        return bool(old == new)
    except Exception:  # noqa: BLE001 (what stands there may raise whatever it likes when it is compared)
        return False


def _counts(what: str, old: object, new: object) -> bool:
    if what == _MODULE:
        return old is not _MISSING or is_fake(new)
    if what == _ATTRIBUTE and old is None:  # a library that is given its key or its settings by them
        return False
    return not _is_instrument(new)


def _is_instrument(value: Any) -> bool:
    """Return whether a value was made by what instruments a process: gevent, a tracer, and their like."""
    if type(value) is MethodType:
        value = value.__func__
    if type(value) is FunctionType:
        return not INSTRUMENTS.isdisjoint(Path(value.__code__.co_filename).parts)
    named = value if isinstance(value, type | BuiltinFunctionType) else type(value)
    return str(named.__module__).partition(".")[0] in INSTRUMENTS
