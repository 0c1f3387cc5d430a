"""Sees what code of the project leaves in the process when a probes module is imported.

Every probe of the run is forked from this process: what one module left, the probes of all apps would run with. A look
is taken before and after each module, and wherever code of others begins and ends in between. What installed packages
do while they are imported is theirs; it may be much, and is no change. What a module of the project does, outside of
probes, is what the application does: of that only replaced functions and values count.
"""

from __future__ import annotations

import decimal
import inspect
import os
import signal
import sys
import unittest
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from pathlib import Path
from sysconfig import get_path
from threading import get_ident
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.urls import get_script_prefix, get_urlconf
from django.utils import timezone

from django_probe.execution.state import module_watch
from django_probe.execution.state.known import (
    INSTRUMENTS,
    active_patches,
    is_fake,
    is_test_environment,
    patchable,
    wrappers_of,
)
from django_probe.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    Named = Mapping[str, Any]
    Verdict = tuple[str, str]

_MISSING: Final = object()
_MODULE: Final = 'sys.modules["{}"]'
_ATTRIBUTE: Final = "{}"
_NAMED: Final = 4
_DEEPEST: Final = 10
_INSTALLED_IN: Final = ("site-packages", "dist-packages")
_FOREIGN: Final = tuple({f"{get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_settings: Final[Any] = settings
# Each takes a module or its spec. A module in C may run in either of the last two.
_EXECUTING: Final[tuple[tuple[Any, str], ...]] = (
    (next(cls for cls in SourceFileLoader.__mro__ if "exec_module" in vars(cls)), "exec_module"),
    (ExtensionFileLoader, "create_module"),
    (ExtensionFileLoader, "exec_module"),
)


class _By(IntEnum):
    """Whose code runs at this moment."""

    PROBES = 0
    PROJECT = 1
    INSTALLED = 2


class _Reading(NamedTuple):
    """The process at one moment: values by their names, in groups by how a value is called.

    `fakes` count whoever made them. `replaceable` counts where the project changes it, and where probes add to it.
    `own` counts where probes change it.
    """

    fakes: dict[str, Named]
    replaceable: dict[str, Named]
    own: dict[str, Named]


class Imports:
    """The imports of probes modules in this process; a context manager, in which `look` looks.

    `known` are the errors of modules that are not to be imported again, by name: each a message and details.
    `found` are those of the modules that changed the process now.
    """

    def __init__(self, known: Mapping[str, Verdict]) -> None:
        self.known = known
        self.found: dict[str, Verdict] = {}

    def __enter__(self) -> Self:
        global _current  # noqa: PLW0603 (modules are imported far below of who begins)
        _current = self
        return self

    def __exit__(self, *_: object) -> None:
        global _current  # noqa: PLW0603 (as above)
        _current = None


_current: Imports | None = None


def known(name: str) -> Verdict | None:
    """Return the error of a module that is not to be imported again, because that would change the process."""
    return _current.known.get(name) if _current else None


def remember(name: str, message: str, details: str) -> None:
    """Have a module that changed the process answer with this error, wherever it will not be imported."""
    if _current:
        _current.found[name] = (message, details)


@contextmanager
def look(name: str) -> Iterator[list[str]]:
    """Give a list that holds, after the block which imports a probes module, a sentence of what that changed, if any.

    It stays empty where nobody looks: in a web process other threads change things meanwhile.
    """
    said: list[str] = []
    if _current is None:
        yield said
        return
    left = _Left()
    with left.listening():
        yield said
    if found := left.found:
        said.append(_sentence(name, found))


def _sentence(name: str, found: list[str]) -> str:
    more = len(found) - _NAMED
    what = ", ".join(found[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return (
        f"importing {name} changed the process that the probes of all apps run in, so none of its own ran: {what}. "
        f"Change it in setUp or setUpClass, and undo it with addCleanup or addClassCleanup; "
        f"what the application needs belongs in its settings or in AppConfig.ready()"
    )


class _Left:
    """What an import changed, by what it is called."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], object] = {}
        module_watch.settle()
        module_watch.watch([*sys.modules.values()])
        self._by = _By.PROBES
        self._thread = get_ident()
        self._classes = [*patchable()]
        self._first = self._last = _read(self._classes)

    @property
    def found(self) -> list[str]:
        """What is changed at the end, of what was seen to change: what a block changes is seen in the midst of it."""
        return [
            what.format(name)
            for (what, name), old in self._seen.items()
            if not _is_same(now := _value(self._last, what, name), old)
            and not _is_same(now, _value(self._first, what, name))
        ]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear in the block of each module that is imported, and take in what is left at its end."""
        with ExitStack() as undo:
            for loader, name in _EXECUTING:
                undo.callback(setattr, loader, name, vars(loader)[name])
                setattr(loader, name, self._heard(vars(loader)[name]))
            yield
        self._take()

    def _heard(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        def heard(loader: Any, module: ModuleType | ModuleSpec) -> Any:
            by = _by(module if isinstance(module, ModuleSpec) else module.__spec__)
            if by <= self._by or get_ident() != self._thread:
                return execute(loader, module)
            self._take()
            outer, self._by = self._by, by
            try:
                return execute(loader, module)
            finally:
                self._take()
                self._by = outer

        return heard

    def _take(self) -> None:
        now = _read(self._classes)
        for change, old in _changes(self._last, now, self._by):
            self._seen.setdefault(change, old)
        self._last = now


def _by(spec: ModuleSpec | None) -> _By:
    """Return whose code a module is."""
    name = f"{spec.name}." if spec else ""
    if any(name.startswith(f"{config.name}.probes.") for config in apps.get_app_configs()):
        return _By.PROBES
    origin = str(spec.origin if spec else None)
    foreign = origin.startswith(_FOREIGN) or name.startswith("django_probe.") or not Path(origin).is_absolute()
    return _By.INSTALLED if foreign or any(part in origin for part in _INSTALLED_IN) else _By.PROJECT


def _read(classes: list[tuple[type, list[str]]]) -> _Reading:
    """Read the process; of the classes, these methods: one that was replaced meanwhile is told of by its name."""
    return _Reading(
        fakes={
            "setup_test_environment(){}": {"": is_test_environment()},
            "patches of unittest.mock that were started{}": {"": active_patches()},
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
        if kind is dict:
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


def _changes(before: _Reading, after: _Reading, by: _By) -> Iterator[tuple[tuple[str, str], object]]:
    """Yield what was changed meanwhile, and what it was before."""
    yield from _differences(before.fakes, after.fakes)
    if by is not _By.INSTALLED:
        yield from _differences(before.replaceable, after.replaceable, added=by is _By.PROBES)
    if by is _By.PROBES:
        yield from _differences(before.own, after.own)


def _differences(
    before: dict[str, Named], after: dict[str, Named], *, added: bool = True
) -> Iterator[tuple[tuple[str, str], object]]:
    for what, now in after.items():
        was = before[what]
        for name in [*now, *(name for name in was if name not in now)]:
            old, new = was.get(name, _MISSING), now.get(name, _MISSING)
            if what == _ATTRIBUTE:
                if new is _MISSING:
                    continue
                old, new = (new[0] if old is _MISSING else old[1]), new[1]
            if not (old is new or _is_same(old, new) or (old is _MISSING and not added)) and _counts(what, old, new):
                yield (what, name), old


def _value(reading: _Reading, what: str, name: str) -> object:
    group = next(part[what] for part in reading if what in part)
    value = group.get(name, _MISSING)
    return value[1] if what == _ATTRIBUTE and value is not _MISSING else value


def _is_same(old: object, new: object) -> bool:
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
