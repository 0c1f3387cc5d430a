"""Runs what was selected: hires workers, gives them work, keeps time, ends the run.

It never runs probe code. What workers say is taken in `messages`, what becomes of it is kept in `ledger`.
"""

from __future__ import annotations

import selectors
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django_probe.execution.failures import message_of
from django_probe.execution.judge.ledger import Ledger
from django_probe.execution.judge.messages import LOST, TIMEOUT, MessageHandler
from django_probe.execution.judge.processes.worker_handle import Stage
from django_probe.execution.judge.staff import QUIET, Staff
from django_probe.execution.judge.work import Attempt
from django_probe.execution.system.exit_status import end_of_worker
from django_probe.outcomes import EndedBy, Outcome
from django_probe.process.originals import Original
from django_probe.terms import Isolation

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_probe.execution.judge.interrupts import Interrupts
    from django_probe.execution.judge.processes.loader_handle import LoaderHandle
    from django_probe.execution.judge.processes.worker_handle import WorkerHandle
    from django_probe.execution.judge.selected import Selected
    from django_probe.execution.listener import Listener
    from django_probe.policy.gates import Gate
    from django_probe.results import ProbeResult

_TICK: Final = 0.1
_FEW: Final = 16
_NAP: Final = 0.001
"""Seconds to let the results of a hurried worker collect when few came: to wake up for each costs more than a probe."""
_NEVER: Final = float("inf")


class Judge:
    """One run of what a loader has loaded; `deadline` on the monotonic clock."""

    def __init__(
        self,
        loader: LoaderHandle,
        selected: list[Selected],
        *,
        gate: Gate,
        deadline: float,
        interrupts: Interrupts,
        listener: Listener,
        redact: Callable[[str], str],
    ) -> None:
        self._loader = loader
        self._selected = selected
        self._gate = gate
        self._deadline = deadline
        self._interrupts = interrupts
        self._listener = listener
        self._ended_by: EndedBy | None = None
        self._selector = Original.selector()
        listener.selected(len(selected))
        isolated = gate.isolation is Isolation.PROCESS
        self._ledger = Ledger(selected, gate.retry_delay, redact, self._ended, isolated=isolated)
        self._staff = Staff(self._ledger, gate.parallel, isolated=isolated)
        self._handles = self._staff.handles
        self._messages = MessageHandler(self._ledger, ahead=not gate.failfast)

    def run(self) -> tuple[tuple[ProbeResult, ...], EndedBy | None]:
        """Run everything; give the results in the order of the selection, and what ended the run early.

        A fault of the judge's own is a result too, beside those that are known by then.
        """
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 (the gate always answers)
            message = f"the judge itself failed: {message_of(error)}"
            self._ledger.add("runner", Attempt(Outcome.ERROR, message, traceback.format_exc()))
            for handle in self._handles:
                handle.kill(Original.monotonic())
        return self._ledger.finish(self._ended_by), self._ended_by

    def _run(self) -> None:
        self._watch(self._interrupts, self._on_interrupt)
        self._watch(self._loader.channel, self._on_loader)
        self._watch(self._loader.output, self._on_loader_output)
        self._watch(self._loader.pidfd, self._on_loader_exit)
        with self._selector:
            while not self._over():
                self._step()
            self._dismiss()

    def _over(self) -> bool:
        if any(handle.units or handle.stage not in QUIET for handle in self._handles):
            return False
        return bool(self._ended_by) or not (self._ledger.waiting or self._ledger.next_retry is not None)

    def _step(self) -> None:
        now = Original.monotonic()
        self._ledger.wake(now)
        if not self._ended_by:
            self._hire(now)
            self._staff.feed(now)
        if self._messages.heard < _FEW and self._staff.is_hurried:
            Original.sleep(_NAP)
        self._messages.heard = 0
        self._listen(now)
        now = Original.monotonic()
        if now >= self._deadline and self._ended_by in (None, EndedBy.FAILFAST):
            self._end(EndedBy.DEADLINE)
        if self._listener.live:
            self._tick(now)

    def _listen(self, now: float) -> None:
        """Wait for something to happen or to be due, and see to it."""
        self._listener.flush()
        for key, _ in self._selector.select(self._patience(now)):
            key.data()
        now = Original.monotonic()
        for handle in list(self._handles):
            if self._due(handle) <= now:
                self._overdue(handle, now)

    # Work

    def _hire(self, now: float) -> None:
        """Have as many workers forked as there is work for, and as `parallel` and descriptors allow."""
        wanted = self._staff.wanted(now)
        while wanted > 0:
            if not (hired := self._loader.hire(now, wanted)):
                self._nobody_to_fork()
                return
            wanted -= len(hired)
            for handle in hired:
                self._handles.append(handle)
                self._watch(handle.channel, partial(self._on_worker, handle))
                self._watch(handle.output, partial(self._on_output, handle))

    def _nobody_to_fork(self) -> None:
        """Close the book on what waits, unless there are workers left who can still run it."""
        if any(handle.stage in QUIET for handle in self._handles):
            return
        attempt = Attempt(Outcome.ERROR, f"no worker could be started for it: {self._loader.trouble}")
        self._ledger.give_up(attempt)

    # Time

    def _patience(self, now: float) -> float | None:
        """Return the seconds until something is due though nothing happens."""
        if not self._handles and self._ledger.next_retry is None:
            return 0.0  # nobody is there who could be waited for
        soonest = min(
            self._deadline if self._ended_by in (None, EndedBy.FAILFAST) else _NEVER,
            _NEVER if self._ledger.next_retry is None or self._ended_by else self._ledger.next_retry,
            now + _TICK if self._listener.live else _NEVER,
            *(self._due(handle) for handle in self._handles),
        )
        return None if soonest == _NEVER else max(0.0, soonest - now)

    def _due(self, handle: WorkerHandle) -> float:
        if handle.stage is not Stage.SERVING:
            return handle.act_at
        return handle.since + self._timeout(handle) if handle.units else _NEVER

    def _timeout(self, handle: WorkerHandle) -> float:
        """Return the seconds that what runs now has: a fixture as much as the longest probe that shares it."""
        unit = handle.units[0]
        return unit.timeout if handle.fixture or not unit.probes else self._selected[unit.probes[0]].timeout

    def _overdue(self, handle: WorkerHandle, now: float) -> None:
        if handle.stage is Stage.SERVING:
            handle.interrupt(handle.current, TIMEOUT, now, timeout=self._timeout(handle))
        elif handle.stage is Stage.STARTING:
            self._never_came(handle)
        elif handle.stage is Stage.KILLED:
            self._settle(handle, "it could not be killed: it hangs inside the kernel")
        else:
            handle.overdue(now)

    def _end(self, by: EndedBy) -> None:
        """End the run: nothing more is started, and but for failfast what runs is interrupted."""
        self._ended_by = by
        if by is not EndedBy.FAILFAST:
            now = Original.monotonic()
            for handle in self._handles:
                if handle.stage is Stage.SERVING and handle.units:
                    handle.interrupt(None, by, now)

    def _ended(self, result: ProbeResult) -> None:
        self._listener.ended(result)
        if self._gate.failfast and result.closes_gate and result.is_problem and not self._ended_by:
            self._end(EndedBy.FAILFAST)

    def _tick(self, now: float) -> None:
        in_flight = [
            (current if isinstance(current, str) else self._selected[current].label, now - handle.since)
            for handle in self._handles
            if (current := handle.current) is not None
        ]
        self._listener.tick(len(self._ledger.results), len(self._selected), in_flight)

    # What is heard

    def _watch(self, source: Any, react: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, react)

    def _unwatch(self, *sources: Any) -> None:
        for source in sources:
            if source is not None and source in self._selector.get_map():
                self._selector.unregister(source)

    def _on_interrupt(self) -> None:
        self._interrupts.clear()
        if not self._interrupts.received:
            return  # Python woke us for a signal that the project handles
        if self._ended_by in (None, EndedBy.FAILFAST):
            self._end(self._interrupts.received[0])
        if len(self._interrupts.received) > 1:  # whoever asks twice does not want to wait for cleanups
            for handle in self._handles:
                if handle.pid is not None:
                    handle.last_call(Original.monotonic())

    def _on_loader(self) -> None:
        self._loader.channel.poll()  # all that it had to say was said while it loaded
        if self._loader.channel.closed:
            self._unwatch(self._loader.channel)

    def _on_loader_output(self) -> None:
        self._loader.output.drain()
        self._loader.output.rest()
        if self._loader.output.at_end:
            self._unwatch(self._loader.output)

    def _on_loader_exit(self) -> None:
        self._unwatch(self._loader.pidfd)
        self._loader.died()

    def _on_output(self, handle: WorkerHandle) -> None:
        if handle.closed:  # what was ready with this saw the end of it
            return
        handle.output.drain()
        if handle.output.at_end:
            self._unwatch(handle.output)

    def _on_worker(self, handle: WorkerHandle) -> None:
        if handle.closed:  # what was ready with this saw the end of it
            return
        messages = handle.channel.poll()
        handle.output.drain()  # the end of a probe's output was written before its result
        for kind, *rest in messages:
            if kind == "hello" and handle.pid is None:
                handle.hello(*rest, now=Original.monotonic())
                self._loader.worker_came(rest[0])
                self._watch(handle.pidfd, partial(self._on_exit, handle))
            else:
                self._messages.hear(handle, kind, *rest)
        if handle.channel.closed:
            self._unwatch(handle.channel)
            if handle.channel.garbled and not handle.units:
                self._messages.unowed(handle)
            if handle.pid is None:
                self._never_came(handle)
            elif handle.stage is Stage.SERVING:
                handle.leaving("" if handle.left else LOST, Original.monotonic())

    def _on_exit(self, handle: WorkerHandle) -> None:
        if handle.closed:  # what was ready with this saw the end of it
            return
        while not handle.channel.closed and handle.channel.readable:  # a child of it may hold the other end open
            self._on_worker(handle)  # all that it still said
        handle.output.drain()
        pid, status = handle.reap()
        self._loader.worker_went(pid)
        self._settle(handle, end_of_worker(status))

    def _settle(self, handle: WorkerHandle, cause: str) -> None:
        if handle.why == LOST and handle.stage is Stage.LEAVING:
            handle.why = ""  # its socket closed because it ended, and how it ended says more
        self._forget(handle)
        self._messages.settle(handle, cause)
        handle.close()

    def _never_came(self, handle: WorkerHandle) -> None:
        self._forget(handle)
        handle.close()
        self._loader.worker_lost(handle)

    def _forget(self, handle: WorkerHandle) -> None:
        self._unwatch(handle.channel, handle.output, handle.pidfd)
        self._handles.remove(handle)

    def _dismiss(self) -> None:
        """Let the workers close what they have open, and end."""
        for handle in list(self._handles):
            if handle.pid is None:
                self._forget(handle)
                handle.close()
            else:
                handle.hang_up(Original.monotonic())
        while self._handles:
            self._listen(Original.monotonic())
