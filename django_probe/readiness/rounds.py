"""Runs the gate `ready` in the calling thread, without what would affect the threads that serve requests.

There is no worker process, no capture of output and no database guard. A probe that hangs cannot be ended: `begin` is
told what runs, so that the reader can see when its time is over.
"""

from __future__ import annotations

import logging
import math
import sys
import traceback
from contextlib import contextmanager, nullcontext
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from django_probe import conf
from django_probe.errors import UsageError
from django_probe.execution.failures import message_of
from django_probe.execution.judge.ledger import Ledger
from django_probe.execution.judge.selected import Selected
from django_probe.execution.judge.work import Attempt
from django_probe.execution.loading import discovery
from django_probe.execution.loading.choices import Choice
from django_probe.execution.loading.declared import preload, prepare
from django_probe.execution.loading.renewal import Renewal
from django_probe.execution.loading.selection import select
from django_probe.execution.loading.suites import Stillborn, leaves
from django_probe.execution.secrets.redaction import Redactor
from django_probe.execution.worker.executor import Executor
from django_probe.execution.worker.steps import Steps
from django_probe.outcomes import Outcome
from django_probe.policy.gates import NO_POLICY, READY, Gate, PolicyError
from django_probe.process.environment import environment
from django_probe.process.originals import Original
from django_probe.readiness.state import Step
from django_probe.readiness.threads import ProbeThreads
from django_probe.results import ProbeResult, ProbeRun
from django_probe.terms import DatabaseAccess, Wishes

if TYPE_CHECKING:
    import unittest
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from django_probe.execution.guard.guard import DatabaseGuard
    from django_probe.execution.loading.probe import Probe

    Begin = Callable[[Step], None]

FAILING: Final = "failing"
INVALID_POLICY: Final = "invalid policy"
UNKNOWN_LABEL: Final = "unknown label"
NOT_LOADED: Final = "probes not loaded"
REFUSED: Final = "probes refused"

logger = logging.getLogger(__name__)

# Python's switch interval in seconds: so long a thread that computes keeps another one waiting for its turn. An answer
# takes several turns. With Python's default of 5 ms, a probe that computes would make it take 50 ms and more.
_TURN: Final = 0.0005

# While the thread waited for a retry, the answer would grow old: the next round is the retry.
_OPERATOR: Final = Wishes(retries=0)


class Round(NamedTuple):
    """The record of a round; `cause` says in two words why the gate is closed, if it is.

    `every` is in seconds, `stale_at` a time on the monotonic clock.
    """

    run: ProbeRun
    cause: str
    every: float
    stale_at: float

    @property
    def closing(self) -> frozenset[tuple[str, Outcome]]:
        """What closes the gate, and how; empty where nothing does."""
        return frozenset((result.label, result.outcome) for result in self.run.results if result.closes_gate)


class Rounds:
    """Loads the gate `ready` and runs it, always in the same thread; what could not be loaded is loaded again."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._threads = ProbeThreads()
        self._redact = Redactor()
        self._gate, self._policy = Gate(READY), NO_POLICY
        self._cause = FAILING
        self._probes: list[Probe] | None = None
        self._renewal = Renewal(self._selection)

    def run(self) -> Round:
        """Run one round; whatever breaks is an error in a record that closes the gate."""
        began, clock = Original.now(UTC), Original.monotonic()
        try:
            with _short_turns():
                cause, results = self._results()
        except PolicyError as error:
            cause, results = INVALID_POLICY, (self._broken(error),)
        except UsageError as error:
            cause, results = UNKNOWN_LABEL, (self._broken(error),)
        except Exception as error:  # noqa: BLE001 (the thread must outlive whatever a project can do)
            cause, results = FAILING, (self._broken(error, traceback.format_exc()),)
        ended = Original.monotonic()
        run = ProbeRun(
            id=Original.urandom(16).hex(),
            gate=READY,
            release=environment("PROBE_RELEASE") or None,
            host=Original.gethostname(),
            started_at=began,
            finished_at=began + timedelta(seconds=ended - clock),
            selected=len(results),
            results=results,
            allow_empty=True,  # without a probe, the process is ready as soon as it answers
        )
        return Round(run, cause, self._gate.every, ended + self._gate.max_age)

    def _results(self) -> tuple[str, tuple[ProbeResult, ...]]:
        try:
            self._threads.begin_round()
            probes = self._load() if self._probes is None else self._probes
            return self._cause, _Execution(probes, self._renewal, self._redact, self._begin).results()
        finally:
            self._threads.end_round()

    def _load(self) -> list[Probe]:
        self._policy = conf.policy()
        gate = self._policy.gates.get(READY)
        self._gate = gate or Gate(READY)
        if gate is None:
            if conf.policy_path() is None:
                logger.warning(
                    "ready/ asks no probes in this process: neither the setting nor the variable PROBE_POLICY names a "
                    "policy file"
                )
            self._probes = []
            return []
        prepare(self._policy)
        suite = self._suite()
        self._renewal = Renewal(self._selection)
        probes = self._selection(suite)
        preload({type(probe.test) for probe in probes})
        for probe in probes:
            _refuse_rollback(probe)
        if any(_is_broken(test) for test in leaves(suite)):
            self._cause = NOT_LOADED
        else:
            self._cause = REFUSED if any(_is_broken(probe.test) for probe in probes) else FAILING
            self._probes = probes
        return probes

    def _selection(self, suite: unittest.TestSuite | None = None) -> list[Probe]:
        return select(self._suite() if suite is None else suite, Choice(self._gate, _OPERATOR)).probes

    def _suite(self) -> unittest.TestSuite:
        with conf.in_force(self._policy):
            return discovery.load(self._gate.probes, _nobody)

    def _broken(self, error: Exception, details: str = "") -> ProbeResult:
        message = str(error) if isinstance(error, UsageError) else message_of(error)
        return ProbeResult(READY, Outcome.ERROR, message=self._redact(message), details=self._redact(details))


@contextmanager
def _short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _TURN))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Execution:
    """One round of probes that are loaded."""

    def __init__(self, probes: Sequence[Probe], renewal: Renewal, redact: Callable[[str], str], begin: Begin) -> None:
        self._probes = probes
        self._renewal = renewal
        self._selected = [Selected.of(probe.described()) for probe in probes]
        self._begin = begin
        self._since = 0.0
        self._fixture = ""
        self._ledger = Ledger(self._selected, 0.0, redact, _ended)
        guard = cast("DatabaseGuard", _Unguarded())
        self._steps = Steps(self._hear, _uninterrupted, shared=True)
        self._executor = Executor(probes, guard, self._steps, failfast=False)

    def results(self) -> tuple[ProbeResult, ...]:
        while units := self._ledger.take(1, idle=True, unused=True):
            (self._unit,) = units
            self._steps.leaving = False
            self._renew()
            if self._unit.probes:
                self._next()
                self._executor.run(list(self._unit.probes))
        return self._ledger.finish(None)

    def _renew(self) -> None:
        """Give what ran in an earlier round new instances; what has none is an error."""
        for index in list(self._unit.probes):
            if why := self._renewal.prepare(self._probes[index]):
                self._unit.probes.remove(index)
                self._ledger.record(index, Attempt(Outcome.ERROR, why), Original.monotonic())

    def _hear(self, kind: str, *rest: Any) -> None:
        """Take one message of the executor; see `protocol`."""
        now = Original.monotonic()
        if kind == "result":
            index, *told = rest
            self._unit.probes.remove(index)
            self._ledger.record(index, _attempt(self._selected[index].timeout, *told), now)
        elif kind == "fixture_done" and now - self._since > self._unit.timeout:
            late = Attempt(Outcome.TIMEOUT, _too_long(self._unit.timeout, now - self._since))
            self._ledger.add(self._fixture, late, blocking=self._unit.blocking)
        elif kind == "fixture_problem":
            label, *told = rest
            self._ledger.add(label, _attempt(self._unit.timeout, *told), blocking=self._unit.blocking)
        elif kind == "done":
            self._ledger.give_back([self._unit])
        if kind == "fixture":
            self._fixture = rest[0]
            self._step(self._fixture, self._unit.timeout, blocking=self._unit.blocking)
        else:
            self._next()

    def _next(self) -> None:
        if self._unit.probes:
            probe = self._selected[self._unit.probes[0]]
            self._step(probe.label, probe.timeout, blocking=probe.blocking)

    def _step(self, label: str, timeout: float, *, blocking: bool) -> None:
        self._since = Original.monotonic()
        self._begin(Step(label, timeout, self._since + timeout if blocking else math.inf))


class _Unguarded:
    """Stands in for a worker's database guard, which would hold the connections of every thread."""

    def during(self, _access: DatabaseAccess) -> AbstractContextManager[None]:
        return nullcontext()


def _attempt(timeout: float, outcome: str, began: float, duration: float, *told: Any) -> Attempt:
    message, details, *_ = told  # what is logged here may be of a request as well; nobody asks for what is attached
    attempt = Attempt(Outcome(outcome), message, details, "", began, duration)
    if duration > timeout:
        attempt.outcome, attempt.message = Outcome.TIMEOUT, _too_long(timeout, duration)
    return attempt


def _too_long(timeout: float, duration: float) -> str:
    return f"timed out after {timeout:g} s: it took {duration:.3g} s"


def _is_broken(test: object) -> bool:
    return isinstance(test, Stillborn) and test.outcome is Outcome.ERROR


def _refuse_rollback(probe: Probe) -> None:
    """Refuse a probe that needs the guard to undo its writes: they would stay, in every process, at every round."""
    if probe.terms.database_access is DatabaseAccess.ROLLBACK and not isinstance(probe.test, Stillborn):
        message = (
            f"{probe.label} was refused and none of it ran: it wishes database_access rollback, and the gate "
            f'"{READY}" has no database guard to undo what it writes; take the probe out of the gate'
        )
        probe.test, probe.fixtures = Stillborn(probe.label, Outcome.ERROR, message), None


def _nobody(_label: str, _module: str) -> None:
    """Hear which module is imported next, and keep no time: nobody could end an import."""


def _ended(_result: ProbeResult) -> None:
    """Hear of a result: the record has all of them."""


def _uninterrupted() -> None:
    """Stand in for the interrupt of a worker: a thread has none."""
