"""How a gate is run, from labels to a verdict: the default `PROBE_RUNNER`, and the seam for a team's own.

The path of this class, its four methods and their order are the original django-probe's contract.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace
from datetime import UTC, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from django_probe import conf
from django_probe.errors import NotStartedError, UsageError
from django_probe.execution.failures import Interrupted, one_line
from django_probe.execution.guard.backends import objections
from django_probe.execution.listener import Listeners
from django_probe.execution.loading.choices import Choice
from django_probe.execution.loading.declared import prepare
from django_probe.execution.session import ForkedSession
from django_probe.execution.suites import SelectedSuite
from django_probe.outcomes import ExitCode
from django_probe.process.environment import environment
from django_probe.process.originals import Original
from django_probe.reports.delivery.files import relieve
from django_probe.terms import NOTHING, Wishes

if TYPE_CHECKING:
    import unittest
    from collections.abc import Callable, Iterable, Sequence

    from django_probe.execution.inprocess import InProcessSession
    from django_probe.execution.judge.selected import Selected
    from django_probe.execution.listener import Listener
    from django_probe.execution.records import Records
    from django_probe.execution.session import Session
    from django_probe.outcomes import EndedBy
    from django_probe.policy.gates import Gate, Policy
    from django_probe.reports.delivery.delivery import Delivery
    from django_probe.results import ProbeRun
    from django_probe.sharding.shards import Shard


def _console(verbosity: int) -> list[Listener]:
    from django_probe.reports.console.console import Console  # noqa: PLC0415 (for where it is called, see `Listeners`)

    return [Console(sys.stderr, color=False, live=False, verbosity=verbosity)]


def _nobody(_label: str, _module: str) -> None:
    """Hear which module is imported next where nobody keeps time: `build_suite` was called by itself."""


class DjangoProbeSuiteRunner:
    """Loads, runs and judges the probes of one gate.

    `verbosity` and `interactive` are the original's; `failfast` stops at the first blocking problem. `gate` says the
    rest (by default the gate "default" of the policy), `policy` is where it stands (by default the project's),
    `operator` what the command line orders for every probe. `tags`
    and `exclude_tags` are in place of the gate's own, `require` is beside it, `patterns` are those of `-k`, `age` the
    seconds that the run is old already. Where the run `ends_process`, as the
    command does, a signal that comes after it is ignored: the reports say what the exit status is going to be.
    `listener` hears of the run as it goes, `delivery` brings the reports. A subclass finds further `options` in
    `self.options`.
    """

    def __init__(
        self,
        verbosity: int = 1,
        interactive: bool = True,  # noqa: FBT001, FBT002 (the original's signature, here and below)
        failfast: bool = True,  # noqa: FBT001, FBT002
        *,
        gate: Gate | None = None,
        policy: Policy | None = None,
        operator: Wishes = NOTHING,
        tags: Sequence[str] | None = None,
        exclude_tags: Sequence[str] | None = None,
        require: Sequence[str] = (),
        patterns: Sequence[str] = (),
        shard: Shard | None = None,
        allow_empty: bool = False,
        age: float = 0.0,
        ends_process: bool = False,
        listener: Listener | None = None,
        delivery: Delivery[ProbeRun] | None = None,
        **options: Any,
    ) -> None:
        self.verbosity = verbosity
        self.interactive = interactive
        self.failfast = failfast
        self.options = options
        given = {"tags": tags, "exclude_tags": exclude_tags}
        written = {key: tuple(value) for key, value in given.items() if value is not None}
        if gate is None:
            policy = policy or conf.policy()
            gate = policy.gate(None)
        self._policy = policy
        self.gate = replace(gate, failfast=failfast, **written)  # type: ignore[arg-type]
        self.run: ProbeRun | None = None
        self._told: ProbeRun | None = None
        self._begun = False
        self.undelivered: list[str] = []
        self._choice = Choice(
            self.gate,
            operator,
            patterns=tuple(patterns),
            shard=shard,
            require=tuple(require),
            tags_given=tags is not None,
            exclude_tags_given=exclude_tags is not None,
            narrowed=bool(patterns) or tags is not None,
            allow_empty=allow_empty,
        )
        self.allow_empty = allow_empty
        self._ends_process = ends_process
        self._id = environment("PROBE_RUN_ID", lambda: Original.urandom(16).hex())
        self._began = Original.now(UTC) - timedelta(seconds=age)
        self._clock = Original.monotonic() - age
        self._listener = listener or Listeners(partial(_console, verbosity))
        self._delivery = delivery
        self._announce: Callable[[str, str], None] = _nobody

    def run_probes(self, labels: Sequence[str], extra_probes: Iterable[unittest.TestCase] | None = None) -> int:
        """Run what `labels` name (the gate's own probes where there are none) and give the exit code.

        The record is in `run` afterwards, and a sentence for each report that is not where it should be in
        `undelivered`. Raise UsageError for what is the user's to mend; nothing ran then.
        """
        if self._delivery:
            self._delivery.prepare()
        for stream in (sys.stdout, sys.stderr):  # they are flushed before a fork, which must wait for nobody
            relieve(stream)
        try:
            with self._session(labels, extra_probes, self._meanwhile) as session:
                self._warn(session)
                run = self._judged(SelectedSuite(session))
                session.ignore_signals(for_good=self._ends_process)
                self._tell(run)
        except NotStartedError as error:
            run = self._without_probes(str(error))
            self._tell(run)
        return run.exit_code or (ExitCode.UNDELIVERED if self.undelivered else ExitCode.PASSED)

    def conclude(self, what: str, details: str = "", ended_by: EndedBy | None = None) -> ProbeRun:
        """Return the record that counts, once `run_probes` is done; `what` ends a sentence on how that ended.

        A team's own may end without a record. Then nothing was proved, and the record is one error that says so. The
        record is in every report that was asked for, and once it is, nothing takes its place.
        """
        run = self._told or self._records.known(self.run)
        if run is None:
            message = f"run_probes() of the team's own runner {what}, and there is no record of a run"
            run = self._without_probes(message, details, ended_by)
        if run is not self._told:
            self._tell(run)
        self.run = run
        return run

    def _without_probes(self, message: str, details: str = "", ended_by: EndedBy | None = None) -> ProbeRun:
        """Return the record of a run that came to no probe: one error."""
        broken = self._records.broken(message, details)
        run = self._records.of(None, [broken], ended_by)
        if not self._begun:
            self._meanwhile()
        self._listener.ended(broken)
        return run

    def _tell(self, run: ProbeRun) -> None:
        """Bring the record to whoever asked for it."""
        self.run = self._told = run
        self.undelivered = self._delivery.deliver(run) if self._delivery else []
        self._listener.finished(run)

    def list_probes(self, labels: Sequence[str]) -> tuple[list[Selected], int]:
        """Return what `run_probes` would run, and how many all shards would; nothing runs. Raises as it does."""
        try:
            with self._session(labels, None) as session:
                self._warn(session)
                self._listener.flush()
                return session.selected, session.total
        except NotStartedError as error:
            raise UsageError(str(error)) from None

    def build_suite(
        self, labels: Sequence[str], extra_probes: Iterable[unittest.TestCase] | None = None
    ) -> unittest.TestSuite:
        """Load the probes that `labels` name, and add `extra_probes`. Runs in the process that loads."""
        from django_probe.execution.loading import discovery  # noqa: PLC0415 (the command's own process loads nothing)

        suite = discovery.load(labels, self._announce)
        suite.addTests(extra_probes or ())
        return suite

    def run_suite(self, suite: unittest.TestSuite) -> ProbeRun:
        """Run what was selected. `suite` holds labels; what they stand for is loaded in another process."""
        if not isinstance(suite, SelectedSuite):
            raise TypeError("run_suite() takes the suite that run_probes() gives it")
        results, ended_by = suite.session.run(self._listener)
        return self._records.of(suite.session, results, ended_by)

    def suite_result(self, suite: unittest.TestSuite, run: ProbeRun) -> int:  # noqa: ARG002 (the original's signature)
        """Return the exit code; a subclass may be stricter than the record, and is not heard where it is laxer."""
        return run.exit_code

    def _meanwhile(self) -> None:
        """Do what need not wait for the probes to be loaded."""
        self._begun = True
        if self._delivery:
            self._delivery.warm_up()
        self._listener.begun(self._records.of())

    def _warn(self, session: Session) -> None:
        for warning in session.warnings:
            self._listener.warned(one_line(warning))

    def _session(
        self,
        labels: Sequence[str],
        extra_probes: Iterable[unittest.TestCase] | None,
        meanwhile: Callable[[], None] | None = None,
    ) -> ForkedSession | InProcessSession:
        if sentences := objections(self.gate.access(self._choice.operator)):
            raise UsageError("; ".join(sentences))
        if self._policy:
            prepare(self._policy)
        wanted = list(labels) or list(self.gate.probes)
        choice = self._choice._replace(narrowed=self._choice.narrowed or bool(labels))

        def build(announce: Callable[[str, str], None]) -> unittest.TestSuite:
            self._announce = announce
            try:
                with conf.in_force(self._policy):
                    return self.build_suite(wanted, extra_probes)
            except UsageError as error:
                if labels or not self.gate.probes:
                    raise
                where = f"{self._policy.source}: " if self._policy and self._policy.source else ""
                raise UsageError(f"{where}gates.{self.gate.name}.probes: {error}") from None

        if self.gate.parallel == 0:
            from django_probe.execution.inprocess import InProcessSession  # noqa: PLC0415 (elsewhere it is not needed)

            return InProcessSession(build, choice, meanwhile, ends_process=self._ends_process)
        deadline = self.gate.deadline
        until = self._clock + deadline if deadline else float("inf")
        return ForkedSession(build, choice, until, meanwhile)

    def _judged(self, suite: SelectedSuite) -> ProbeRun:
        """Run and judge; whatever breaks in here, or in a team's override, is an error in a record that closes."""
        run: ProbeRun | None = None
        session = suite.session
        try:
            with session.interruptible():
                run = self._records.whole(self.run_suite(suite), session)
                code = self.suite_result(suite, run)
                if not isinstance(code, int) or isinstance(code, bool):  # False is 0 to Python, and no exit code
                    raise TypeError(f"suite_result() gave {code!r}, not an exit code")
                run = run.judged(code)
        except BaseException as error:  # noqa: BLE001 (the gate always answers)
            run = self._broken(session, run, error)
        return self._records.ended(run, session.interrupted_by)

    def _broken(self, session: Session, run: ProbeRun | None, error: BaseException) -> ProbeRun:
        """Return the record of what ran, and of the error that ended it; to run after a signal starts nothing."""
        by = session.interrupted_by
        what = f"the runner itself failed: {type(error).__name__}: {one_line(error)}"
        if isinstance(error, Interrupted):
            what = f"{by} ended the run while the runner itself was at work"
        broken = self._records.broken(what, traceback.format_exc())
        if run:
            results, ended_by = run.results, run.ended_by
        else:
            results, ended_by = session.ran or (session.run(self._listener) if by else ((), None))
        return self._records.of(session, [*results, broken], ended_by)

    @cached_property
    def _records(self) -> Records:
        """What makes records: only this side needs it, so it is imported while the other one is loading."""
        from django_probe.execution.records import Records  # noqa: PLC0415 (as above)

        return Records(self._id, self.gate.name, self._choice.shard, self._began, self._clock, self.allow_empty)
