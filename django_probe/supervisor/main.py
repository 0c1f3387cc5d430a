"""`django-probe probe`: parses, starts, judges, reports."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django_probe.errors import UsageError
from django_probe.execution.system import linux
from django_probe.reports.delivery.delivery import Delivery
from django_probe.reports.delivery.streams import say
from django_probe.reports.delivery.wanted import by_option, sink, wanted
from django_probe.reports.text import one_line
from django_probe.results import ExitCode
from django_probe.supervisor import application, request, verdict
from django_probe.supervisor.process import Ended, supervise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.results import ProbeRun
    from django_probe.supervisor.request import Request


def probe(arguments: Sequence[str]) -> int:
    """Run `manage.py probe` with these arguments in a process of its own, and return the exit code of the gate."""
    age = linux.process_age()
    began = verdict.now() - timedelta(seconds=age)
    asked = request.read(arguments)
    lists = asked.lists and not by_option(asked.options)  # else the command refuses it, as it does what is wrong
    delivery = Delivery([] if lists else wanted(asked.options), sys.stdout)
    try:
        delivery.prepare()  # first of all: no report of an earlier run outlives what may happen now
        if not linux.AVAILABLE:
            raise UsageError("it needs Linux; elsewhere use manage.py probe --parallel 0")
        found = application.find(asked.settings)
    except UsageError as error:
        _say(str(error))
        return ExitCode.USAGE
    started = time.clock_gettime(time.CLOCK_BOOTTIME) - age
    try:
        ended = supervise(found, ["probe", *arguments], started, asked.deadline)
    except OSError as error:
        ended = Ended(word={"kind": "broke", "message": f"it could not be started: {error.strerror or error}"})
    code = verdict.believed(ended, asked)
    missing = delivery.missing() if code == ExitCode.PASSED and not asked.lists else []
    if code is not None and not missing:
        return code
    duration = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    run = verdict.of_startup(ended, asked, began, duration, missing)
    _report(run, delivery, asked)
    return run.exit_code


def _report(run: ProbeRun, delivery: Delivery[ProbeRun], asked: Request) -> None:
    from django_probe.reports import github  # noqa: PLC0415 (for this alone)
    from django_probe.reports.console.console import Console, is_terminal, wants_color  # noqa: PLC0415 (for this alone)

    for sentence in delivery.deliver(run):
        _say(sentence)
    brief = sink() == "log"
    stream = sys.stdout if brief and sys.stdout is not None else sys.stderr
    color = wants_color(stream, no_color=bool(asked.options.get("no_color")))
    annotate = github.wanted(asked=bool(asked.options.get("annotations")))
    console = Console(stream, color=color, live=is_terminal(stream), annotate=annotate, brief=brief)
    console.finished(verdict.for_console(run))


def _say(sentence: str) -> None:
    say(f"{request.PROG}: {one_line(sentence)}")
