"""Holds each connection of Django's to what the rules want, whenever it is used, by methods put around Django's own.

Django hands out every cursor, in every thread, through `ensure_connection()`, and opens every connection in
`connect()`. While it is installed, both are wrapped. So a connection need not be known beforehand: each one is checked
when it is used, be it open already, of a thread that an earlier probe left, a reconnect, or a copy of an alias. (The
signal `connection_created` is not enough: if another receiver raises, the connection stays open, and ours may not have
been called.)
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_probe.execution.guard import read_only
from django_probe.execution.guard.backends import alias_of, backends, pool_classes
from django_probe.execution.guard.connections import (
    BROUGHT,
    HOLD,
    SESSION,
    cancel,
    discard,
    end_session,
    is_stuck,
    is_unfinished,
    part,
)
from django_probe.execution.guard.databases import sqlite
from django_probe.execution.guard.ending import remember
from django_probe.execution.guard.refusals import NOTE, GuardError
from django_probe.execution.guard.replacements import Replacements
from django_probe.execution.guard.rules import owner_of
from django_probe.execution.guard.statements import may_stay_in_session, text_of
from django_probe.terms import DatabaseAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django_probe.execution.guard.rollback import Transactions
    from django_probe.execution.guard.rules import Rules


class _Hold(NamedTuple):
    """The access that a connection is held to, and the driver's connection that this was set up on."""

    access: DatabaseAccess
    raw: Any


class Holder:
    """Holds connections to what `rules` want; those that are to be rolled back are begun in `transactions`."""

    def __init__(self, rules: Rules, transactions: Transactions) -> None:
        self._rules = rules
        self._transactions = transactions
        self._known: WeakSet[BaseDatabaseWrapper] = WeakSet()
        self.has_held = False
        """Whether any connection was held yet."""
        self._busy: set[BaseDatabaseWrapper] = set()
        self.is_installed = False
        self._replacements = Replacements()
        self._covered: set[type] = set()

    def held(self) -> list[BaseDatabaseWrapper]:
        """Return the connections that were held at some time and are open, of all threads."""
        while True:
            try:
                return [each for each in self._known if each.connection is not None and not self._rules.is_exempt(each)]
            except RuntimeError:  # another thread connected meanwhile
                continue

    def install(self) -> None:
        """Wrap each definition of the methods below, those of the backends included, unless that is done."""
        if self.is_installed:
            return
        self.is_installed = True
        self._replacements.put(BaseDatabaseWrapper, "__init__", self._around_init)
        self._cover([BaseDatabaseWrapper, *(found for found in backends().values() if isinstance(found, type))])
        for pool in pool_classes(connections.settings.values()):
            self._replacements.put(pool, "getconn", self._around_getconn)

    def _cover(self, classes: Sequence[type]) -> None:
        """Wrap the methods of these backends, unless they are."""
        around = {
            "connect": self._around_connect,
            "get_new_connection": self._around_get_new_connection,
            "ensure_connection": self._around_ensure_connection,
            "set_autocommit": self._connecting_first,
            "on_commit": self._connecting_first,
            "temporary_connection": self._connecting_first,  # else it closes, and with it what is rolled back
            "_close": self._around_close,
        }
        for cls in dict.fromkeys(cls for each in classes for cls in each.__mro__):
            for name, put_around in around.items():
                self._replacements.put(cls, name, put_around)
        for cls, name, put_around in read_only.replacements(classes):
            self._replacements.put(cls, name, put_around)
        self._covered.update(classes)

    def _know(self, wrapper: BaseDatabaseWrapper) -> None:
        """Wrap what an alias brings that was added after `install`: its backend and its pool may be the first."""
        if type(wrapper) not in self._covered:
            self._cover([type(wrapper)])
        for pool in pool_classes([wrapper.settings_dict]):
            self._replacements.put(pool, "getconn", self._around_getconn)

    def remove(self) -> None:
        """Give Django its own methods back, and let every connection go that is not in the middle of something."""
        self._replacements.undo()
        self.is_installed = False
        self._covered.clear()
        for wrapper in list(self._known):
            if self._watch in wrapper.execute_wrappers:
                wrapper.execute_wrappers.remove(self._watch)
        for wrapper in list(self._known):  # those of other threads, which may be in mid-transaction
            if not is_unfinished(wrapper.connection):
                vars(wrapper).pop(HOLD, None)
                read_only.release(wrapper)
        self._known.clear()
        self.has_held = False

    def _is_held(self, wrapper: BaseDatabaseWrapper) -> bool:
        hold: _Hold | None = vars(wrapper).get(HOLD)
        return hold is not None and hold.raw is wrapper.connection and hold.access is self._rules.wanted(wrapper)

    def _hold(self, wrapper: BaseDatabaseWrapper) -> None:
        access = self._rules.wanted(wrapper)
        self._known.add(wrapper)
        self.has_held = True
        if access is DatabaseAccess.READ_ONLY:
            read_only.hold(wrapper, self._rules.note)
        elif access is DatabaseAccess.ROLLBACK:
            self._transactions.begin(wrapper, self._rules.depth)
        if self._watch not in wrapper.execute_wrappers:
            wrapper.execute_wrappers.insert(0, self._watch)  # not appended: execute_wrapper() pops the last
        remember(wrapper)
        vars(wrapper)[HOLD] = _Hold(access, wrapper.connection)

    def _watch(self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
        """Note statements that may change the session; this is an execute wrapper of Django's."""
        wrapper = context["connection"]
        self._refuse_at_end(wrapper)
        if may_stay_in_session(text_of(sql, wrapper.connection)):
            vars(wrapper)[SESSION] = self._rules.round
        return execute(sql, params, many, context)

    @contextmanager
    def _holding(self, wrapper: BaseDatabaseWrapper) -> Iterator[None]:
        """Hold the connection that the block leaves open, or close it; Django's own calls in the block pass.

        Wrappers of the project's around statements have to wait: what they execute would pass too.
        """
        own = [each for each in wrapper.execute_wrappers if _is_ours(each)]
        projects = [each for each in wrapper.execute_wrappers if not _is_ours(each)]
        wrapper.execute_wrappers[:] = own
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
            _put_back(wrapper, projects)

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
        inherited = vars(wrapper).get(SESSION, self._rules.round) != self._rules.round
        return not wrapper.in_atomic_block and (inherited or is_stuck(wrapper))

    def _refuse_at_end(self, wrapper: BaseDatabaseWrapper) -> None:
        if self._rules.over:
            raise GuardError(f'database "{wrapper.alias}": the process is about to end, and nothing more may begin')

    def _around_getconn(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def getconn(pool: Any, *args: Any, **kwargs: Any) -> Any:
            thread = get_ident()
            is_djangos = any(owner_of(wrapper) == thread for wrapper in tuple(self._busy))
            if (
                self._rules.wanted_of(thread) is not DatabaseAccess.READ_WRITE
                and not is_djangos
                and (alias := alias_of(pool))
            ):
                raise GuardError(
                    f'database "{alias}": what its pool gives cannot be held to what the probe may do; use '
                    f"django.db.connections"
                )
            return original(pool, *args, **kwargs)

        return getconn

    def _around_init(self, original: Callable[..., None]) -> Callable[..., None]:
        def __init__(wrapper: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> None:  # noqa: N807 (its own name)
            original(wrapper, *args, **kwargs)
            self._know(wrapper)

        return __init__

    def _around_connect(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(wrapper: BaseDatabaseWrapper) -> None:
            if wrapper in self._busy:  # a backend's own connect() has called its base's
                original(wrapper)
                return
            self._know(wrapper)  # it may have been made before `install`
            if self._rules.wanted(wrapper) is not DatabaseAccess.READ_WRITE:
                sqlite.refuse_to_create(wrapper)
            with self._holding(wrapper):
                original(wrapper)

        return connect

    def _around_get_new_connection(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def get_new_connection(wrapper: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
            if wrapper in self._busy and self._rules.wanted(wrapper) is DatabaseAccess.READ_ONLY and args:
                args = (read_only.connecting(wrapper, args[0]), *args[1:])
            if wrapper not in self._busy and self._rules.wanted(wrapper) is not DatabaseAccess.READ_WRITE:
                raise GuardError(
                    f'database "{wrapper.alias}": what get_new_connection() gives cannot be held to what the '
                    f"probe may do; use django.db.connections, or connection.copy()"
                )
            return original(wrapper, *args, **kwargs)

        return get_new_connection

    def _around_ensure_connection(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def ensure_connection(wrapper: BaseDatabaseWrapper) -> None:
            self._refuse_at_end(wrapper)
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
            if NOTE in vars(wrapper) or self._rules.wanted(wrapper) is not DatabaseAccess.READ_WRITE:
                part(wrapper)
            read_only.release(wrapper)  # a pool hands the driver's connection on to others
            end_session(wrapper)
            return original(wrapper)

        return close


def _put_back(wrapper: BaseDatabaseWrapper, projects: list[Any]) -> None:
    """Put back the project's execute wrappers; those that came with the connection follow, if they are others."""
    here = wrapper.execute_wrappers
    if brought := [each for each in here if not _is_ours(each) and each not in projects]:
        vars(wrapper)[BROUGHT] = brought
    here[:] = [*filter(_is_ours, here), *projects, *brought]


def _is_ours(execute_wrapper: Any) -> bool:
    """Return whether an execute wrapper is one of the guard's."""
    return getattr(execute_wrapper, "__module__", "").startswith(__package__)
