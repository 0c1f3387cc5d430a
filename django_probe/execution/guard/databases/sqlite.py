"""Holds a connection to SQLite to reading: `PRAGMA query_only`, which is a setting of the connection itself.

An authorizer, which SQLite asks while it reads a statement, refuses what `query_only` does not: to switch it off, in
whatever way that is written, and what makes a file or changes its journal.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from django.db import Error, OperationalError

from django_probe.execution.guard.refusals import NOTE, GuardError, refuse
from django_probe.execution.guard.statements import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper

_GUARDED_PRAGMAS: Final = ("query_only", "journal_mode")
_REFUSALS: Final = ("SQLITE_READONLY", "SQLITE_AUTH")


def hold(wrapper: Any) -> None:
    """Hold an open connection to reading. Raise GuardError if SQLite does not obey."""
    raw = wrapper.connection
    raw.rollback()  # what a receiver of connection_created left open was begun unguarded
    raw.execute("PRAGMA query_only = 1")
    if raw.execute("PRAGMA query_only").fetchone() != (1,):
        raise GuardError("PRAGMA query_only had no effect")
    raw.set_authorizer(_authorize)
    wrapper.transaction_mode = None  # BEGIN IMMEDIATE takes a write lock: atomic blocks that only read would fail


def _authorize(action: int, name: str | None, value: str | None, _database: str | None, _trigger: str | None) -> int:
    """Return whether SQLite may do what a statement says; each action's arguments are of its own."""
    if action == sqlite3.SQLITE_PRAGMA and value is not None and name and name.lower() in _GUARDED_PRAGMAS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_ATTACH and (name is None or _would_make(name)):  # VACUUM INTO comes here, too
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _would_make(name: str) -> bool:
    """Return whether SQLite would make this file, which may be a URI; what is in memory is none."""
    if name.startswith("file:"):
        name, _, options = name.removeprefix("file:").partition("?")
        if "mode=memory" in options:
            return False
        name = unquote(name)
    return name not in ("", ":memory:") and not Path(name).exists()


def explain(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
    """Say with a write that was refused what it was, and the ways out; an execute wrapper of Django's."""
    try:
        return execute(sql, params, many, context)
    except Error as error:
        if getattr(error.__cause__, "sqlite_errorname", None) in _REFUSALS:
            wrapper = context["connection"]
            refuse(error, vars(wrapper).get(NOTE, ""), text_of(sql, wrapper.connection))
        raise


def still_holds(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether the connection is held as `hold` left it."""
    return bool(next(wrapper.connection.execute("PRAGMA query_only"))[0])


def release(wrapper: Any) -> None:
    """Let the connection write again, as its settings have it."""
    mode = wrapper.settings_dict["OPTIONS"].get("transaction_mode")
    wrapper.transaction_mode = mode.upper() if mode else None
    try:
        with wrapper.wrap_database_errors:
            wrapper.connection.set_authorizer(None)
            wrapper.connection.execute("PRAGMA query_only = 0")
    except Error:  # the probe closed it
        wrapper.connection.close()


def refuse_to_create(wrapper: BaseDatabaseWrapper) -> None:
    """Raise OperationalError if SQLite would create the file that it is to open: that would be a write."""
    name = str(wrapper.settings_dict["NAME"])
    if wrapper.vendor != "sqlite" or not _would_make(name):
        return
    raise OperationalError(f'database "{wrapper.alias}": the file {name} does not exist, and a probe may not create it')
