"""Holds one of Django's connections to reading, for each vendor that the guard knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_probe.execution.guard import sqlite
from django_probe.execution.guard.refusals import NOTE, GuardError, explain

if TYPE_CHECKING:
    from types import ModuleType

    from django.db.backends.base.base import BaseDatabaseWrapper

WAYS_OUT: Final = "choose rollback or read-write with --database-access or in the gate"
_KNOWN: Final = "only PostgreSQL with psycopg 3 and SQLite can be held to read-only"


def objection(backend: type[BaseDatabaseWrapper]) -> str:
    """Return why connections of this backend cannot be held to read-only, or None."""
    if backend.vendor == "sqlite":
        return ""
    if backend.vendor != "postgresql":
        return f"{_KNOWN}, and this is {backend.display_name}"
    if not uses_psycopg(backend):
        return f"{_KNOWN}, and this is PostgreSQL with psycopg 2"
    return ""


def uses_psycopg(backend: type[BaseDatabaseWrapper]) -> bool:
    """Return whether the driver is psycopg 3, whose package is `psycopg`."""
    driver: ModuleType | None = getattr(backend, "Database", None)
    return driver is not None and driver.__name__ == "psycopg"


def hold(wrapper: BaseDatabaseWrapper, note: str) -> None:
    """Hold an open connection to reading; `note` goes with every write that is refused.

    Raise GuardError if that is impossible, and the driver's errors if the server does not answer.
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
        sqlite.release(wrapper)
    else:
        from django_probe.execution.guard import postgresql  # noqa: PLC0415 (psycopg may not be installed)

        postgresql.release(wrapper.connection)


def still_holds(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether what `hold` set in the session is unchanged; on PostgreSQL it set nothing there."""
    if wrapper.vendor != "sqlite" or NOTE not in vars(wrapper):
        return True
    return sqlite.still_holds(wrapper)


def _hold(wrapper: BaseDatabaseWrapper, note: str) -> None:
    if why := objection(type(wrapper)):
        raise GuardError(why)
    if wrapper.vendor == "sqlite":
        sqlite.hold(wrapper)
    else:
        from django_probe.execution.guard import postgresql  # noqa: PLC0415 (psycopg may not be installed)

        postgresql.hold(wrapper.connection, note)
