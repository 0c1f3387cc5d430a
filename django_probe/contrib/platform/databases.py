"""Asks the databases: does each answer, and is each as far as the code's migrations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.migrations.executor import MigrationExecutor

from django_probe import conf
from django_probe.contrib.platform.parts import blaming

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.migrations import Migration

_SHOWN_MIGRATIONS = 5


def answer(alias: str) -> str | None:
    """Have the database answer a query; AssertionError says which does not, where it is, and what it said."""
    connection = connections[alias]
    if reason := _not_asked(connection):
        return reason
    with blaming(_place(connection)):
        _require_file(connection)
        with connection.cursor() as cursor:
            cursor.execute(_question(connection))
            cursor.fetchone()
    return None


def is_migrated(alias: str) -> str | None:
    """Compare the database with the migrations of the code, reading only; AssertionError names the unapplied.

    An app that no database router lets onto the alias is not compared. A replica, which TEST MIRROR marks, is
    its primary's to answer for: one that lags is no missing migration.
    """
    connection = connections[alias]
    if reason := _not_asked(connection):
        return reason
    if mirrored := (connection.settings_dict.get("TEST") or {}).get("MIRROR"):
        return f'database "{alias}" is a replica of "{mirrored}"'
    place = _place(connection)
    with blaming(place):
        _require_file(connection)
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        pending = [migration for migration, _ in plan if _may_migrate(alias, migration.app_label)]
        if pending and not executor.recorder.has_table():
            raise AssertionError(
                f"{place} has no table django_migrations: nothing was ever migrated there. Run "
                f'"manage.py migrate --database={alias}", or have allow_migrate() of a database router say '
                f"that no app belongs there"
            )
        if pending:
            raise AssertionError(
                f"{place} lacks {_enumerate(pending)}. Run "
                f'"manage.py migrate --database={alias}" before what needs it is served'
            )
        if not any(_may_migrate(alias, app) for app in executor.loader.migrated_apps):
            return f'database "{alias}" has no migrations: no app with migrations may migrate it'
    return None


def _not_asked(connection: BaseDatabaseWrapper) -> str | None:
    if connection.settings_dict["ENGINE"] == "django.db.backends.dummy":
        return f'database "{connection.alias}" is not configured in DATABASES'
    if _is_the_gates_own(connection.alias):
        return f'database "{connection.alias}" keeps the history of gates alone, which is no part of the system'
    return None


def _is_the_gates_own(alias: str) -> bool:
    """Return whether the history has this database for itself: a gate without it is none the worse, and says so.

    Where a model of the project may be in it too, by its database routers, it is asked as any other.
    """
    return (
        alias == conf.history_database()
        and alias != DEFAULT_DB_ALIAS
        and not any(
            router.allow_migrate_model(alias, model)
            for model in apps.get_models()
            if not model.__module__.startswith(("django_probe.history.", "django.contrib."))
        )
    )


def _place(connection: BaseDatabaseWrapper) -> str:
    """Say which database this is, and where: vendor, host, port and name, never the user or the password."""
    written = connection.settings_dict
    host, port, name = written.get("HOST"), written.get("PORT"), written.get("NAME")
    where = f" at {host}{f':{port}' if port else ''}" if host else ""
    return f'database "{connection.alias}" ({connection.vendor}{where}{f", {name}" if name else ""})'


def _question(connection: BaseDatabaseWrapper) -> str:
    # SQLite reads its file only when it has to: SELECT 1 is answered even where that file is no database.
    if connection.vendor == "sqlite":
        return "SELECT count(*) FROM sqlite_master"
    return f"SELECT 1{connection.features.bare_select_suffix}"


def _require_file(connection: BaseDatabaseWrapper) -> None:
    """Refuse a SQLite file that is not there: connecting would make one, and look like success."""
    name = str(connection.settings_dict.get("NAME") or "")
    if connection.vendor != "sqlite" or connection.connection is not None or not name:
        return
    if name == ":memory:" or name.startswith("file:") or Path(name).exists():
        return
    raise AssertionError(f"{_place(connection)}: the file does not exist; migrate creates it")


def _may_migrate(alias: str, app: str) -> bool:
    """Return whether a migration of the app could do anything to the alias; else it means nothing there."""
    # The first question is what RunPython and RunSQL ask, the second what the operations on models do.
    return router.allow_migrate(alias, app) or any(
        router.allow_migrate_model(alias, model)
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    )


def _enumerate(pending: list[Migration]) -> str:
    names = [f"{migration.app_label}.{migration.name}" for migration in pending]
    more = len(names) - _SHOWN_MIGRATIONS
    shown = ", ".join(names[:_SHOWN_MIGRATIONS]) + (f" and {more} more" if more > 0 else "")
    return f"{len(names)} {'migration' if len(names) == 1 else 'migrations'}: {shown}"
