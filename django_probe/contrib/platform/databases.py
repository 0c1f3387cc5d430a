"""Asks the databases whether they answer, and says of each which it is and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, router

from django_probe import conf
from django_probe.contrib.parts import blaming

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_OF_THE_PAGES: Final = ("django_probe.history.", "django.contrib.", "axes.")
"""Where models are of what the pages need: of the history, of those who log in, and of how often they tried."""


def answer(alias: str) -> str | None:
    """Have the database answer a query, and return why there is nothing to ask, or None.

    Raise AssertionError where it does not answer: which it is, where, and what it said.
    """
    connection = connections[alias]
    if reason := not_asked(connection):
        return reason
    with blaming(place(connection)):
        require_file(connection)
        with connection.cursor() as cursor:
            cursor.execute(_question(connection))
            cursor.fetchone()
    return None


def not_asked(connection: BaseDatabaseWrapper) -> str | None:
    """Return why there is nothing to ask of this database, or None."""
    if connection.settings_dict["ENGINE"] == "django.db.backends.dummy":
        return f'database "{connection.alias}" is not configured in DATABASES'
    if _is_the_gates_own(connection.alias):
        return f'database "{connection.alias}" keeps the history of gates alone, which is no part of the system'
    return None


def _is_the_gates_own(alias: str) -> bool:
    """Return whether nothing but the history of gates is kept in this database: a gate can do without it.

    Where the database routers let a model of the project into it, it is asked as any other.
    """
    return (
        alias == conf.history_database()
        and alias != DEFAULT_DB_ALIAS
        and not any(
            router.allow_migrate_model(alias, model)
            for model in apps.get_models()
            if not model.__module__.startswith(_OF_THE_PAGES)
        )
    )


def place(connection: BaseDatabaseWrapper) -> str:
    """Return which database this is, and where: vendor, host, port and name, never the user or the password."""
    written = connection.settings_dict
    host, port, name = written.get("HOST"), written.get("PORT"), written.get("NAME")
    where = f" at {host}{f':{port}' if port else ''}" if host else ""
    return f'database "{connection.alias}" ({connection.vendor}{where}{f", {name}" if name else ""})'


def _question(connection: BaseDatabaseWrapper) -> str:
    # SQLite reads its file only when it has to: SELECT 1 is answered even where that file is no database.
    if connection.vendor == "sqlite":
        return "SELECT count(*) FROM sqlite_master"
    return f"SELECT 1{connection.features.bare_select_suffix}"


def require_file(connection: BaseDatabaseWrapper) -> None:
    """Raise AssertionError where a SQLite file is not there: connecting would make one, and look like success."""
    name = str(connection.settings_dict.get("NAME") or "")
    if connection.vendor != "sqlite" or connection.connection is not None or not name:
        return
    if name == ":memory:" or name.startswith("file:") or Path(name).exists():
        return
    raise AssertionError(f"{place(connection)}: the file does not exist; migrate creates it")
