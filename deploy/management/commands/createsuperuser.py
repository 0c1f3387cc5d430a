"""`createsuperuser`, on the database with the users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.management.base import CommandError

from deploy.history import ALIAS

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(createsuperuser.Command):
    """Django's command, on the history's database. Its check of migrations would ask the database that is probed."""

    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments, with another default."""
        super().add_arguments(parser)
        parser.set_defaults(database=ALIAS)

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Fail if there is nobody to ask. Django's command would say that it skipped the user, and succeed."""
        if options["interactive"] and not (self.stdin and self.stdin.isatty()):
            raise CommandError(
                "no user was made, as there is no terminal to ask for a name and a password; run it in one, or with "
                "--noinput and DJANGO_SUPERUSER_USERNAME, DJANGO_SUPERUSER_EMAIL and DJANGO_SUPERUSER_PASSWORD set"
            )
        return super().handle(*args, **options)
