"""Runs probes, with their class and module fixtures around them, in their order.

It knows nothing of processes: a worker runs it in a fork, `--parallel 0` in the command's own process. Fixtures are
run here and not by `unittest.TestSuite`, because each has a timeout of its own and its failure is an error of
every probe that depends on it.
"""

from __future__ import annotations

import decimal
import inspect
import sys
import unittest
from contextlib import ExitStack
from contextvars import copy_context
from itertools import groupby
from typing import TYPE_CHECKING, Final

from django_probe.execution.failures import formatted, message_of
from django_probe.execution.worker.hearing.kept import alive, tell_kept_by
from django_probe.execution.worker.hearing.unawaited import refuse_unrun_cleanups
from django_probe.execution.worker.hearing.watched import run_watched
from django_probe.outcomes import PROBLEMS, Outcome
from django_probe.process.originals import Original
from django_probe.process.overheard import Listening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from types import ModuleType

    from django_probe.execution.guard.guard import DatabaseGuard
    from django_probe.execution.loading.probe import Probe
    from django_probe.execution.worker.steps import Steps
    from django_probe.process.overheard import Confidant

    Step = Callable[[], object]

_SKIP: Final = "__unittest_skip__"
_CLEAN: Final = unittest.TestCase.doClassCleanups.__func__  # type: ignore[attr-defined]  # the function of a classmethod
_SPENT: Final = unittest.TestCase()
"""Stands in for a test that has run: an instance runs once, and what it holds is let go."""
_SILENCE: Final = "unittest said nothing of this probe: its class may replace run()"


__unittest = True  # tracebacks leave this module's frames out, as they do unittest's own


class Executor:
    """Runs what it is told to, by `steps`; with `failfast` a blocking problem ends a group early.

    The `confidant` is told what is overheard.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        guard: DatabaseGuard,
        steps: Steps,
        *,
        failfast: bool,
        confidant: Confidant | None = None,
    ) -> None:
        self._probes = probes
        self._guard = guard
        self._steps = steps
        self._recorder = steps.recorder
        self._tasks = steps.tasks
        self._failfast = failfast
        self._listening = Listening(confidant)

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
        self._steps.emit("done")

    def _each(self, indices: Sequence[int]) -> None:
        for index in indices:
            if not self._steps.leaving:
                self._probe(index)

    def _probe(self, index: int) -> None:
        probe = self._probes[index]
        self._steps.begin()
        began, clock = Original.unix_time(), Original.monotonic()
        self._steps.call(index, self._test, self._held(probe), probe)
        if self._recorder.is_silent:
            self._recorder.note(Outcome.ERROR, _SILENCE)
        if self._failfast and probe.terms.blocking and self._recorder.outcome in PROBLEMS:
            self._steps.leaving = True  # the rest is given back; if this one has retries left, it comes again
        self._steps.tell("result", index, began, Original.monotonic() - clock)

    def _test(self, probe: Probe) -> None:
        test, probe.test = probe.test, _SPENT
        if test is _SPENT:
            raise AssertionError("this instance of the test has run already")
        run_watched(test, self._recorder)
        tell_kept_by(test)
        if probe.fixtures is None:  # else what was added to its class or module is due with the fixtures
            self._class_cleanups(type(test))
            _module_cleanups()
            if alive and self._tasks:
                self._tasks.tell_rest()

    def _classes(self, indices: Sequence[int]) -> None:
        for cls, members in groupby(indices, key=lambda index: type(self._probes[index].test)):
            if not self._steps.leaving:
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
        self._steps.begin()
        with self._steps.in_fixture(label, indices):
            self._steps.call(label, lambda: found.append(getattr(cls, _SKIP)), self._held(self._probes[indices[0]]))
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
        if alive and self._tasks:
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
        with ExitStack() as undo, self._steps.unheard.within() as between:
            held = self._held(self._probes[indices[0]])
            label, step = set_up
            began, clock = Original.unix_time(), Original.monotonic()
            self._steps.begin()
            with self._steps.in_fixture(label, indices):
                self._steps.call(label, lambda: undo.enter_context(held))
                if self._recorder.outcome is None:
                    self._steps.call(label, step)
                if self._recorder.outcome is not None:
                    self._steps.call(label, cleanups)
                    self._steps.call(label, undo.close)
            if self._recorder.outcome is not None:
                self._dependents(indices, label, began, Original.monotonic() - clock)
                return
            body(indices)
            label, step = tear_down
            began, clock = Original.unix_time(), Original.monotonic()
            self._steps.begin()
            with self._steps.in_fixture(label, ()):
                for last in (step, cleanups, undo.close):
                    self._steps.call(label, last)
                # Of threads and pools that the first fixture started.
                self._steps.note_unheard(self._steps.unheard.gather(between))
            if self._recorder.outcome is Outcome.ERROR:
                self._steps.tell("fixture_problem", label, began, Original.monotonic() - clock)

    def _held(self, probe: Probe) -> AbstractContextManager[None]:
        return self._guard.during(probe.terms.database_access)

    def _dependents(self, indices: Sequence[int], label: str, began: float, duration: float) -> None:
        """Tell of every probe that its fixture did not let it run; the fixture's time counts once."""
        recorder = self._recorder
        if label and recorder.outcome is Outcome.ERROR:
            recorder.under(label.rpartition(".")[2])
        for index in indices:
            self._steps.tell("result", index, began, duration)
            duration = 0.0


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
