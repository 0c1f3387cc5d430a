"""`--parallel 0`: everything in the command's own process, for a debugger.

No containment, no timeouts, no deadline, no capture of output: a breakpoint stops the run as long as one likes. The
database guard, retries, fixtures and the record are the same as ever.
"""

from __future__ import annotations

import signal
import sys
import traceback
import unittest
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Self

from django_probe.errors import UsageError
from django_probe.execution.failures import Interrupted, message_of
from django_probe.execution.guard.guard import DatabaseGuard
from django_probe.execution.judge.ledger import Ledger
from django_probe.execution.judge.room import attached
from django_probe.execution.judge.selected import Selected
from django_probe.execution.judge.work import Attempt, Unit
from django_probe.execution.loading.declared import preload
from django_probe.execution.loading.renewal import Renewal
from django_probe.execution.loading.selection import select
from django_probe.execution.loading.suites import Stillborn
from django_probe.execution.secrets.redaction import Redactor
from django_probe.execution.state.imports import Imports
from django_probe.execution.system.endings import ENDED_BY, heeded
from django_probe.execution.worker.executor import Executor
from django_probe.execution.worker.steps import Steps
from django_probe.outcomes import EndedBy, Outcome
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from django_probe.execution.listener import Listener
    from django_probe.execution.loading.choices import Choice
    from django_probe.execution.loading.selection import Selection
    from django_probe.execution.session import Ran
    from django_probe.execution.worker.loader import Build
    from django_probe.results import ProbeResult

_CANCEL: Final = 2.0
_NAP: Final = 0.1  # time.sleep() sleeps on after a signal: in naps, the signal is noticed


@contextmanager
def _stdout_free() -> Iterator[None]:
    """Send what is printed, child processes' and C code's too, to standard error: standard output is for reports."""
    try:
        kept = Original.dup(1)
        Original.dup2(2, 1)
    except OSError:  # one of them is closed
        yield
        return
    try:
        yield
    finally:
        with suppress(AttributeError, OSError, ValueError):  # a probe closed it, or put something else there
            sys.stdout.flush()
        Original.dup2(kept, 1)
        Original.close(kept)


class InProcessSession:
    """Loads and runs here; see `session.Session`. A context manager.

    Where the command `ends_process` afterwards, the database guard stays in until then.
    """

    def __init__(
        self,
        build: Build,
        choice: Choice,
        meanwhile: Callable[[], None] | None = None,
        *,
        ends_process: bool = False,
    ) -> None:
        self._ends_process = ends_process
        self._guard = DatabaseGuard()
        self._imports = Imports({})
        self._build = build
        self._choice = choice
        self._meanwhile = meanwhile
        self._ended_by: EndedBy | None = None
        self._raises = False
        self.ran: Ran | None = None

    def __enter__(self) -> Self:
        if self._meanwhile:
            self._meanwhile()
        selection = self._load()
        self._probes, self.total = selection.probes, selection.total
        self.digest, self.warnings = selection.digest, selection.warnings
        self.selected = [Selected.of(probe.described()) for probe in self._probes]
        failfast = self._choice.gate.failfast
        self._renewal = Renewal(lambda: self._load().probes)
        self._steps = Steps(self._hear, self._heed)
        self._executor = Executor(self._probes, self._guard, self._steps, failfast=failfast)
        self._before = {number: Original.set_handler(number, self._interrupt) for number in heeded()}
        return self

    def _load(self) -> Selection:
        try:
            access = self._choice.gate.access(self._choice.operator)
            with _stdout_free(), self._guard.loading(access), self._imports:
                selection = select(self._build(lambda _label, _module: None), self._choice)
                preload({type(probe.test) for probe in selection.probes})
                return selection
        except UsageError:
            self._guard.close()
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 (build_suite() of a team's own runner may raise anything)
            message = f"build_suite() failed: {message_of(error)}"
            broken = Stillborn("runner", Outcome.ERROR, message, traceback.format_exc())
            return select(unittest.TestSuite([broken]), self._choice._replace(shard=None))._replace(digest="")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            Original.set_handler(number, handler if handler is not None else signal.SIG_DFL)
        self._steps.close()
        if self._ends_process:  # threads that a probe left may live until then
            self._guard.end_statements(_CANCEL)
            self._guard.end()
        else:
            self._guard.close()

    def run(self, listener: Listener) -> Ran:
        """Run what is loaded; see `Session.run`."""
        before, self._raises = self._raises, False
        try:
            self.ran = self._run_all(listener)
            return self.ran
        finally:
            self._raises = before

    def _run_all(self, listener: Listener) -> Ran:
        self._listener = listener
        listener.selected(len(self.selected))
        self._ledger = Ledger(self.selected, self._choice.gate.retry_delay, Redactor(), self._ended)
        while not self._ended_by:
            self._ledger.wake(Original.monotonic())
            if units := self._ledger.take(1, idle=True, unused=True):
                self._run(units[0])
            elif (due := self._ledger.next_retry) is not None:
                Original.sleep(min(_NAP, max(0.0, due - Original.monotonic())))
            else:
                break
        return self._ledger.finish(self._ended_by), self._ended_by

    @property
    def interrupted_by(self) -> EndedBy | None:
        """Return the last signal that came; see `session.Session.interrupted_by`."""
        return self._ended_by if self._ended_by in ENDED_BY.values() else None

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let signals raise; see `session.Session.interruptible`."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def ignore_signals(self, *, for_good: bool) -> None:
        """Ignore them; see `session.Session.ignore_signals`."""
        for number in heeded():
            Original.set_handler(number, signal.SIG_IGN)
        if for_good:
            self._before.clear()

    def _run(self, unit: Unit) -> None:
        self._unit = unit
        self._steps.leaving = False
        self._renew(unit)
        if unit.probes:
            with _stdout_free():
                self._executor.run(list(unit.probes))

    def _renew(self, unit: Unit) -> None:
        """Give what ran already new instances; what has none is an error instead of a further attempt."""
        for index in list(unit.probes):
            if why := self._renewal.prepare(self._probes[index]):
                unit.probes.remove(index)
                self._ledger.record(index, Attempt(Outcome.ERROR, why), Original.monotonic())
        if not unit.probes:
            self._ledger.unit_done(unit, Original.monotonic())

    def _hear(self, kind: str, *rest: Any) -> None:
        now = Original.monotonic()
        if kind == "result":
            index, *told = rest
            self._unit.probes.remove(index)
            self._ledger.record(index, self._attempt(*told), now)
        elif kind == "fixture_problem":
            label, *told = rest
            self._ledger.add(label, self._attempt(*told), blocking=self._unit.blocking)
        elif kind == "done":
            self._ledger.unit_done(self._unit, now)
            self._ledger.give_back([self._unit])

    def _attempt(self, outcome: str, began: float, duration: float, *told: Any) -> Attempt:
        message, story, logs, listed, _ = told  # nothing that is printed is kept
        attempt = Attempt(Outcome(outcome), message, story, "", began, duration, logs, attached(listed))
        if self._ended_by in ENDED_BY.values():
            attempt.outcome = Outcome.ERROR
            attempt.message = f"{self._ended_by} ended the run while this was running"
        return attempt

    def _ended(self, result: ProbeResult) -> None:
        self._listener.ended(result)
        self._listener.flush()
        if self._choice.gate.failfast and result.closes_gate and not self._ended_by:
            self._ended_by = EndedBy.FAILFAST

    def _interrupt(self, number: int, _frame: object) -> None:
        self._ended_by = ENDED_BY[signal.Signals(number)]
        if self._raises:
            raise Interrupted("the run was ended")
        if self._steps.current is None:
            self._steps.attention = True
        else:
            self._heed()

    def _heed(self) -> None:
        if not self._steps.interrupted:
            self._steps.interrupt()
            # In a thread: see `worker`.
            Original.start_thread(self._guard.cancel_statements, (_CANCEL,), {"but_of": get_ident()})
            raise Interrupted("the run was ended")
