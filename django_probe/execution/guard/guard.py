"""The database guard: holds all of a process's database connections to what a probe may do.

It fails closed: a connection that cannot be held is closed, and the probe errs. It is a seat belt, not a
lock: `docs/database-safety.md` lists what it cannot stop.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

from django.db import connections

from django_probe.execution.guard.backends import objections
from django_probe.execution.guard.connections import discard, distrust, settle
from django_probe.execution.guard.ending import cancel_statements, end_statements
from django_probe.execution.guard.holder import Holder
from django_probe.execution.guard.refusals import GuardError, take_refusals
from django_probe.execution.guard.rollback import Transactions
from django_probe.execution.guard.rules import Rules, owner_of, unguarded
from django_probe.terms import DatabaseAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from threading import Thread

    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["DatabaseGuard", "GuardError", "unguarded"]


class _During:
    """The block of `DatabaseGuard.during`; a generator would take a tenth of an empty probe's time.

    It has no state of its own, so that one is enough for each access.
    """

    __slots__ = ("_access", "_enter", "_leave")

    def __init__(self, access: DatabaseAccess, enter: Callable[..., None], leave: Callable[[], None]) -> None:
        self._access = access
        self._enter = enter
        self._leave = leave

    def __enter__(self) -> None:
        access = self._access
        # A plain text with the same letters would be no member, and hold nothing.
        self._enter(access if type(access) is DatabaseAccess else DatabaseAccess(access))

    def __exit__(self, *_: object) -> None:
        self._leave()


class DatabaseGuard:
    """Holds every database connection of this process, threads included, to one access at a time.

    One thread enters `during()`, always the same; the probes run in it.
    """

    def __init__(self) -> None:
        self._rules = Rules()
        self._transactions = Transactions()
        self._holder = Holder(self._rules, self._transactions)
        self._blocks: dict[str, _During] = {}

    def during(self, access: DatabaseAccess) -> AbstractContextManager[None]:
        """Hold all connections to `access` while the block runs; it may be nested with the same access.

        Between blocks the last access stays in force, for threads that a probe left. Raise GuardError if `access` is
        impossible, and at the end of `rollback` if something else ended the transaction. Raise ValueError if
        `access` is no access.
        """
        return self._blocks.get(access) or self._blocks.setdefault(access, _During(access, self._enter, self._leave))

    @contextmanager
    def loading(self, access: DatabaseAccess) -> Iterator[None]:
        """Hold all connections to reading while probes are imported, unless the run's `access` is read-write.

        A database that cannot be held is a GuardError at its first use. Afterwards this stays in force, as after
        `during`, for threads that an import started.
        """
        self._holder.install()
        self._rules.access = access if access is DatabaseAccess.READ_WRITE else DatabaseAccess.READ_ONLY
        self._rules.loading = True
        try:
            yield
        finally:
            self._rules.loading = False
            take_refusals()  # a thread's, for each module took its own; the first probe has nothing to do with them
            for wrapper in connections.all(initialized_only=True):
                discard(wrapper)

    def cancel_statements(self, within: float, *, but_of: int) -> None:
        """Cancel what other threads than `but_of` run at servers now, in these seconds: cleanups may run more."""
        cancel_statements([each for each in self._holder.held() if owner_of(each) != but_of], within)

    def end_statements(self, within: float) -> None:
        """Cancel what any thread runs at a server, until there is nothing, in these seconds: the process is to end."""
        end_statements(self._holder.held, within)

    def let_nothing_run(self, within: float) -> None:
        """Do so, and let no thread begin anything more."""
        self._rules.over = True
        self.end_statements(within)

    def end(self) -> None:
        """Close this thread's connections and stay in: threads that a probe left may live as long as the process."""
        self._transactions.drop()
        if self._rules.access is not None:
            for wrapper in connections.all(initialized_only=True):
                discard(wrapper)

    def keep_only(self, threads: Collection[Thread]) -> None:
        """Close this thread's connections, and hold from now on these threads alone; with none of them, nothing."""
        if not threads:
            self.close()
            return
        self.end()
        self._rules.only = threads

    def close(self) -> None:
        """Close this thread's connections and remove the guard: the process is as it was before."""
        self.end()
        self._rules.access = None
        self._holder.remove()

    def _enter(self, access: DatabaseAccess) -> None:
        if self._rules.depth and access is not self._rules.access:
            raise GuardError(
                f"a probe with database_access {access} cannot run between fixtures with {self._rules.access}: put "
                f"@probe(database_access=...) on the class, or on all classes of a module with setUpModule"
            )
        if not self._rules.depth:
            self._begin(access)
        elif access is DatabaseAccess.ROLLBACK:
            self._transactions.enter()
        self._rules.depth += 1

    def _begin(self, access: DatabaseAccess) -> None:
        rules = self._rules
        if not self._holder.is_installed:
            self._holder.install()
        rules.owner = get_ident()
        rules.round += 1
        changed, rules.access = access is not rules.access, access
        for wrapper in self._open() if self._holder.has_held or changed else ():
            if changed or access is DatabaseAccess.ROLLBACK:
                discard(wrapper)
            else:
                distrust(wrapper)
        if changed and (found := objections(access)):
            rules.access = None
            raise GuardError("; ".join(found))

    def _leave(self) -> None:
        transactions = self._transactions
        ended: list[str] = []
        try:
            if not transactions.is_idle:
                ended = transactions.leave()
        finally:
            self._rules.depth -= 1
            if not self._rules.depth and not transactions.is_idle:
                transactions.drop()
        # To ask for the connections where none was ever held would cost more than an empty probe.
        if self._holder.has_held and not self._rules.depth:
            for wrapper in self._open():
                settle(wrapper)
        if ended:
            raise GuardError(
                f"database {', '.join(dict.fromkeys(ended))}: the transaction that was to be rolled back was ended "
                f"by the probe, by a COMMIT of its own, a statement that commits or closing the driver's "
                f"connection past Django: what it wrote may have stayed"
            )

    def _open(self) -> Sequence[BaseDatabaseWrapper]:
        """Return this thread's connections."""
        return connections.all(initialized_only=True)
