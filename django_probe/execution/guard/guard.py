"""The database guard: holds all of a process's database connections to what a probe may do.

Django hands out every cursor, in every thread, through `ensure_connection()`, and opens every connection in
`connect()`. While it is installed, the guard wraps both. So it need not know a connection beforehand: it checks
each one when it is used, be it open already, of a thread that an earlier probe left, a reconnect, or a copy of an
alias. (The signal `connection_created` is not enough: if another receiver raises, the connection stays open, and
ours may not have been called.)

It fails closed: a connection that cannot be held is closed, and the probe errs. It is a seat belt, not a
lock: `docs/database-safety.md` lists what it cannot stop.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakSet

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_probe.execution.guard import read_only, sqlite
from django_probe.execution.guard.backends import alias_of, backends, objections, pool_classes
from django_probe.execution.guard.connections import (
    HOLD,
    SESSION,
    cancel,
    discard,
    distrust,
    end_session,
    is_stuck,
    is_unfinished,
    settle,
)
from django_probe.execution.guard.refusals import (
    BESIDE_ROLLBACK,
    LOADING,
    READ_ONLY,
    GuardError,
    take_refusals,
)
from django_probe.execution.guard.replacements import Replacements
from django_probe.execution.guard.rollback import Transactions
from django_probe.execution.guard.statements import may_stay_in_session, text_of
from django_probe.terms import DatabaseAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from threading import Thread

__all__ = ["DatabaseGuard", "GuardError", "unguarded"]

_UNGUARDED: Final[set[int]] = set()


class _Hold(NamedTuple):
    """The access that a connection is held to, and the driver's connection that this was set up on."""

    access: DatabaseAccess
    raw: Any


@contextmanager
def unguarded() -> Iterator[None]:
    """Exempt the connections of this thread: it is no probe's, and writes the history."""
    _UNGUARDED.add(get_ident())
    try:
        yield
    finally:
        _UNGUARDED.discard(get_ident())


class DatabaseGuard:
    """Holds every database connection of this process, threads included, to one access at a time.

    One thread enters `during()`, always the same; the probes run in it.
    """

    def __init__(self) -> None:
        self._access: DatabaseAccess | None = None
        self._depth = 0
        self._owner = 0
        self._round = 0
        self._transactions = Transactions()
        self._known: WeakSet[BaseDatabaseWrapper] = WeakSet()
        self._busy: set[BaseDatabaseWrapper] = set()
        self._replacements = Replacements()
        self._loading = False
        self._only: Collection[Thread] | None = None

    @contextmanager
    def during(self, access: DatabaseAccess) -> Iterator[None]:
        """Hold all connections to `access` while the block runs; it may be nested with the same access.

        Between blocks the last access stays in force, for threads that a probe left. Raise GuardError if `access` is
        impossible, and at the end of `rollback` if something else ended the transaction. Raise ValueError if
        `access` is no access.
        """
        self._enter(DatabaseAccess(access))  # a plain text with the same letters would be no member, and hold nothing
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def loading(self, access: DatabaseAccess) -> Iterator[None]:
        """Hold all connections to reading while probes are imported, unless the run's `access` is read-write.

        A database that cannot be held is a GuardError at its first use. Afterwards this stays in force, as after
        `during`, for threads that an import started.
        """
        self._install()
        self._access = access if access is DatabaseAccess.READ_WRITE else DatabaseAccess.READ_ONLY
        self._loading = True
        try:
            yield
        finally:
            self._loading = False
            take_refusals()  # each is its module's import error; the first probe has nothing to do with them
            for wrapper in connections.all(initialized_only=True):
                discard(wrapper)

    def end(self) -> None:
        """Close this thread's connections and stay in: threads that a probe left may live as long as the process."""
        self._transactions.drop()
        if self._access is not None:
            for wrapper in connections.all(initialized_only=True):
                discard(wrapper)

    def keep_only(self, threads: Collection[Thread]) -> None:
        """Close this thread's connections, and hold from now on these threads alone; with none of them, nothing."""
        if not threads:
            self.close()
            return
        self.end()
        self._only = threads

    def close(self) -> None:
        """Close this thread's connections and remove the guard: the process is as it was before."""
        self.end()
        self._access = None
        self._replacements.undo()
        for wrapper in list(self._known):
            if self._watch in wrapper.execute_wrappers:
                wrapper.execute_wrappers.remove(self._watch)
        for wrapper in list(self._known):  # those of other threads, which may be in mid-transaction
            if not is_unfinished(wrapper.connection):
                vars(wrapper).pop(HOLD, None)
                read_only.release(wrapper)
        self._known.clear()

    def _enter(self, access: DatabaseAccess) -> None:
        if self._depth and access is not self._access:
            raise GuardError(
                f"a probe with database_access {access} cannot run between fixtures with {self._access}: put "
                f"@probe(database_access=...) on the class, or on all classes of a module with setUpModule"
            )
        if not self._depth:
            self._begin(access)
        elif access is DatabaseAccess.ROLLBACK:
            self._transactions.enter()
        self._depth += 1

    def _begin(self, access: DatabaseAccess) -> None:
        self._install()
        self._owner = get_ident()
        self._round += 1
        changed, self._access = access is not self._access, access
        for wrapper in self._open(changed=changed):
            if changed or access is DatabaseAccess.ROLLBACK:
                discard(wrapper)
            else:
                distrust(wrapper)
        if changed and (found := objections(access)):
            self._access = None
            raise GuardError("; ".join(found))

    def _leave(self) -> None:
        try:
            ended = self._transactions.leave()
        finally:
            self._depth -= 1
            if not self._depth:
                self._transactions.drop()
        if not self._depth:
            for wrapper in self._open():
                settle(wrapper)
        if ended:
            raise GuardError(
                f"database {', '.join(dict.fromkeys(ended))}: the transaction that was to be rolled back was ended "
                f"by the probe, by a COMMIT of its own, a statement that commits or closing the driver's "
                f"connection past Django: what it wrote may have stayed"
            )

    def _open(self, *, changed: bool = False) -> Sequence[BaseDatabaseWrapper]:
        """Return this thread's connections; none if none was ever held, since asking costs more than an empty probe."""
        return connections.all(initialized_only=True) if changed or self._known else []

    def _wanted(self, wrapper: BaseDatabaseWrapper) -> DatabaseAccess:
        """Return the access for a connection: only the probe's own thread, while it runs, can be rolled back."""
        return self._wanted_of(_owner(wrapper))

    def _wanted_of(self, owner: int) -> DatabaseAccess:
        access = self._access or DatabaseAccess.READ_ONLY
        if owner in _UNGUARDED:
            return DatabaseAccess.READ_WRITE
        if self._only is not None and owner not in {thread.ident for thread in self._only if thread.is_alive()}:
            return DatabaseAccess.READ_WRITE
        if access is DatabaseAccess.ROLLBACK and not (self._depth and owner == self._owner):
            return DatabaseAccess.READ_ONLY
        return access

    def _is_held(self, wrapper: BaseDatabaseWrapper) -> bool:
        hold: _Hold | None = vars(wrapper).get(HOLD)
        return hold is not None and hold.raw is wrapper.connection and hold.access is self._wanted(wrapper)

    def _hold(self, wrapper: BaseDatabaseWrapper) -> None:
        access = self._wanted(wrapper)
        self._known.add(wrapper)
        if access is DatabaseAccess.READ_ONLY:
            beside = BESIDE_ROLLBACK if self._access is DatabaseAccess.ROLLBACK else READ_ONLY
            read_only.hold(wrapper, LOADING if self._loading else beside)
        elif access is DatabaseAccess.ROLLBACK:
            self._transactions.begin(wrapper, self._depth)
        if self._watch not in wrapper.execute_wrappers:
            wrapper.execute_wrappers.insert(0, self._watch)  # not appended: execute_wrapper() pops the last
        vars(wrapper)[HOLD] = _Hold(access, wrapper.connection)

    def _watch(self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
        """Note statements that may change the session; this is an execute wrapper of Django's."""
        wrapper = context["connection"]
        if may_stay_in_session(text_of(sql, wrapper.connection)):
            vars(wrapper)[SESSION] = self._round
        return execute(sql, params, many, context)

    @contextmanager
    def _holding(self, wrapper: BaseDatabaseWrapper) -> Iterator[None]:
        """Hold the connection that the block leaves open, or close it; Django's own calls in the block pass."""
        self._busy.add(wrapper)
        try:
            yield
            if wrapper.connection is not None:
                self._hold(wrapper)
        except BaseException:
            self._transactions.check(wrapper)
            discard(wrapper)
            raise
        finally:
            self._busy.discard(wrapper)

    def _renew(self, wrapper: BaseDatabaseWrapper) -> None:
        with self._holding(wrapper):
            self._transactions.check(wrapper)
            discard(wrapper)  # after this, only a database in memory is still open

    def _needs_renewal(self, wrapper: BaseDatabaseWrapper) -> bool:
        if wrapper.connection is None or wrapper in self._busy:
            return False
        if not self._is_held(wrapper):
            return True
        # A thread that an earlier probe left may have set something. Stuck: an interrupt left a statement
        # running. A tearDown that has to undo something needs another.
        inherited = vars(wrapper).get(SESSION, self._round) != self._round
        return not wrapper.in_atomic_block and (inherited or is_stuck(wrapper))

    def _install(self) -> None:
        """Wrap each definition of the methods below, those of the backends included."""
        if self._replacements:
            return
        around = {
            "connect": self._around_connect,
            "get_new_connection": self._around_get_new_connection,
            "ensure_connection": self._around_ensure_connection,
            "set_autocommit": self._connecting_first,
            "on_commit": self._connecting_first,
            "temporary_connection": self._connecting_first,  # else it closes, and with it what is rolled back
            "_close": self._around_close,
        }
        classes: list[type] = [
            BaseDatabaseWrapper,
            *(found for found in backends().values() if isinstance(found, type)),
        ]
        for cls in dict.fromkeys(cls for each in classes for cls in each.__mro__):
            for name, put_around in around.items():
                self._replacements.put(cls, name, put_around)
        for cls, name, put_around in read_only.replacements(classes):
            self._replacements.put(cls, name, put_around)
        for pool in pool_classes():
            self._replacements.put(pool, "getconn", self._around_getconn)

    def _around_getconn(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def getconn(pool: Any, *args: Any, **kwargs: Any) -> Any:
            thread = get_ident()
            is_djangos = any(_owner(wrapper) == thread for wrapper in tuple(self._busy))
            if (
                self._wanted_of(thread) is not DatabaseAccess.READ_WRITE
                and not is_djangos
                and (alias := alias_of(pool))
            ):
                raise GuardError(
                    f'database "{alias}": what its pool gives cannot be held to what the probe may do; use '
                    f"django.db.connections"
                )
            return original(pool, *args, **kwargs)

        return getconn

    def _around_connect(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(wrapper: BaseDatabaseWrapper) -> None:
            if wrapper in self._busy:  # a backend's own connect() has called its base's
                original(wrapper)
                return
            if self._wanted(wrapper) is not DatabaseAccess.READ_WRITE:
                sqlite.refuse_to_create(wrapper)
            with self._holding(wrapper):
                original(wrapper)

        return connect

    def _around_get_new_connection(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def get_new_connection(wrapper: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
            if wrapper in self._busy and self._wanted(wrapper) is DatabaseAccess.READ_ONLY and args:
                args = (read_only.connecting(wrapper, args[0]), *args[1:])
            if wrapper not in self._busy and self._wanted(wrapper) is not DatabaseAccess.READ_WRITE:
                raise GuardError(
                    f'database "{wrapper.alias}": what get_new_connection() gives cannot be held to what the '
                    f"probe may do; use django.db.connections, or connection.copy()"
                )
            return original(wrapper, *args, **kwargs)

        return get_new_connection

    def _around_ensure_connection(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def ensure_connection(wrapper: BaseDatabaseWrapper) -> None:
            if self._needs_renewal(wrapper):
                self._renew(wrapper)
            original(wrapper)

        return ensure_connection

    def _connecting_first(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Let `original`, which looks too early, see the atomic block that connecting opens."""

        def connected(wrapper: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
            if wrapper.connection is None:
                wrapper.ensure_connection()
            return original(wrapper, *args, **kwargs)

        return connected

    def _around_close(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def close(wrapper: BaseDatabaseWrapper) -> Any:
            cancel(wrapper)
            self._transactions.check(wrapper)
            read_only.release(wrapper)  # a pool hands the driver's connection on to others
            end_session(wrapper)
            return original(wrapper)

        return close


def _owner(wrapper: BaseDatabaseWrapper) -> int:
    """Return the thread that a connection of Django's belongs to."""
    return int(wrapper._thread_ident)  # type: ignore[attr-defined] # noqa: SLF001 (no public name)
