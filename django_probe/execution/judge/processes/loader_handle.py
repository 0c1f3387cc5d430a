"""The judge's hold on the loader: receives what was selected, and has it fork workers."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, Any, Final

from django_probe.errors import UsageError
from django_probe.execution.judge.processes.worker_handle import WorkerHandle
from django_probe.execution.judge.selected import Selected
from django_probe.execution.protocol import MOST_AT_ONCE
from django_probe.outcomes import EndedBy, Outcome
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.execution.judge.interrupts import Interrupts
    from django_probe.execution.judge.processes.loader_process import LoaderProcess
    from django_probe.execution.loading.choices import Choice

MIN_IMPORT: Final = 10.0
"""Seconds that a module has for its import at the least; else it has the timeout of a probe that wishes none."""
_MOST_LOST: Final = 3
_NOTHING_YET: Final = ("runner", "the process that loads the probes")  # until the first module is announced


class Loaded:
    """What the loader selected, as `selection.Selection` has it; `ended_by` where loading was not let to its end.

    `changed` are the modules whose import changed the process: then there is nothing else, and another loader has to
    leave them out.
    """

    def __init__(self, selected: Iterable[Selected] = (), total: int = 0) -> None:
        self.selected = [*selected]
        self.total = total
        self.digest = ""
        self.warnings: list[str] = []
        self.ended_by: EndedBy | None = None
        self.changed: dict[str, tuple[str, str]] = {}


class LoaderHandle:
    """What the process that loads the probes is there for: it says what was selected, and forks workers."""

    def __init__(self, process: LoaderProcess, choice: Choice) -> None:
        self._process = process
        self.channel, self.output, self.pidfd = process.channel, process.output, process.pidfd
        self._import_timeout = max(choice.operator.timeout or choice.gate.timeout, MIN_IMPORT)
        self.trouble = ""
        self._asked = 0
        self._lost: set[int] = set()
        self._module = _NOTHING_YET
        self._loaded = Loaded()
        # The first worker is forked while the judge reads what was selected.
        self._spare = self._fork(Original.monotonic(), 1)

    def load(self, interrupts: Interrupts, deadline: float) -> Loaded:
        """Wait until everything is loaded, `deadline` on the monotonic clock at the most.

        An import that hangs or ends the process is an error in place of all that it kept from being loaded.
        Raise UsageError for a label that names nothing.
        """
        limit = Original.monotonic() + self._import_timeout
        with Original.selector() as selector:
            for source in (self.channel, self.output, self.pidfd, interrupts):
                selector.register(source, selectors.EVENT_READ)
            while True:
                ready = selector.select(max(0.0, min(limit, deadline) - Original.monotonic()))
                dead = any(key.fileobj == self.pidfd for key, _ in ready)
                interrupts.clear()
                self.output.drain()
                for message in self.channel.poll():
                    limit = Original.monotonic() + self._import_timeout
                    if self._take(message):
                        return self._loaded
                if interrupts.received:
                    return self._ended(interrupts.received[0])
                if Original.monotonic() >= deadline:
                    return self._ended(EndedBy.DEADLINE)
                if self.channel.closed or (dead and not self.channel.readable):  # a child may hold its end open
                    return self._died()
                if Original.monotonic() >= limit:
                    return self._hung()

    def _take(self, message: list[Any]) -> bool:
        """Take a message; whether it is the last one of loading."""
        kind, *rest = message
        if kind == "module":
            self._module = (rest[0], rest[1])
        elif kind == "usage":
            raise UsageError(rest[0])
        elif kind == "broken":
            self._module = ("runner", "build_suite()")
            self._error(f"build_suite() failed: {rest[0]}", rest[1])
            return True
        elif kind == "changed":
            self._loaded.changed = {name: (message, details) for name, (message, details) in rest[0].items()}
            return True
        elif kind == "selected":
            self._loaded.total, self._loaded.digest, self._loaded.warnings = rest
        elif kind == "probes":
            self._loaded.selected.extend(map(Selected.of, rest[0]))
        elif kind == "loaded":
            self._loaded.warnings += filter(None, rest)
            return True
        return False

    def _ended(self, by: EndedBy) -> Loaded:
        self._error(f"{by} ended the run while {self._module[1]} was being imported", self._process.stack())
        self._loaded.ended_by = by
        return self._loaded

    @property
    def _doing(self) -> str:
        return "loading the probes" if self._module is _NOTHING_YET else f"importing {self._module[1]}"

    def _hung(self) -> Loaded:
        return self._error(f"{self._doing} did not end within {self._import_timeout:g} s", self._process.stack())

    def _died(self) -> Loaded:
        return self._error(f"{self._doing} ended the process: {self._process.cause()}", "")

    def _error(self, message: str, details: str) -> Loaded:
        self.output.drain()
        printed = self.output.rest()
        details = "\n".join(filter(None, [details, printed and f"What it printed:\n{printed}"]))
        verdict = (Outcome.ERROR, message, details)
        self._loaded = Loaded([Selected(self._module[0], (), 0.0, 0, True, None, verdict)], 1)  # noqa: FBT003
        return self._loaded

    def hire(self, now: float, wanted: int) -> list[WorkerHandle]:
        """Have up to so many workers forked, and give the hold on each; none where there is nobody left to ask."""
        handles, self._spare = self._spare, []
        for handle in handles:
            handle.starting(now)
        return handles or self._fork(now, min(wanted, MOST_AT_ONCE))

    def _fork(self, now: float, count: int) -> list[WorkerHandle]:
        if self.trouble:
            return []
        self._asked += 1
        handles = [WorkerHandle(now, self._asked) for _ in range(count)]
        descriptors = [descriptor for handle in handles for descriptor in handle.descriptors()]
        try:
            Original.send_fds(self.channel.sock, [b"f"], descriptors)  # type: ignore[arg-type]  # any that sends
        except OSError:  # it has ended, or a probes module closed its descriptors: it can be asked no more
            self.died()
        for handle in handles:
            handle.handed_over()
            if self.trouble:
                handle.close()
        return [] if self.trouble else handles

    def worker_lost(self, handle: WorkerHandle) -> None:
        """Take that a worker never came; when some of several askings in a row did not, no more will."""
        self._lost.add(handle.asked)
        if len(self._lost) >= _MOST_LOST:
            self.trouble = self.trouble or "forks fail: the system is short of processes or memory"

    def worker_came(self, pid: int) -> None:
        """Take that a worker said hello."""
        self._lost.clear()
        self._process.guardian.watch(pid)

    def worker_went(self, pid: int) -> None:
        """Take that a worker was reaped."""
        self._process.guardian.forget(pid)

    def died(self) -> None:
        """Take the end of the process, and see to it: `trouble` says how it ended."""
        self.trouble = self.trouble or f"the process that forks workers ended: {self._process.cause()}"

    def dismiss(self) -> None:
        """Tell the process that no more workers are wanted: it ends by itself, and then the guardian does.

        `close` waits for that.
        """
        self._process.dismiss()
        self._process.guardian.over()

    def close(self) -> None:
        """End the process, if it has not ended."""
        self._process.close()
        spare, self._spare = self._spare, []
        for handle in spare:
            handle.close()
