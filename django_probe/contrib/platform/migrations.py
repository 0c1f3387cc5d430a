"""Compares the migrations of the code with those that the databases say were applied, and with the models.

Whatever makes `manage.py migrate --check` refuse is a problem here. So is a database that is ahead of the code, which
Django's command does not look for.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.db import connections, router
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.utils.translation import override

from django_probe.contrib.parts import blaming, few
from django_probe.contrib.platform.databases import not_asked, place, require_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.migrations import Migration

    Key = tuple[str, str]


def is_migrated(alias: str) -> str | None:
    """Compare the database with the migrations of the code, reading only; return why there is nothing to compare.

    Raise AssertionError with everything that is wrong, and what to do. An app that no database router lets onto the
    alias is not compared. A replica, which TEST MIRROR marks, is its primary's to answer for: one that lags lacks no
    migration.
    """
    connection = connections[alias]
    if reason := not_asked(connection):
        return reason
    if mirrored := (connection.settings_dict.get("TEST") or {}).get("MIRROR"):
        return f'database "{alias}" is a replica of "{mirrored}"'
    where = place(connection)
    with blaming(where):
        require_file(connection)
        compared = _Comparison.of(connection)
        if not any(_may_migrate(alias, app) for app in compared.loader.migrated_apps):
            return f'database "{alias}" has no migrations: no app with migrations may migrate it'
        if found := list(compared.problems()):
            raise AssertionError("\n".join(f"{where} {problem}" for problem in found))
    return None


def have_models() -> str | None:
    """Compare the models with the migrations of the code; return why there is nothing to compare.

    Raise AssertionError with what `manage.py makemigrations` would write. Nothing is asked and nothing is written.
    """
    with _that_fit_together():
        loader = MigrationLoader(None, ignore_no_migrations=True)
    if not loader.migrated_apps:
        return "no installed app has migrations"
    if conflicts := list(_conflicts(loader)):
        raise AssertionError("\n".join(conflicts))
    with override(None):  # as makemigrations does: a translated label is no change
        detector = MigrationAutodetector(
            loader.project_state(), ProjectState.from_apps(apps), MigrationQuestioner(dry_run=True)
        )
        changes = detector.changes(graph=loader.graph)
    if changes:
        listed = "; ".join(f"{app}: {_described(migrations)}" for app, migrations in sorted(changes.items()))
        raise AssertionError(
            f'the models have changes that no migration makes: {listed}. Run "manage.py makemigrations" and release '
            f"what it writes. Of an app that is not yours, look for a setting that changes its models, such as "
            f"DEFAULT_AUTO_FIELD"
        )
    return None


class _Comparison(NamedTuple):
    """The migrations of the code, and the rows of the table django_migrations: a migration's key and the row's id."""

    connection: BaseDatabaseWrapper
    loader: MigrationLoader
    rows: dict[Key, int]

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper) -> _Comparison:
        with _that_fit_together(f"{place(connection)} cannot be migrated: "):
            loader = MigrationLoader(connection)
        rows: dict[Any, Any] = MigrationRecorder(connection).applied_migrations()
        return cls(connection, loader, {key: row.pk for key, row in rows.items()})

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with this database; each is a sentence without its subject, and says what to do."""
        alias = self.connection.alias
        refused = False
        for conflict in _conflicts(self.loader):
            refused = True
            yield f"cannot be migrated: {conflict}"
        gaps = self._gaps()
        if gaps:
            refused = True
            pairs = few(f"{_name(child)} is applied without {_name(parent)}" for child, parent in gaps)
            yield (
                f"has applied migrations without what they depend on: {pairs}. Django's migrate refuses that. Where "
                f"the tables have what is missing, insert its row into django_migrations; else restore the database"
            )
        below = self._below(gaps)
        missing = [key for key in self._missing() if key not in below and _may_migrate(alias, key[0])]
        run = f'"manage.py migrate --database={alias}"'
        if missing and not MigrationRecorder(self.connection).has_table():
            yield (
                f"has no table django_migrations: nothing was ever migrated there. Run {run}, or have "
                f"allow_migrate() of a database router say that no app belongs there"
            )
        elif missing:
            then = f"{run} can apply them once that is mended" if refused else f"Run {run} before they are needed"
            yield f"lacks {_count(missing)}: {few(map(_name, missing))}. {then}"
        if unknown := [key for key in self._unknown() if _may_migrate(alias, key[0])]:
            yield (
                f"is ahead of the code, which does not know {_count(unknown)}: {few(map(_name, unknown))}. "
                f"Release code that has them, or migrate back with the code that does. What was only squashed away "
                f'goes with "manage.py migrate --prune --database={alias} {unknown[0][0]}"'
            )

    def _missing(self) -> list[Key]:
        """Return what is not applied, in the order in which it would be."""
        graph = self.loader.graph
        plan = dict.fromkeys(key for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf))
        return [key for key in plan if not self._is_applied(key)]

    def _is_applied(self, key: Key) -> bool:
        # The loader knows which squashed migrations count as applied, and which of those in the table do not.
        return key in self.loader.applied_migrations

    def _gaps(self) -> list[tuple[Key, Key]]:
        """Return each applied migration with a direct dependency that is not; see `check_consistent_history`."""
        nodes = self.loader.graph.node_map
        return [
            (child, parent.key)
            for child in sorted(self.rows)
            if child in nodes
            for parent in sorted(nodes[child].parents)
            if parent.key not in self.rows and not self._is_applied(parent.key)
        ]

    def _below(self, gaps: Iterable[tuple[Key, Key]]) -> set[Key]:
        """Return all that is missing below an applied migration, however deep."""
        graph = self.loader.graph
        return {key for _, parent in gaps for key in graph.forwards_plan(parent) if not self._is_applied(key)}

    def _unknown(self) -> list[Key]:
        """Return what was applied and is no migration of the installed apps that have migrations."""
        disk = self.loader.disk_migrations
        known = disk.keys() | {replaced for migration in disk.values() for replaced in migration.replaces}
        there = {config.label for config in apps.get_app_configs()}
        there -= {app for app, module in settings.MIGRATION_MODULES.items() if module is None}
        begun = self._begun()
        return [
            key
            for key, row in sorted(self.rows.items())
            if key[0] in there and key not in known and not row < begun.get(key[0], row)
        ]

    def _begun(self) -> dict[str, int]:
        """Return the row of each app's first migration in the code of today.

        Rows before it come from migrations that were squashed since; projects seldom prune them.
        """
        begun: dict[str, int] = {}
        for key in self.loader.graph.root_nodes():
            if key in self.rows:
                begun[key[0]] = min(self.rows[key], begun.get(key[0], self.rows[key]))
        return begun


@contextmanager
def _that_fit_together(before: str = "") -> Iterator[None]:
    try:
        yield
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
        raise AssertionError(
            f"{before}the migrations of the code do not fit together: {error} Release the file that is missing, or "
            f"mend the one that is named"
        ) from None


def _conflicts(loader: MigrationLoader) -> Iterator[str]:
    for app, names in sorted(loader.detect_conflicts().items()):
        leaves = " and ".join(f"{app}.{name}" for name in names)
        yield (
            f"the code has more than one last migration of {app}: {leaves}. Run "
            f'"manage.py makemigrations --merge {app}" and release what it writes'
        )


def _may_migrate(alias: str, app: str) -> bool:
    """Return whether a migration of the app can change the alias; if not, it does not matter there."""
    # The first question is what RunPython and RunSQL ask, the second what the operations on models do.
    return router.allow_migrate(alias, app) or any(
        router.allow_migrate_model(alias, model)
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    )


def _described(migrations: Iterable[Migration]) -> str:
    return few(operation.describe() for migration in migrations for operation in migration.operations)


def _name(key: Key) -> str:
    return ".".join(key)


def _count(keys: list[Key]) -> str:
    return f"{len(keys)} {'migration' if len(keys) == 1 else 'migrations'}"
