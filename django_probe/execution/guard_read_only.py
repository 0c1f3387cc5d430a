"""Holds one of Django's connections to reading, where the vendor is one that the guard knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import Error

from django_probe.execution.guard_refusals import NOTE, GuardError, explain

if TYPE_CHECKING:
    from types import ModuleType

    from django.db.backends.base.base import BaseDatabaseWrapper

WAYS_OUT: Final = "choose rollback or read-write with --database-access or in the gate"
_KNOWN: Final = "only PostgreSQL with psycopg 3 and SQLite can be held to read-only"


def objection(backend: type[BaseDatabaseWrapper]) -> str:
    """Say why connections of this backend cannot be held to read-only, or nothing."""
    if backend.vendor == "sqlite":
        return ""
    if backend.vendor != "postgresql":
        return f"{_KNOWN}, and this is {backend.display_name}"
    if not uses_psycopg(backend):
        return f"{_KNOWN}, and this is PostgreSQL with psycopg 2"
    return ""


def uses_psycopg(backend: type[BaseDatabaseWrapper]) -> bool:
    """Tell whether the driver is psycopg 3, whose package is `psycopg`."""
    driver: ModuleType | None = getattr(backend, "Database", None)
    return driver is not None and driver.__name__ == "psycopg"


def hold(wrapper: BaseDatabaseWrapper, note: str) -> None:
    """Hold an open connection to reading; `note` goes with every write that is refused.

    Raises GuardError where it cannot be done, and the driver's errors where the server does not answer.
    """
    try:
        _hold(wrapper, note)
    except GuardError as error:
        raise GuardError(f'database "{wrapper.alias}" could not be held to read-only: {error}; {WAYS_OUT}') from None
    vars(wrapper)[NOTE] = note
    if explain not in wrapper.execute_wrappers:
        wrapper.execute_wrappers.insert(0, explain)  # not appended: execute_wrapper() pops the last


def release(wrapper: BaseDatabaseWrapper) -> None:
    """Undo `hold` in place: for a pool, and for a database in memory, which Django does not close."""
    if vars(wrapper).pop(NOTE, None) is None:
        return
    if explain in wrapper.execute_wrappers:
        wrapper.execute_wrappers.remove(explain)
    if wrapper.connection is None:
        return
    if wrapper.vendor == "sqlite":
        _release_sqlite(wrapper)
    else:
        from django_probe.execution import guard_postgresql  # noqa: PLC0415 (psycopg may not be installed)

        guard_postgresql.release(wrapper.connection)


def still_holds(wrapper: BaseDatabaseWrapper) -> bool:
    """Tell whether what `hold` set in the session is as it was; on PostgreSQL it set nothing there."""
    if wrapper.vendor != "sqlite" or NOTE not in vars(wrapper):
        return True
    return bool(next(wrapper.connection.execute("PRAGMA query_only"))[0])


def _hold(wrapper: BaseDatabaseWrapper, note: str) -> None:
    if why := objection(type(wrapper)):
        raise GuardError(why)
    if wrapper.vendor == "sqlite":
        _hold_sqlite(wrapper)
    else:
        from django_probe.execution import guard_postgresql  # noqa: PLC0415 (psycopg may not be installed)

        guard_postgresql.hold(wrapper.connection, note)


def _hold_sqlite(wrapper: Any) -> None:
    raw = wrapper.connection
    raw.rollback()  # what a receiver of connection_created left open was begun unguarded
    raw.execute("PRAGMA query_only = 1")
    if raw.execute("PRAGMA query_only").fetchone() != (1,):
        raise GuardError("PRAGMA query_only had no effect")
    wrapper.transaction_mode = None  # BEGIN IMMEDIATE takes a write lock: atomic blocks that only read would fail


def _release_sqlite(wrapper: Any) -> None:
    mode = wrapper.settings_dict["OPTIONS"].get("transaction_mode")
    wrapper.transaction_mode = mode.upper() if mode else None
    try:
        with wrapper.wrap_database_errors:
            wrapper.connection.execute("PRAGMA query_only = 0")
    except Error:  # the probe closed it
        wrapper.connection.close()
