"""`manage.py probe`: parses, calls the runner, exits with what it says."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from django_probe import conf
from django_probe.errors import UsageError
from django_probe.execution.linux import process_age
from django_probe.execution.listener import Listeners
from django_probe.execution.redaction import Redactor
from django_probe.management.arguments import add_arguments, given_in_code
from django_probe.reports.console import Console, is_terminal, wants_color
from django_probe.reports.delivery import STDOUT, Delivery, Report
from django_probe.reports.files import pour, settle
from django_probe.reports.text import one_line
from django_probe.results import ExitCode, Outcome
from django_probe.terms import Wishes, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from django_probe.history.recorder import Recorder
    from django_probe.policy import Gate
    from django_probe.results import ProbeRun
    from django_probe.simple import DjangoProbeSuiteRunner


_MOST: Final = 255  # a process's exit status is a byte


class Command(BaseCommand):
    """Run the probes of a gate against the live system."""

    help = "Runs probes against the live system; the exit code says whether a rollout may go on."
    requires_system_checks = ()  # an error of theirs would end the command before it could answer

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Give Django's parser, without abbreviations: `--fail` may mean another option tomorrow."""
        parser = super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)
        parser.usage = "%(prog)s [option ...] [label ...]"  # a page of options would bury what is wrong with one
        return parser

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

    def handle(self, *labels: str, **options: Any) -> None:
        """Run, and exit with the verdict; 2 with one line where something was asked for that cannot be done."""
        recorder = None
        try:
            if not self._from_command_line:
                options = given_in_code(self.create_parser("", "probe"), options)
            labels = options.pop("labels") or labels
            recorder = _recorder(labels, options)
            if options["list"] and (given := _asked(options)):
                raise UsageError(f"--list runs nothing, so there is nothing to write for {' and '.join(given)}")
            runner = self._runner(options, recorder)
            stdout = options.get("stdout") or sys.stdout
            code = self._list(runner, labels, stdout) if options["list"] else self._run(runner, labels)
        except UsageError as error:
            sentence = one_line(Redactor()(str(error)))
            if recorder:
                recorder.refused(sentence)
            raise CommandError(sentence) from None
        if recorder and recorder.trouble:
            self._say(one_line(Redactor()(recorder.trouble)))
        if self._from_command_line:
            gc.freeze()  # the process is about to end: a last collection of all that is loaded would take 30 ms
        if code:
            sys.exit(code)

    def _runner(self, options: dict[str, Any], recorder: Recorder | None) -> DjangoProbeSuiteRunner:
        delivery = Delivery(_reports(options), options.get("stdout") or sys.stdout)
        if not options["list"]:
            delivery.prepare()  # first of all: no report of an earlier run outlives what is refused below
        if (sink := _sink()) not in ("log", "none"):
            raise UsageError(f'PROBE_REPORT_SINK: {sink!r} is neither "log" nor "none"')
        path = conf.runner_path()
        try:
            runner_class = import_string(path)
        except (Exception, SystemExit) as error:  # a module that ends Python would end it with an exit code of its own
            raise UsageError(f"PROBE_RUNNER: {path} cannot be imported: {type(error).__name__}: {error}") from error
        gate = _ordered(conf.policy(options["policy"]).gate(options["gate"]), options)
        called = self._from_command_line
        try:
            runner: DjangoProbeSuiteRunner = runner_class(
                verbosity=options["verbosity"],
                interactive=options["interactive"],
                failfast=gate.failfast,
                gate=gate,
                operator=Wishes(
                    timeout=options["timeout"],
                    retries=options["retries"],
                    database_access=options["database_access"],
                ),
                patterns=options["patterns"],
                shard=options["shard"],
                allow_empty=options["allow_empty"],
                age=process_age() if called else 0.0,
                ends_process=called,
                listener=Listeners(self._console(options), *filter(None, [recorder])),
                delivery=delivery,
            )
        except UsageError:
            raise
        except (Exception, SystemExit) as error:  # such as no class, or an __init__ that does not hand on the options
            raise UsageError(f"PROBE_RUNNER: {path} cannot be made: {type(error).__name__}: {error}") from error
        if not _is_runner(runner):
            raise UsageError(f"PROBE_RUNNER: {path} makes {shown(runner)}, which is no {conf.DEFAULT_RUNNER}")
        return runner

    def _console(self, options: dict[str, Any]) -> Console:
        stream = options.get("stderr") or sys.stderr
        return Console(
            stream,
            color=wants_color(stream, no_color=options["no_color"]) or options["force_color"],
            live=is_terminal(stream),
            verbosity=options["verbosity"],
            durations=options["durations"],
        )

    def _run(self, runner: DjangoProbeSuiteRunner, labels: tuple[str, ...]) -> int:
        if runner.gate.parallel == 0:
            self._say("--parallel 0: in this process, without timeouts, deadline, capture of output or containment")
        code = self._code_of(runner, labels)
        for sentence in runner.undelivered:
            self._say(sentence)
        return (runner.run.exit_code if runner.run else 0) or code

    def _code_of(self, runner: DjangoProbeSuiteRunner, labels: tuple[str, ...]) -> int:
        """Run, and give what the process can exit with: a team's own `run_probes` may give, or exit with, anything."""
        code: object
        try:
            code = runner.run_probes(labels)
        except SystemExit as error:
            code = error.code
        if isinstance(code, int) and not isinstance(code, bool) and 0 <= code <= _MOST:
            return code
        told = one_line(Redactor()(shown(code)))
        self._say(f"run_probes() of the team's own runner gave {told}, which is no exit code: the gate is closed")
        return ExitCode.CLOSED

    def _list(self, runner: DjangoProbeSuiteRunner, labels: tuple[str, ...], stdout: TextIO | None) -> int:
        selected, total = runner.list_probes(labels)
        redact = Redactor()
        sound = []
        for probe in selected:
            if probe.verdict and probe.verdict[0] != Outcome.SKIPPED:
                self._say(one_line(redact(f"{probe.label}: {probe.verdict[1]}")))
            else:
                sound.append(f"{probe.label}\n")
        code = ExitCode.PASSED if total or runner.allow_empty else ExitCode.NOTHING_RAN
        try:
            pour(stdout, "".join(sound).encode("utf-8", "backslashreplace"))
        except (OSError, ValueError) as error:  # ValueError: Python's own where the stream was closed
            self._say(f"--list: could not be delivered: {getattr(error, 'strerror', None) or error}")
            code = code or ExitCode.UNDELIVERED
        return code if len(sound) == len(selected) else ExitCode.CLOSED

    def _say(self, sentence: str) -> None:
        settle(sys.stderr)  # it may be full, and nobody read it
        self.stderr.write(sentence, self.style.NOTICE)


def _is_runner(made: object) -> bool:
    return isinstance(made, import_string(conf.DEFAULT_RUNNER))


def _recorder(labels: Sequence[str], options: dict[str, Any]) -> Recorder | None:
    """Give what writes the history, where its app is installed and it is wanted."""
    if options["list"] or options["no_history"] or not apps.is_installed("django_probe.history"):
        return None
    from django_probe.history.recorder import Recorder  # noqa: PLC0415 (its models are those of an installed app)
    from django_probe.history.store import HTTP  # noqa: PLC0415 (as above)

    trigger = conf.environment("PROBE_TRIGGER")
    chosen = [*labels, *options["patterns"], *(options["tags"] or ()), *(options["exclude_tags"] or ())]
    # What a Job always runs is the gate as its author means it; what a person picks out is not,
    # and of a POST the row says it that waits for this run.
    return Recorder(trigger=trigger, labels=labels, narrowed=bool(chosen) and trigger in ("", HTTP))


def _ordered(gate: Gate, options: dict[str, Any]) -> Gate:
    """Give the gate with what the command line orders in place of its own."""
    keys = ("parallel", "deadline", "retry_delay", "tags", "exclude_tags")
    given = {key: options[key] for key in keys if options[key] is not None}
    return replace(gate, **given, failfast=gate.failfast or options["failfast"])


def _asked(options: dict[str, Any]) -> dict[str, str]:
    asked = {"--junit": "junit", "--json": "json", "--summary": "markdown"}
    return {option: name for option, name in asked.items() if options[name] is not None}


def _reports(options: dict[str, Any]) -> list[Report]:
    reports = [_report(option, options[name], name) for option, name in _asked(options).items()]
    if path := conf.environment("PROBE_TERMINATION_LOG"):
        reports.append(_report("PROBE_TERMINATION_LOG", path, "termination", in_place=True))
    if _sink() == "log":
        reports.append(_report("PROBE_REPORT_SINK", STDOUT, "sink"))
    return reports


def _sink() -> str:
    return conf.environment("PROBE_REPORT_SINK", lambda: "none")


def _report(option: str, path: str, name: str, *, in_place: bool = False) -> Report:
    """Ask for what a module of `reports` renders; it is imported only here, and while the probes are loading."""
    module = partial(import_module, f"django_probe.reports.{name}")

    def render(run: ProbeRun) -> str:
        rendered: str = module().render(run)
        return rendered

    return Report(option, path, render, in_place=in_place, warm_up=module)
