"""Runs the questions, as probes of a gate of their own, and sorts what came of them."""

from __future__ import annotations

import os
import unittest
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from django_probe.errors import UsageError
from django_probe.execution.guard.backends import objections
from django_probe.execution.guard.read_only import WAYS_OUT
from django_probe.execution.guard.refusals import READ_ONLY
from django_probe.execution.listener import Listeners
from django_probe.execution.system import linux
from django_probe.policy.gates import Gate
from django_probe.results import Outcome
from django_probe.simple import DjangoProbeSuiteRunner
from django_probe.suggest.answers import Answer, Found
from django_probe.suggest.labels import ADMIN, ARGUMENTS, FRONT, PREFIX, UNNAMED, URLCONF, VIEWS
from django_probe.terms import DatabaseAccess, Isolation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_probe.results import ProbeResult, ProbeRun

_PARALLEL: Final = 8
_BAD: Final = 400
_MAY_BE_CLOSED: Final = (401, 403)
_NO_GET: Final = 405
_PROBLEMS: Final = (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.NOT_RUN)


class EndedError(Exception):
    """A signal ended it before all was asked; `exit_code` is the command's."""

    def __init__(self, ended_by: str, exit_code: int) -> None:
        super().__init__(f"{ended_by} ended this before all was asked")
        self.exit_code = exit_code


class _Runner(DjangoProbeSuiteRunner):
    """Runs ready-made probes and the questions, whatever the project's own PROBE_RUNNER is."""

    def build_suite(
        self, labels: Sequence[str], extra_probes: Iterable[unittest.TestCase] | None = None
    ) -> unittest.TestSuite:
        """Load them; the URLconf is imported here."""
        from django_probe.suggest.questions import questions  # noqa: PLC0415 (in the process that loads alone)

        suite = super().build_suite(labels, extra_probes) if labels else unittest.TestSuite()
        suite.addTest(questions(self._announce))
        return suite


def find_out(apps: Sequence[str], timeout: float) -> Found:
    """Ask all addresses of the project, and run the ready-made probes of these apps; `timeout` seconds for each.

    Raise UsageError where nothing can be found out, and EndedError where a signal came.
    """
    if not linux.AVAILABLE:
        raise UsageError("a view that hangs or ends Python can be contained on Linux alone; run this in the container")
    if unheld := objections(DatabaseAccess.READ_ONLY):
        told = "; ".join(sentence.removesuffix(f"; {WAYS_OUT}") for sentence in unheld)
        raise UsageError(f"views are asked with read-only databases, and that cannot be had here: {told}")
    gate = Gate(
        name="probe_suggest",
        probes=tuple(apps),
        parallel=min(_PARALLEL, 2 * (os.cpu_count() or 1)),
        timeout=timeout,
        isolation=Isolation.PROCESS,
        database_access=DatabaseAccess.READ_ONLY,
    )
    runner = _Runner(failfast=False, gate=gate, listener=Listeners(tuple), allow_empty=True)
    runner.run_probes([])
    run: Any = runner.run
    if run.ended_by:
        raise EndedError(run.ended_by, run.exit_code)
    return _sorted(run, timeout)


def _sorted(run: ProbeRun, timeout: float) -> Found:
    results = {result.label: result for result in run.results}
    if ADMIN not in results:
        raise UsageError(_broken(results))
    answers, left, writing = {}, {}, []
    for label, result in results.items():
        if not label.startswith(VIEWS):
            continue
        name = label.removeprefix(VIEWS)
        came = _judged(result, timeout)
        if isinstance(came, Answer):
            answers[name] = came
        elif READ_ONLY in result.message or READ_ONLY in result.details:
            writing.append(name)
        else:
            left[name] = came
    front = _judged(results[FRONT], timeout) if FRONT in results else None
    if isinstance(front, str):
        left["/"] = front
    ready_made = [result for label, result in results.items() if not label.startswith(f"{PREFIX}.")]
    return Found(
        answers,
        left,
        tuple(writing),
        front if isinstance(front, Answer) else None,
        admin=int(results[ADMIN].message),
        unnamed=int(results[UNNAMED].message),
        arguments=int(results[ARGUMENTS].message),
        required=tuple(each.label for each in ready_made if each.outcome is Outcome.PASSED and each.blocking),
        failing=tuple((each.label, each.message) for each in ready_made if each.outcome in _PROBLEMS),
    )


def _broken(results: dict[str, ProbeResult]) -> str:
    """Return why no address was asked."""
    if told := results.get(URLCONF):
        return f"no URL can be asked. {settings.ROOT_URLCONF}: {told.message}; mend that, and run this again"
    return "no URL can be asked: " + "; ".join(f"{label}: {result.message}" for label, result in results.items())


def _judged(result: ProbeResult, timeout: float) -> Answer | str:
    """Return what an address answered, or why that is nothing to expect."""
    if result.outcome is Outcome.TIMEOUT:
        return f"took longer than {timeout:g} s"
    if result.outcome is not Outcome.PASSED:
        return result.message
    try:
        answer = Answer.read(result.message)
    except ValueError:
        return "what it answered cannot be shown: PROBE_REDACT masks a part of it"
    if answer.status == _NO_GET:
        return "takes no GET: answered 405"
    if answer.status >= _BAD and answer.status not in _MAY_BE_CLOSED:
        return f"answered {answer.status}"
    return answer
