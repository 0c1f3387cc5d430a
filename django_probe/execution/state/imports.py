"""Sees what code of the project leaves in the process when a probes module is imported.

Every probe of the run is forked from this process: what one module left, the probes of all apps would run with. A look
is taken before and after each module, and wherever code of others begins and ends in between. What installed packages
do while they are imported is theirs; it may be much, and is no change. What a module of the project does, outside of
probes, is what the application does: of that only replaced functions and values count.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Self

from django.apps import apps

from django_probe.execution.state import module_watch
from django_probe.execution.state.known import FOREIGN, patchable
from django_probe.execution.state.readings import By, changes, is_same, read, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    Verdict = tuple[str, str]

_NAMED: Final = 4
_INSTALLED_IN: Final = ("site-packages", "dist-packages")
# Each takes a module or its spec. A module in C may run in either of the last two.
_EXECUTING: Final[tuple[tuple[Any, str], ...]] = (
    (next(cls for cls in SourceFileLoader.__mro__ if "exec_module" in vars(cls)), "exec_module"),
    (ExtensionFileLoader, "create_module"),
    (ExtensionFileLoader, "exec_module"),
)


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
        self._by = By.PROBES
        self._thread = get_ident()
        self._classes = [*patchable()]
        self._first = self._last = read(self._classes)

    @property
    def found(self) -> list[str]:
        """What is changed at the end, of what was seen to change: what a block changes is seen in the midst of it."""
        return [
            what.format(name)
            for (what, name), old in self._seen.items()
            if not is_same(now := value_of(self._last, what, name), old)
            and not is_same(now, value_of(self._first, what, name))
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
        now = read(self._classes)
        for change, old in changes(self._last, now, self._by):
            self._seen.setdefault(change, old)
        self._last = now


def _by(spec: ModuleSpec | None) -> By:
    """Return whose code a module is."""
    name = f"{spec.name}." if spec else ""
    if any(name.startswith(f"{config.name}.probes.") for config in apps.get_app_configs()):
        return By.PROBES
    origin = str(spec.origin if spec else None)
    foreign = origin.startswith(FOREIGN) or name.startswith("django_probe.") or not Path(origin).is_absolute()
    return By.INSTALLED if foreign or any(part in origin for part in _INSTALLED_IN) else By.PROJECT
