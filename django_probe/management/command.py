"""`manage.py probe`: parses, calls the runner, exits with what it says."""

from __future__ import annotations

import gc
import sys
import traceback
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_probe.errors import UsageError
from django_probe.execution.failures import message_of
from django_probe.execution.secrets.redaction import Redactor
from django_probe.execution.system.linux import process_age
from django_probe.management import orders
from django_probe.management.arguments import add_arguments, given_in_code
from django_probe.management.voice import Voice
from django_probe.outcomes import EndedBy, ExitCode
from django_probe.process import handshake
from django_probe.reports.delivery import streams
from django_probe.reports.delivery.files import settle
from django_probe.reports.text import one_line
from django_probe.terms import shown

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from typing import TextIO

    from django_probe.process.handshake import Line
    from django_probe.simple import DjangoProbeSuiteRunner

_MOST: Final = 255  # a process's exit status is a byte


class Command(BaseCommand):
    """Run the probes of a gate against the live system."""

    help = "Runs probes against the live system; the exit code says whether a rollout may go on."
    requires_system_checks = ()  # an error of theirs would end the command before it could answer
    _line: Line | None = None
    _ended: DjangoProbeSuiteRunner | None = None
    """The runner, once it has run."""
    _closed: AbstractSet[int] = frozenset()
    """The standard streams that were closed from the start, by their numbers."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return Django's parser, without abbreviations: `--fail` may mean another option tomorrow."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.allow_abbrev = False  # no argument: a project's own create_parser, as django-configurations', takes none
        if self._line:
            parser.prog = handshake.PROG  # what was typed
        parser.usage = "%(prog)s [option ...] [label ...]"  # a page of options would bury what is wrong with one
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as Django does; where a supervisor started this process, tell it how the command began and ends."""
        self._closed = streams.fill()
        self.stderr = Voice(streams.standard_error())
        self.stderr.style_func = self.style.ERROR
        try:
            line = handshake.take()
        except UsageError as error:
            self.stderr.write(f"{handshake.PROG}: {error}")
            sys.exit(ExitCode.USAGE)
        if line is None:
            super().run_from_argv(argv)
            return
        for stream in (sys.stdout, sys.stderr):
            settle(stream)
        line.begin(argv[2:])
        self._line = line
        try:
            super().run_from_argv(argv)
        except SystemExit as error:
            self._tell(line, error.code)
            raise
        except BaseException as error:
            if self._ended is None:
                line.broke(message_of(error), Redactor()(traceback.format_exc()))
            else:
                self._tell(line, ExitCode.CLOSED)
            raise
        self._tell(line, ExitCode.PASSED)

    def _tell(self, line: Line, code: object) -> None:
        exit_code = code if isinstance(code, int) else ExitCode.CLOSED
        if self._ended is not None:
            from django_probe.reports.json import about  # noqa: PLC0415 (only a supervisor is told)

            run = self._ended.run
            line.ran(exit_code, about(run) if run else None)
        elif exit_code == ExitCode.USAGE:
            line.refused()
        else:
            line.listed(exit_code)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of design and documentation."""
        add_arguments(parser)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run as Django does; what it refuses itself, as two options about color that contradict, is exit 2 too."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            error.returncode = ExitCode.USAGE
            if not (options["traceback"] and self._from_command_line):
                raise
            self.stderr.write(f"CommandError: {error}")  # Django would let it end Python, in exit 1
            sys.exit(error.returncode)
        finally:
            if self._from_command_line:
                for stream in (sys.stdout, sys.stderr):  # what one of them still holds could end Python with 120
                    settle(stream)

    @property
    def _from_command_line(self) -> bool:
        return bool(getattr(self, "_called_from_command_line", False))  # Django's, which sets it there alone

    def _stdout(self) -> TextIO | None:
        return None if 1 in self._closed else sys.stdout

    def _age(self) -> float | None:
        """Return how many seconds old the run is: its deadline counts from there. None where the process goes on."""
        if not self._from_command_line:
            return None
        return self._line.age if self._line else process_age()

    def handle(self, *labels: str, **options: Any) -> None:
        """Run, and exit with the verdict; 2 with one line where something was asked for that cannot be done."""
        recorder = messenger = None
        try:
            if self._from_command_line:
                options["stderr"] = streams.standard_error()
            else:
                options = given_in_code(self.create_parser("", "probe"), options)
            labels = options.pop("labels") or labels
            stdout = self._line.stdout if self._line else options.get("stdout") or self._stdout()
            if options["schema"]:
                from django_probe.management.listing import print_schema  # noqa: PLC0415 (no run needs it)

                code: int = print_schema(stdout, self._say)
            else:
                recorder = orders.recorder(labels, options)
                runner = orders.runner(options, recorder, stdout, self._age(), self._line.folder if self._line else "")
                messenger = orders.messenger(runner.gate, recorder)
                code = self._list(runner, labels, stdout) if options["list"] else self._run(runner, labels)
        except UsageError as error:
            sentence = one_line(Redactor()(str(error)))
            if recorder:
                recorder.refused(sentence)
            raise CommandError(sentence) from None
        if recorder and recorder.trouble:
            self._say(one_line(Redactor()(recorder.trouble)))
        elif messenger:
            messenger.deliver()
            if messenger.trouble:
                self._say(one_line(Redactor()(messenger.trouble)))
        if self._from_command_line:
            gc.freeze()  # the last collection would look through the run
        if code:
            sys.exit(code)

    def _list(self, runner: DjangoProbeSuiteRunner, labels: tuple[str, ...], stdout: TextIO | None) -> int:
        from django_probe.management.listing import list_probes  # noqa: PLC0415 (no run needs it)

        return list_probes(runner, labels, stdout, self._say)

    def _run(self, runner: DjangoProbeSuiteRunner, labels: tuple[str, ...]) -> int:
        if runner.gate.parallel == 0:
            self._say("--parallel 0: in this process, without timeouts, deadline, capture of output or containment")
        code: object = None
        details, by = "", None
        try:
            code = runner.run_probes(labels)
            what = _gave(code)
        except SystemExit as error:
            code = error.code
            what = _gave(code)
        except (UsageError, CommandError):
            raise
        except BaseException as error:  # noqa: BLE001 (the gate always answers)
            what, details = f"failed: {message_of(error)}", traceback.format_exc()
            by = EndedBy.SIGINT if isinstance(error, KeyboardInterrupt) else None
        run = runner.conclude(what, details, by)
        self._ended = runner
        for sentence in runner.undelivered:
            self._say(sentence)
        if isinstance(code, int) and not isinstance(code, bool) and 0 <= code <= _MOST:
            return run.exit_code or code or (ExitCode.UNDELIVERED if runner.undelivered else ExitCode.PASSED)
        if not (run.exit_code and details):  # else the record says it
            no_code = "" if details else ", which is no exit code"
            self._say(f"run_probes() of the team's own runner {what}{no_code}: the gate is closed")
        return run.exit_code or ExitCode.CLOSED

    def _say(self, sentence: str) -> None:
        settle(sys.stderr)  # it may be full, and nobody read it
        self.stderr.write(sentence, self.style.NOTICE)


def _gave(code: object) -> str:
    # A number is no secret, and to look for those takes as long as 30 probes.
    return f"gave {shown(code) if isinstance(code, int) else one_line(Redactor()(shown(code)))}"
