"""Holds a connection to SQLite to reading, by `PRAGMA query_only`, a setting of the connection itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import Error, OperationalError

from django_probe.execution.guard.refusals import GuardError

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


def hold(wrapper: Any) -> None:
    """Hold an open connection to reading. Raise GuardError if SQLite does not obey."""
    raw = wrapper.connection
    raw.rollback()  # what a receiver of connection_created left open was begun unguarded
    raw.execute("PRAGMA query_only = 1")
    if raw.execute("PRAGMA query_only").fetchone() != (1,):
        raise GuardError("PRAGMA query_only had no effect")
    wrapper.transaction_mode = None  # BEGIN IMMEDIATE takes a write lock: atomic blocks that only read would fail


def still_holds(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether the connection is held as `hold` left it."""
    return bool(next(wrapper.connection.execute("PRAGMA query_only"))[0])


def release(wrapper: Any) -> None:
    """Let the connection write again, as its settings have it."""
    mode = wrapper.settings_dict["OPTIONS"].get("transaction_mode")
    wrapper.transaction_mode = mode.upper() if mode else None
    try:
        with wrapper.wrap_database_errors:
            wrapper.connection.execute("PRAGMA query_only = 0")
    except Error:  # the probe closed it
        wrapper.connection.close()


def refuse_to_create(wrapper: BaseDatabaseWrapper) -> None:
    """Raise OperationalError if SQLite would create the file that it is to open: that would be a write."""
    name = str(wrapper.settings_dict["NAME"])
    if wrapper.vendor != "sqlite" or name == ":memory:" or name.startswith("file:") or Path(name).exists():
        return
    raise OperationalError(f'database "{wrapper.alias}": the file {name} does not exist, and a probe may not create it')
