"""Runs probes, their class and module fixtures around them, and tells what happened in messages.

It knows nothing of processes: a worker runs it in a fork, `--parallel 0` in the command's own process. Fixtures are
run here and not by `unittest.TestSuite`, because each has a timeout of its own and its failure is an error of
every probe that depends on it.
"""

from __future__ import annotations

import decimal
import inspect
import sys
import unittest
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import copy_context
from itertools import groupby
from typing import TYPE_CHECKING, Final

from django_probe.execution.failures import Interrupted, formatted, message_of, one_line
from django_probe.execution.guard.refusals import take_refusals
from django_probe.execution.worker.attached import Attached
from django_probe.execution.worker.kept import KeptTasks, tell_kept_by
from django_probe.execution.worker.logs import Logs
from django_probe.execution.worker.recorder import Recorder
from django_probe.execution.worker.unawaited import refuse_unrun, refuse_unrun_cleanups
from django_probe.execution.worker.unheard import Unheard
from django_probe.execution.worker.watched import run_watched
from django_probe.outcomes import PROBLEMS, Outcome
from django_probe.process.originals import Original
from django_probe.process.overheard import Listening, overheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import ModuleType

    from django_probe.execution.guard.guard import DatabaseGuard
    from django_probe.execution.loading.selection import Probe
    from django_probe.execution.worker.unheard import Failure
    from django_probe.process.overheard import Confidant

    Emit = Callable[..., None]
    Step = Callable[[], object]

_UNHELD: Final = nullcontext()
_SKIP: Final = "__unittest_skip__"
_CLEAN: Final = unittest.TestCase.doClassCleanups.__func__  # type: ignore[attr-defined]  # the function of a classmethod
_SPENT: Final = unittest.TestCase()
"""Stands in for a test that has run: an instance runs once, and what it holds is let go."""
_SILENCE: Final = "unittest said nothing of this probe: its class may replace run()"


__unittest = True  # tracebacks leave this module's frames out, as they do unittest's own


class Executor:
    """Runs what it is told to; `emit` takes the messages of `protocol` that a worker sends.

    `current` is what user code runs for, an index or a fixture's label, and None while no user code runs: an
    interrupt may raise only while it is set. `leaving` ends a group early, its tear-downs excepted; with `failfast`
    a blocking problem does so. `heed` is called where an interrupt came (`attention`) while nothing could be
    interrupted. A process that is `shared` has threads that are none of the probes' (see `unheard`). The `confidant`
    is told what is overheard.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        guard: DatabaseGuard,
        emit: Emit,
        heed: Callable[[], None],
        *,
        failfast: bool,
        shared: bool = False,
        confidant: Confidant | None = None,
    ) -> None:
        self.current: int | str | None = None
        self.leaving = False
        self.interrupted = False
        self.attention = False
        self._probes = probes
        self._guard = guard
        self._emit = emit
        self._heed = heed
        self._failfast = failfast
        self._listening = Listening(confidant)
        self._logs = None if shared else Logs()
        self._recorder = Recorder()
        self._attached = Attached(lambda: self.current is not None)
        self._unheard = Unheard(shared=shared)
        self._tasks = None if shared else KeptTasks()
        self._pid = Original.getpid()

    def close(self) -> None:
        """Give back what a process that goes on needs: where its log goes."""
        if self._logs:
            self._logs.close()

    def run(self, indices: Sequence[int]) -> None:
        """Run one unit: a probe without fixtures, or some of those that share fixtures, in their order.

        None of their instances may have run before. What they set in the context (the active language and time zone,
        the URLconf, the decimal context) ends with the unit.
        """
        with self._listening:
            copy_context().run(self._run, indices)

    def _run(self, indices: Sequence[int]) -> None:
        decimal.setcontext(decimal.getcontext().copy())  # it is changed in place, and an import may have made it
        first = self._probes[indices[0]]
        if first.fixtures is None:
            self._each(indices)
            return
        cls = type(first.test)
        if first.fixtures == cls.__module__:
            module, prefix = sys.modules[cls.__module__], _parent(_parent(first.label))
            set_up = (f"{prefix}.setUpModule", getattr(module, "setUpModule", _nothing))
            tear_down = (f"{prefix}.tearDownModule", getattr(module, "tearDownModule", _nothing))
            self._around(indices, set_up, tear_down, lambda: self._end_of(module), self._classes)
        else:
            self._classes(indices)  # of one name they share a key, and may be several all the same
        self._emit("done")

    def interrupt(self) -> None:
        """Prepare for the interrupt that the caller raises: it ends the group, and there is no second one."""
        self.interrupted = self.leaving = True
        self._recorder.failfast = True  # else unittest goes on with the next subTest, which may hang as well

    def _each(self, indices: Sequence[int]) -> None:
        for index in indices:
            if not self.leaving:
                self._probe(index)

    def _probe(self, index: int) -> None:
        probe = self._probes[index]
        self._begin()
        began, clock = Original.unix_time(), Original.monotonic()
        self._call(index, self._test, self._held(probe), probe)
        if self._recorder.is_silent:
            self._recorder.note(Outcome.ERROR, _SILENCE)
        if self._failfast and probe.terms.blocking and self._recorder.outcome in PROBLEMS:
            self.leaving = True  # the rest is given back; if this one has retries left, it comes again
        self._tell("result", index, began, Original.monotonic() - clock)

    def _test(self, probe: Probe) -> None:
        test, probe.test = probe.test, _SPENT
        if test is _SPENT:
            raise AssertionError("this instance of the test has run already")
        run_watched(test, self._recorder)
        tell_kept_by(test)
        if probe.fixtures is None:  # else what was added to its class or module is due with the fixtures
            self._class_cleanups(type(test))
            _module_cleanups()
            if self._tasks:
                self._tasks.tell_rest()

    def _classes(self, indices: Sequence[int]) -> None:
        for cls, members in groupby(indices, key=lambda index: type(self._probes[index].test)):
            if not self.leaving:
                self._class(cls, list(members))

    def _class(self, cls: type[unittest.TestCase], indices: Sequence[int]) -> None:
        prefix = _parent(self._probes[indices[0]].label)
        if (skipped := self._skipped(cls, prefix, indices)) is None:
            return
        if skipped:  # unittest runs no fixtures of a class that is skipped
            self._each(indices)
            return
        set_up = (f"{prefix}.setUpClass", _step(cls, "setUpClass"))
        tear_down = (f"{prefix}.tearDownClass", _step(cls, "tearDownClass"))
        module = self._probes[indices[0]].fixtures == cls.__module__
        self._around(indices, set_up, tear_down, lambda: self._cleanups(cls, module=module), self._each)

    def _skipped(self, cls: type[unittest.TestCase], prefix: str, indices: Sequence[int]) -> bool | None:
        """Return whether a class is skipped; None where it could not say so, and each of its probes is an error."""
        if isinstance(inspect.getattr_static(cls, _SKIP, None), bool | None):
            return bool(getattr(cls, _SKIP, False))
        found: list[object] = []  # it is a descriptor, as Django's: code that may ask the database, and may raise
        label = f"{prefix}.{_SKIP}"
        began, clock = Original.unix_time(), Original.monotonic()
        self._begin()
        with self._in_fixture(label, indices):
            self._call(label, lambda: found.append(getattr(cls, _SKIP)), self._held(self._probes[indices[0]]))
        if self._recorder.outcome is None:
            return bool(found[0])
        self._dependents(indices, "", began, Original.monotonic() - clock)
        return None

    def _cleanups(self, cls: type[unittest.TestCase], *, module: bool) -> None:
        self._class_cleanups(cls)
        tell_kept_by(cls)
        if not module:  # else the module's own tearDown comes first
            self._end_of(None)

    def _end_of(self, module: ModuleType | None) -> None:
        _module_cleanups()
        if module:
            tell_kept_by(module)
        if self._tasks:
            self._tasks.tell_rest()

    def _class_cleanups(self, cls: type[unittest.TestCase]) -> None:
        if not cls._class_cleanups and getattr(cls.doClassCleanups, "__func__", None) is _CLEAN:  # type: ignore[attr-defined]
            return  # it would set an attribute of the class, and Python forget where it found all others
        refuse_unrun_cleanups(cls._class_cleanups)  # type: ignore[attr-defined]
        cls.doClassCleanups()
        for info in cls.tearDown_exceptions:  # type: ignore[attr-defined]
            self._recorder.note(Outcome.ERROR, message_of(info[1]), formatted(info))

    def _around(
        self,
        indices: Sequence[int],
        set_up: tuple[str, Step],
        tear_down: tuple[str, Step],
        cleanups: Step,
        body: Callable[[Sequence[int]], None],
    ) -> None:
        """Run `body` between two fixtures, on the terms of the probes that share them."""
        with ExitStack() as undo, self._unheard.within() as between:
            held = self._held(self._probes[indices[0]])
            label, step = set_up
            began, clock = Original.unix_time(), Original.monotonic()
            self._begin()
            with self._in_fixture(label, indices):
                self._call(label, lambda: undo.enter_context(held))
                if self._recorder.outcome is None:
                    self._call(label, step)
                if self._recorder.outcome is not None:
                    self._call(label, cleanups)
                    self._call(label, undo.close)
            if self._recorder.outcome is not None:
                self._dependents(indices, label, began, Original.monotonic() - clock)
                return
            body(indices)
            label, step = tear_down
            began, clock = Original.unix_time(), Original.monotonic()
            self._begin()
            with self._in_fixture(label, ()):
                for last in (step, cleanups, undo.close):
                    self._call(label, last)
                self._note_unheard(between)  # of threads that the first fixture started
            if self._recorder.outcome is Outcome.ERROR:
                self._tell("fixture_problem", label, began, Original.monotonic() - clock)

    @contextmanager
    def _in_fixture(self, label: str, dependents: Sequence[int]) -> Iterator[None]:
        self._emit("fixture", label, list(dependents))
        yield
        self._emit("fixture_done")

    def _dependents(self, indices: Sequence[int], label: str, began: float, duration: float) -> None:
        """Tell of every probe that its fixture did not let it run; the fixture's time counts once."""
        recorder = self._recorder
        if label and recorder.outcome is Outcome.ERROR:
            recorder.under(label.rpartition(".")[2])
        for index in indices:
            self._tell("result", index, began, duration)
            duration = 0.0

    def _call(
        self,
        current: int | str,
        step: Callable[..., object],
        held: AbstractContextManager[None] = _UNHELD,
        *arguments: object,
    ) -> None:
        """Run user code; whatever it raises is noted, `sys.exit()` and `KeyboardInterrupt` included."""
        unheard = self._unheard.open()
        try:
            with held:
                self.current = current
                if self.attention:
                    self.attention = False
                    self._heed()
                try:
                    refuse_unrun(step(*arguments))
                finally:
                    self._end_forks()
                    if self._tasks:
                        self._tasks.tell()
                self.current = None
        except BaseException as error:  # noqa: BLE001 (a probe's own process must outlive what the probe raises)
            self.current = None
            self._note(error)
        self._unheard.close()
        if unheard:
            self._note_unheard(unheard)
        if (refused := take_refusals()) and self._recorder.outcome is not Outcome.ERROR:
            what = one_line(f"code hid the error of a refused write: {refused[0].note}")
            self._recorder.note(Outcome.ERROR, what, refused[0].stack)

    def _note_unheard(self, failures: Sequence[Failure]) -> None:
        for failure in failures:
            self._recorder.note(Outcome.ERROR, failure.message, failure.details)

    def _end_forks(self) -> None:
        """End this process if it is a fork of the probe's that came back: what is held is its parent's to let go."""
        if Original.getpid() != self._pid:
            Original.end_process(1)

    def _note(self, error: BaseException) -> None:
        if isinstance(error, unittest.SkipTest):
            self._recorder.note(Outcome.SKIPPED, one_line(error))
            return
        if isinstance(error, KeyboardInterrupt | Interrupted):
            self.leaving = True  # unittest ran no tearDown: what the probe began may still be there
        info = (type(error), error, error.__traceback__)
        self._recorder.note(Outcome.ERROR, message_of(error), formatted(info))

    def _held(self, probe: Probe) -> AbstractContextManager[None]:
        return self._guard.during(probe.terms.database_access)

    def _begin(self) -> None:
        """Forget what was said of the probe, or of the fixture, before."""
        self._recorder.start()
        self._attached.start()
        if self._logs:
            self._logs.start()

    def _tell(self, kind: str, what: int | str, began: float, duration: float) -> None:
        outcome, message, details = self._recorder.told
        logged, attached = self._logged(outcome), self._attached.told()
        self._emit(kind, what, outcome, began, duration, message, details, logged, attached, [*overheard()])

    def _logged(self, outcome: Outcome | None) -> str:
        """Return what the log says of a problem; of all else only what Python warned of."""
        if self._logs is None:
            return ""
        return self._logs.text if outcome in PROBLEMS else self._logs.warned


def _step(cls: type[unittest.TestCase], name: str) -> Step:
    """Return what calls a fixture; it is looked up no earlier, because as a descriptor it is code as well."""

    def step() -> object:
        return getattr(cls, name)()

    return step


def _module_cleanups() -> None:
    if cleanups := unittest.case._module_cleanups:  # type: ignore[attr-defined]  # noqa: SLF001 (unittest has no other name for it)
        refuse_unrun_cleanups(cleanups)
        unittest.doModuleCleanups()


def _parent(label: str) -> str:
    return label.rpartition(".")[0]


def _nothing() -> None:
    """Stand in for a fixture that a module does not have."""
