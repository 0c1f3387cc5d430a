"""`migrate`, on the database with our tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from deploy.history import ALIAS
from django_probe.contrib.platform.databases import place
from django_probe.execution.secrets.redaction import Redactor
from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(migrate.Command):
    """Django's command, on the history's database and never on the one that is probed.

    There it would make no table of ours. It would only record in the table of migrations that ours are applied.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments, with another default."""
        super().add_arguments(parser)
        parser.set_defaults(database=ALIAS)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Refuse the database that is probed, before anything asks it; say in one line what a database refuses.

        A Job tries again, so that a traceback of each try would bury the reason. `--traceback` shows it.
        """
        if options["database"] == DEFAULT_DB_ALIAS:
            raise CommandError(
                f'the database "{DEFAULT_DB_ALIAS}" is the one that is probed, and gets no table from here; '
                f'leave --database out, or name "{ALIAS}"'
            )
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            if options["traceback"]:
                raise
            where = place(connections[options["database"]])
            raise CommandError(f"{where}: {one_line(Redactor()(str(error)))}") from error
