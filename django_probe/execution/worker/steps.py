"""Runs code of the project's, a step at a time, and gathers what is said of it: raised, logged, attached, unheard.

A step is a probe with its setUp and tearDown, or a fixture. In which order they are run is the executor's to say.
"""

from __future__ import annotations

import unittest
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from django_probe.execution.failures import Interrupted, formatted, message_of, one_line
from django_probe.execution.guard.refusals import take_refusals
from django_probe.execution.worker.attached import Attached
from django_probe.execution.worker.hearing.kept import KeptTasks, alive
from django_probe.execution.worker.hearing.unawaited import refuse_unrun
from django_probe.execution.worker.hearing.unheard import Unheard
from django_probe.execution.worker.logs import Logs
from django_probe.execution.worker.recorder import Recorder
from django_probe.outcomes import PROBLEMS, Outcome
from django_probe.process.originals import Original
from django_probe.process.overheard import overheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from django_probe.execution.worker.hearing.unheard import Failure

    Emit = Callable[..., None]

_UNHELD: Final = nullcontext()


__unittest = True  # tracebacks leave this module's frames out, as they do unittest's own


class Steps:
    """Runs steps; `emit` takes the messages of `protocol` that a worker sends.

    `current` is what user code runs for, an index or a fixture's label, and None while no user code runs: an
    interrupt may raise only while it is set. `leaving` ends a group early, its tear-downs excepted. `heed` is called
    where an interrupt came (`attention`) while nothing could be interrupted. A process that is `shared` has threads
    that are none of the probes' (see `unheard`).
    """

    def __init__(self, emit: Emit, heed: Callable[[], None], *, shared: bool = False) -> None:
        self.current: int | str | None = None
        self.leaving = False
        self.interrupted = False
        self.attention = False
        self.emit = emit
        self.recorder = Recorder()
        self.unheard = Unheard(shared=shared)
        self.tasks = None if shared else KeptTasks()
        self._heed = heed
        self._logs = None if shared else Logs()
        self._attached = Attached(lambda: self.current is not None)
        self._pid = Original.getpid()

    def close(self) -> None:
        """Give back what a process that goes on needs: where its log goes."""
        if self._logs:
            self._logs.close()

    def interrupt(self) -> None:
        """Prepare for the interrupt that the caller raises: it ends the group, and there is no second one."""
        self.interrupted = self.leaving = True
        self.recorder.failfast = True  # else unittest goes on with the next subTest, which may hang as well

    @contextmanager
    def in_fixture(self, label: str, dependents: Sequence[int]) -> Iterator[None]:
        """Tell of a fixture that runs in the block, and of the probes that depend on it, by their indices."""
        self.emit("fixture", label, list(dependents))
        yield
        self.emit("fixture_done")

    def call(
        self,
        current: int | str,
        step: Callable[..., object],
        held: AbstractContextManager[None] = _UNHELD,
        *arguments: object,
    ) -> None:
        """Run user code; whatever it raises is noted, `sys.exit()` and `KeyboardInterrupt` included."""
        unheard = self.unheard.open()
        try:
            with held:
                self.current = current
                if self.attention:
                    self.attention = False
                    self._heed()
                try:
                    if (returned := step(*arguments)) is not None:
                        refuse_unrun(returned)
                finally:
                    if Original.getpid() != self._pid:  # a fork of the probe's that came back: what is held is not its
                        Original.end_process(1)
                    if alive and self.tasks:
                        self.tasks.tell()
                self.current = None
        except BaseException as error:  # noqa: BLE001 (a probe's own process must outlive what the probe raises)
            self.current = None
            self._note(error)
        self.unheard.close()
        if unheard:
            self.note_unheard(unheard)
        if (refused := take_refusals()) and self.recorder.outcome is not Outcome.ERROR:
            what = one_line(f"code hid the error of a refused write: {refused[0].note}")
            self.recorder.note(Outcome.ERROR, what, refused[0].stack)

    def note_unheard(self, failures: Sequence[Failure]) -> None:
        """Note what nobody heard of, each as an error."""
        for failure in failures:
            self.recorder.note(Outcome.ERROR, failure.message, failure.details)

    def begin(self) -> None:
        """Forget what was said of the probe, or of the fixture, before."""
        self.recorder.start()
        self._attached.start()
        if self._logs:
            self._logs.start()

    def tell(self, kind: str, what: int | str, began: float, duration: float) -> None:
        """Send a message of this kind about an index or a fixture's label, with all that was said since `begin`."""
        outcome, message, details = self.recorder.told
        logged, logs = "", self._logs
        if logs and logs.kept:  # of all but a problem only what Python warned of
            logged = logs.text if outcome in PROBLEMS else logs.warned
        attached = self._attached.told() if self._attached.kept else []
        self.emit(kind, what, outcome, began, duration, message, details, logged, attached, [*overheard()])

    def _note(self, error: BaseException) -> None:
        if isinstance(error, unittest.SkipTest):
            self.recorder.note(Outcome.SKIPPED, one_line(error))
            return
        if isinstance(error, KeyboardInterrupt | Interrupted):
            self.leaving = True  # unittest ran no tearDown: what the probe began may still be there
        info = (type(error), error, error.__traceback__)
        self.recorder.note(Outcome.ERROR, message_of(error), formatted(info))
