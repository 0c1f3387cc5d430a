"""`manage.py probe_suggest`: prints a policy for the project, and writes nothing."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from django_probe.errors import UsageError
from django_probe.execution.secrets.redaction import Redactor
from django_probe.management.arguments import typed
from django_probe.management.listing import poured
from django_probe.outcomes import ExitCode
from django_probe.process import handshake
from django_probe.reports.delivery import streams
from django_probe.reports.delivery.files import settle
from django_probe.reports.text import one_line
from django_probe.suggest import catalogue, writing
from django_probe.suggest.finding import EndedError, find_out
from django_probe.terms import parse_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from typing import TextIO

    from django.core.management.base import CommandParser

_TIMEOUT = 10.0


class Command(BaseCommand):
    """Suggest a policy."""

    help = (
        "Prints a policy for this project, to be edited: a check for each URL that answers a GET without arguments, "
        "and the ready-made probes that fit. It asks in processes of its own, with read-only databases."
    )
    requires_system_checks = ()  # they import the URLconf, which may do anything
    _closed: AbstractSet[int] = frozenset()
    """The standard streams that were closed from the start, by their numbers."""
    _policy: TextIO | None = None
    """Where `django-probe suggest` wants the policy."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as Django does, with standard streams that are open."""
        if descriptor := os.environ.pop(handshake.SUGGESTION, ""):
            self._policy = open(int(descriptor), "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (as long as we live)
        self._closed = streams.fill()
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the one option."""
        parser.add_argument(
            "--timeout",
            type=typed(parse_timeout),
            default=_TIMEOUT,
            metavar="DUR",
            help="for each URL: 250ms, 30s; 10s if it is not given",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print it; exit 2 with one line where nothing could be asked."""
        with _stdout_kept():
            text = self._suggested(options["timeout"])
        stream = self._policy or options.get("stdout") or (None if 1 in self._closed else sys.stdout)
        if code := poured(stream, text, "probe_suggest", self.stderr.write):
            sys.exit(code)

    def _suggested(self, timeout: float) -> str:
        ready_made = catalogue.fitting()
        try:
            found = find_out([each.label for each in ready_made if each.installed], timeout)
        except UsageError as error:
            raise CommandError(one_line(Redactor()(str(error))), returncode=ExitCode.USAGE) from None
        except EndedError as error:
            raise CommandError(str(error), returncode=error.exit_code) from None
        has_checks = apps.is_installed(writing.CHECKS)
        return writing.policy(found, ready_made, catalogue.own_labels(), has_checks=has_checks)


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """Send what the project prints, and has printed and Python still holds, to standard error meanwhile."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        settle(sys.stdout)
        os.dup2(kept, 1)
        os.close(kept)
