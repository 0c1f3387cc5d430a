"""Whether what the command said is believed; where it is not, the record that says what happened instead."""

from __future__ import annotations

import os
import shlex
import signal
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django_probe.execution.system.endings import heeded
from django_probe.execution.system.exit_status import cause_of_death
from django_probe.process import handshake
from django_probe.process.environment import environment
from django_probe.reports.text import one_line
from django_probe.results import EndedBy, ExitCode, Outcome, ProbeResult, ProbeRun
from django_probe.supervisor.printed import cause, masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_probe.supervisor.process import Ended
    from django_probe.supervisor.request import Request

LABEL: Final = "startup"
_ANSWERS: Final = ("ran", "listed", "refused")
_MOST: Final = 255
_LOADING: Final = "while settings and apps were loading"


def believed(ended: Ended, request: Request) -> int | None:
    """Return the exit code that the command said it would have; None where the supervisor has to judge for itself.

    How the process ended in truth does not count beside it: what an app does at exit makes no other verdict than
    the one that the reports have. 0 needs the record that says so, of a run with the arguments that were given.
    """
    word = ended.word
    kind = word.get("kind")
    if kind == "refused" and not ended.begun:  # by a manage.py of its own, before any command looked at its arguments
        return ExitCode.USAGE
    if kind in _ANSWERS and _has_other_arguments(ended, request):
        return None
    match kind:
        case "refused":
            return ExitCode.USAGE
        case "listed" if request.lists:
            return _code(word.get("exit"))
        case "ran" if isinstance(record := word.get("record"), dict):
            code, of_record = _code(word.get("exit")), _code(record.get("exit_code"))
            return of_record or code if record.get("passed") is (of_record == 0) else None
    return None


def _code(value: object) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    return int(str(value)) if whole else ExitCode.CLOSED


def of_startup(
    ended: Ended, request: Request, began: datetime, duration: float, missing: Sequence[str] = ()
) -> ProbeRun:
    """Return the record of a run whose own is missing or not believed: one error, which says how the command ended.

    `began` in UTC is when this process did; `duration` in seconds. `missing` are reports that are not there.
    """
    printed = masked(ended.printed.decode("utf-8", "replace"))
    broke = ended.word if ended.word.get("kind") == "broke" else {}
    result = ProbeResult(
        LABEL,
        Outcome.ERROR,
        started_at=began,
        duration=duration,
        message=masked(_message(ended, request, missing, printed)),
        details=masked(str(broke.get("details", ""))),
        output=printed,
    )
    return ProbeRun(
        id=environment("PROBE_RUN_ID", lambda: os.urandom(16).hex()),
        gate=request.gate,
        release=environment("PROBE_RELEASE") or None,
        host=socket.gethostname(),
        shard=request.shard,
        started_at=began,
        finished_at=began + timedelta(seconds=duration),
        selected=0,
        results=(result,),
        ended_by=_ended_by(ended),
    )


def for_console(run: ProbeRun) -> ProbeRun:
    """Return the record without what was printed: who reads standard error has it already."""
    return replace(run, results=tuple(replace(result, output="") for result in run.results))


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def _ended_by(ended: Ended) -> EndedBy | None:
    if ended.overdue:
        return EndedBy.DEADLINE
    ends: Mapping[int, EndedBy] = dict[int, EndedBy](heeded().items())
    came = [*ended.signals, os.WTERMSIG(ended.status)] if os.WIFSIGNALED(ended.status) else ended.signals
    return next((ends[number] for number in came if number in ends), None)


def _has_other_arguments(ended: Ended, request: Request) -> bool:
    return ended.arguments != handshake.told(request.arguments)


def _message(ended: Ended, request: Request, missing: Sequence[str], printed: str) -> str:
    word = ended.word
    if word.get("kind") == "broke":
        return f"the command itself failed: {one_line(str(word.get('message')))}"
    if word.get("kind") in _ANSWERS or (ended.begun and _has_other_arguments(ended, request)):
        return _disbelief(ended, request, missing)
    return _end(ended, printed)


def _disbelief(ended: Ended, request: Request, missing: Sequence[str]) -> str:
    if _has_other_arguments(ended, request):
        both = (ended.arguments, handshake.told(request.arguments))
        began, given = (one_line(shlex.join(each)) or "none" for each in both)
        return f"the command began with other arguments than it was given: {began} in place of {given}"
    if missing:
        return f"the command said that the gate passed, but a report is not there: {', '.join(missing)}"
    return f"the command ended the run with exit code {_code(ended.word.get('exit'))} and without a record of it"


def _end(ended: Ended, printed: str) -> str:
    if ended.overdue:
        return f"the deadline passed {_LOADING}"
    how = cause_of_death(ended.status)
    if ended.begun:
        return f"the command ended before it had a verdict: {how}; what ran is not known"
    if (by := _ended_by(ended)) and ended.status == signal.SIGKILL:
        how = f"{by} did not end it, so it was killed"
    if os.WIFEXITED(ended.status) and os.WEXITSTATUS(ended.status) == 0:
        how = "it exited with status 0, by sys.exit() or os._exit(),"
    said = one_line(cause(printed))
    return f"the command never began: {how} {_LOADING}{f'; {said}' if said else ''}"
