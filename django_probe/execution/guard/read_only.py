"""Holds one of Django's connections to reading, for each vendor that the guard knows."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from django_probe.execution.guard import compiled
from django_probe.execution.guard.databases import sqlite
from django_probe.execution.guard.refusals import NOTE, GuardError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

    from django.db.backends.base.base import BaseDatabaseWrapper

WAYS_OUT: Final = "choose rollback or read-write with --database-access or in the gate"
_KNOWN: Final = "only PostgreSQL with psycopg 3, MySQL and MariaDB, and SQLite can be held to read-only"
_MYSQL_DRIVERS: Final = ("MySQLdb", "pymysql")


def objection(backend: type[BaseDatabaseWrapper]) -> str:
    """Return why connections of this backend cannot be held to read-only, or None."""
    if backend.vendor == "sqlite":
        return ""
    if backend.vendor == "mysql":
        driver = _driver(backend)
        return "" if driver in _MYSQL_DRIVERS else f"{_KNOWN}, and this is MySQL with the driver {driver}"
    if backend.vendor != "postgresql":
        return f"{_KNOWN}, and this is {_name_of(backend)}"
    if not uses_psycopg(backend):
        return f"{_KNOWN}, and this is PostgreSQL with psycopg 2"
    return ""


def _name_of(backend: type[BaseDatabaseWrapper]) -> str:
    """Return what a backend's database is called; MySQL's class does not know before it has connected."""
    name = backend.display_name
    if isinstance(name, str):
        return name
    return {"mysql": "MySQL or MariaDB"}.get(backend.vendor, backend.vendor)


def uses_psycopg(backend: type) -> bool:
    """Return whether the driver is psycopg 3, whose package is `psycopg`."""
    return _driver(backend) == "psycopg"


def _driver(backend: type) -> str:
    module: ModuleType | None = getattr(backend, "Database", None)
    return module.__name__ if module else ""


def hold(wrapper: BaseDatabaseWrapper, note: str) -> None:
    """Hold an open connection to reading; `note` goes with every write that is refused.

    Raise GuardError if that is impossible, and the driver's errors if the server does not answer.
    """
    try:
        _hold(wrapper, note)
    except GuardError as error:
        raise GuardError(f'database "{wrapper.alias}" could not be held to read-only: {error}; {WAYS_OUT}') from None
    vars(wrapper)[NOTE] = note
    explain = _explain(wrapper)
    if explain not in wrapper.execute_wrappers:
        wrapper.execute_wrappers.insert(0, explain)  # not appended: execute_wrapper() pops the last


def _explain(wrapper: BaseDatabaseWrapper) -> Callable[..., Any]:
    explain: Callable[..., Any] = _module(wrapper).explain
    return explain


def _module(wrapper: BaseDatabaseWrapper) -> Any:
    """Return the module that holds a vendor's connections; each needs a driver that may not be installed."""
    return import_module(f"django_probe.execution.guard.databases.{wrapper.vendor}")


def connecting(wrapper: BaseDatabaseWrapper, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what to connect with, where a connection that is to be held needs other parameters."""
    if wrapper.vendor != "mysql":
        return parameters
    return cast("dict[str, Any]", _module(wrapper).parameters(_driver(type(wrapper)), parameters))


def replacements(classes: Iterable[type]) -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """Yield what is to be put around methods, of Django and the drivers, so that `hold` holds these backends."""
    if any(uses_psycopg(cls) for cls in classes):
        from django_probe.execution.guard.databases import psycopg_cursors  # noqa: PLC0415 (psycopg may not be installed)

        yield from compiled.sources()
        yield from psycopg_cursors.sending()


def release(wrapper: BaseDatabaseWrapper) -> None:
    """Undo `hold` in place: for a pool, and for a database in memory, which Django does not close."""
    if vars(wrapper).pop(NOTE, None) is None:
        return
    explain = _explain(wrapper)
    if explain in wrapper.execute_wrappers:
        wrapper.execute_wrappers.remove(explain)
    if wrapper.connection is None:
        return
    if wrapper.vendor == "sqlite":
        sqlite.release(wrapper)
    else:
        _module(wrapper).release(wrapper.connection)


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
        _module(wrapper).hold(wrapper.connection, note)
