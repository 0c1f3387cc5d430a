"""What every connection of the process is held to now: one access, and the threads that it does not count for."""

from __future__ import annotations

from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Final

from django_probe.execution.guard.refusals import BESIDE_ROLLBACK, LOADING, READ_ONLY
from django_probe.terms import DatabaseAccess

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from threading import Thread

    from django.db.backends.base.base import BaseDatabaseWrapper

_UNGUARDED: Final[set[int]] = set()


@contextmanager
def unguarded() -> Iterator[None]:
    """Exempt the connections of this thread: it is no probe's, and writes the history."""
    _UNGUARDED.add(get_ident())
    try:
        yield
    finally:
        _UNGUARDED.discard(get_ident())


def owner_of(wrapper: BaseDatabaseWrapper) -> int:
    """Return the thread that a connection of Django's belongs to."""
    return int(wrapper._thread_ident)  # type: ignore[attr-defined] # noqa: SLF001 (no public name)


class Rules:
    """The access in force, None before the first; `depth` counts the blocks that `owner`, a thread, is in.

    `round` counts the outermost blocks. With `only`, no other threads than these are held. Once it is `over`, nobody is
    to connect or to execute anything more.
    """

    def __init__(self) -> None:
        self.access: DatabaseAccess | None = None
        self.depth = 0
        self.owner = 0
        self.round = 0
        self.loading = False
        self.only: Collection[Thread] | None = None
        self.over = False

    def wanted_of(self, thread: int) -> DatabaseAccess:
        """Return the access for a thread: only the probe's own thread, while it runs, can be rolled back."""
        access = self.access or DatabaseAccess.READ_ONLY
        if thread in _UNGUARDED:
            return DatabaseAccess.READ_WRITE
        if self.only is not None and thread not in {each.ident for each in self.only if each.is_alive()}:
            return DatabaseAccess.READ_WRITE
        if access is DatabaseAccess.ROLLBACK and not (self.depth and thread == self.owner):
            return DatabaseAccess.READ_ONLY
        return access

    def wanted(self, wrapper: BaseDatabaseWrapper) -> DatabaseAccess:
        """Return the access for a connection."""
        return self.wanted_of(owner_of(wrapper))

    @property
    def note(self) -> str:
        """What a refused write is told: why, and the ways out."""
        beside = BESIDE_ROLLBACK if self.access is DatabaseAccess.ROLLBACK else READ_ONLY
        return LOADING if self.loading else beside

    def is_exempt(self, wrapper: BaseDatabaseWrapper) -> bool:
        """Return whether a connection is no probe's, and none of our business."""
        return owner_of(wrapper) in _UNGUARDED
