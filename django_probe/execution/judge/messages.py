"""Turns what workers say, and how they end, into entries of the ledger.

Nobody is believed: a message that does not fit what a worker was given, and an end without all that it owed, are
errors of the probe that was running, or of the runner where none was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django_probe import details
from django_probe.execution.failures import one_line
from django_probe.execution.judge.processes.output import masked
from django_probe.execution.judge.processes.worker_handle import GOODBYE, Stage
from django_probe.execution.judge.room import attached
from django_probe.execution.judge.work import Attempt
from django_probe.execution.protocol import MICROSECONDS
from django_probe.outcomes import Outcome
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from django_probe.execution.judge.ledger import Ledger
    from django_probe.execution.judge.processes.worker_handle import WorkerHandle

TIMEOUT: Final = "timeout"
LOST: Final = "lost"
_MOST_AHEAD: Final = 128
_QUICK: Final = 0.001
_LAST_SECOND: Final = 253402300799.0  # of the year 9999, the last that a datetime can be


class MessageHandler:
    """Hears the workers for `ledger`; with `ahead` false no worker gets more than one unit at a time."""

    def __init__(self, ledger: Ledger, *, ahead: bool) -> None:
        self._ledger = ledger
        self._ahead = ahead
        self.heard = 0

    def hear(self, handle: WorkerHandle, kind: str, *rest: Any) -> None:
        """Take one message of a worker; `heard` counts them."""
        self.heard += 1
        now = Original.monotonic()
        if handle.stage in (Stage.DUMPING, Stage.LAST_CALL, Stage.KILLED):
            return  # its time is over, whatever it says now
        try:
            self._hear(handle, now, kind, *rest)
        except (TypeError, ValueError, LookupError, ArithmeticError):  # a probe found the socket, and wrote into it
            self._misfit(handle, now)

    def _hear(self, handle: WorkerHandle, now: float, kind: str, *rest: Any) -> None:
        if handle.said_bye:
            self._misfit(handle, now)
        elif kind == "interrupted" and handle.stage is Stage.INTERRUPTED:
            handle.cleaning_up(now)
        elif kind == "bye":
            self._bye(handle, now)
        elif not handle.units:
            self._misfit(handle, now)
        elif kind == "fixture":
            handle.fixture, handle.since = (rest[0], rest[1]), now
        elif kind == "fixture_done":
            handle.fixture, handle.since = None, now
            self._in_time(handle)
        elif kind in ("result", "passed"):
            self._result(handle, now, *(rest if kind == "result" else _in_full(*rest)))
        elif kind == "fixture_problem":
            self._ledger.add(rest[0], self._attempt(handle, *rest), blocking=handle.units[0].blocking)
        elif kind == "done":
            handle.output.ended()  # what the last fixture printed, and had no problem to show it for
            handle.since = now
            self._close_unit(handle, now)
        else:
            self._misfit(handle, now)

    def _bye(self, handle: WorkerHandle, now: float) -> None:
        """Take that a worker leaves: because it is told to, or because of what it has ended, and not before that.

        So whoever says it instead of the worker is found out, in the next worker at the latest.
        """
        if handle.units and not handle.ended:
            self._misfit(handle, now)
            return
        handle.left = handle.said_bye = True
        if handle.stage is Stage.SERVING:
            handle.leaving("", now, GOODBYE)

    def _misfit(self, handle: WorkerHandle, now: float) -> None:
        """End a worker that said what nobody asked it for: an error of what it runs, or of the runner."""
        handle.why, handle.left = LOST, False
        if not handle.units:
            self.unowed(handle)
        handle.kill(now)

    def unowed(self, handle: WorkerHandle) -> None:
        """Keep as an error what came from a worker that had nothing to say."""
        after = f" after {handle.last}" if handle.last else ""
        message = f"a worker wrote to the judge what nobody asked it for{after}: what it said before may not be true"
        self._ledger.add("runner", Attempt(Outcome.ERROR, message, output=handle.printed()))

    def _close_unit(self, handle: WorkerHandle, now: float) -> None:
        unit = handle.units.popleft()
        handle.ended += 1
        self._ledger.unit_done(unit, now)
        self._ledger.give_back([unit])

    def _result(self, handle: WorkerHandle, now: float, index: int, *rest: Any) -> None:
        unit = handle.units[0]
        if not unit.probes or unit.probes[0] != index:
            if self._ledger.label(index):  # what it said of that one before may have come from the probe itself
                self.unowed(handle)
            self._misfit(handle, now)
            return
        attempt = self._attempt(handle, index, *rest)
        unit.probes.pop(0)
        handle.ended += 1
        handle.last = self._ledger.label(index)
        if unit.fixtures is None:
            handle.units.popleft()
        self._in_time(handle)
        handle.since = now
        quick = attempt.duration < _QUICK and self._ahead
        handle.ahead = min(handle.ahead * 2, _MOST_AHEAD) if quick else 1
        self._ledger.record(index, attempt, now)

    def _in_time(self, handle: WorkerHandle) -> None:
        """Take back the interrupt of what ended by itself before it could be interrupted."""
        if handle.stage is Stage.INTERRUPTED and handle.why == TIMEOUT:
            handle.stage, handle.why = Stage.SERVING, ""

    def _attempt(
        self, handle: WorkerHandle, what: int | str, outcome: str, began_at: int, lasted: int, *told: Any
    ) -> Attempt:
        *texts, listed, secrets = told
        message, story, logs = map(str, texts)
        began, duration = began_at / MICROSECONDS, lasted / MICROSECONDS
        if not 0 <= began <= _LAST_SECOND:  # the probe left a clock patched
            began = Original.unix_time()
        output = masked(handle.output.ended(), secrets)
        attempt = Attempt(Outcome(outcome), message, story, output, began, duration, logs)
        attempt.attachments = attached(listed)
        if handle.stage is Stage.CLEANING_UP and what in handle.targets:
            handle.left = True  # it goes once it has cleaned up, and begins nothing more
            attempt.outcome, attempt.message = self._interruption(handle, attempt.details)
        return attempt

    def _interruption(self, handle: WorkerHandle, told: str) -> tuple[Outcome, str]:
        what = handle.targets[0]
        name = f"{what.rpartition('.')[2]}: " if isinstance(what, str) else ""
        if handle.why == TIMEOUT:
            return Outcome.TIMEOUT, one_line(f"{name}timed out after {handle.timeout:g} s{_where(told)}")
        return Outcome.ERROR, f"{name}{handle.why} ended the run while this was running"

    def settle(self, handle: WorkerHandle, cause: str) -> None:
        """Take the end of a worker: what it was at is an error, what it had not begun is given back."""
        now = Original.monotonic()
        if handle.fixture and handle.units:
            self._fixture_lost(handle, *handle.fixture, now=now, cause=cause)
        elif handle.units and not handle.left:
            unit = handle.units[0]
            attempt = self._lost(handle, now, cause)
            if unit.probes:
                self._ledger.record(unit.probes.pop(0), attempt, now)
            else:
                self._ledger.add(f"{unit.fixtures}.tearDown", attempt, blocking=unit.blocking)
        for unit in handle.units:
            self._ledger.unit_done(unit, now)
        self._ledger.give_back(handle.units)

    def _fixture_lost(self, handle: WorkerHandle, label: str, dependents: list[int], *, now: float, cause: str) -> None:
        unit = handle.units[0]
        attempt = self._lost(handle, now, cause)
        if not dependents:
            self._ledger.add(label, attempt, blocking=unit.blocking)
            return
        attempt.message = f"{label.rpartition('.')[2]}: {attempt.message}"
        for index in dependents:
            unit.probes.remove(index)
            self._ledger.record(index, replace(attempt), now)
            attempt.duration = 0.0

    def _lost(self, handle: WorkerHandle, now: float, cause: str) -> Attempt:
        """Return what is to be said of a probe whose worker ended under it."""
        duration = now - handle.since
        attempt = Attempt(Outcome.ERROR, output=handle.printed(), duration=duration)
        attempt.began = Original.unix_time() - duration
        if stack := handle.stack():
            attempt.details = f"Where it hung:\n\n{stack}"
        cleaned = "its tearDown and cleanups did not run to their end"
        if handle.why == TIMEOUT:
            attempt.outcome = Outcome.TIMEOUT
            where = _where(attempt.details)
            attempt.message = one_line(f"timed out after {handle.timeout:g} s, and had to be killed{where}; {cleaned}")
        elif handle.why == LOST:
            attempt.message = f"its process broke off the connection to the judge; {cause}"
        elif handle.why:
            attempt.message = f"{handle.why} ended the run while this was running; {cleaned}"
        else:
            attempt.message = f"its process ended before the probe did: {cause}"
        return attempt


def _in_full(index: int, began_at: int, lasted: int) -> tuple[Any, ...]:
    """Return what `result` would have said in place of `passed`."""
    return index, Outcome.PASSED, began_at, lasted, "", "", "", [], []


def _where(told: str) -> str:
    place = details.hung_in(told)
    return f" in {place}" if place else ""
