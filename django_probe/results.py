"""The record of a run, and the one place where its verdict is decided.

Every report (exit code, console, JUnit, JSON, Markdown, termination message, HTTP) is a function of a
`ProbeRun`. Nothing here imports Django, and nothing else in the project decides what closes a gate.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from django_probe.outcomes import ENDED_EXIT_CODES, PROBLEMS, EndedBy, ExitCode, Outcome, finite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django_probe.attachments import Attachment


__all__ = [
    "ENDED_EXIT_CODES",
    "PROBLEMS",
    "Earlier",
    "EndedBy",
    "ExitCode",
    "Outcome",
    "ProbeResult",
    "ProbeRun",
    "finite",
]

_MOST: Final = 255  # a process's exit status is a byte


@dataclass(frozen=True, slots=True)
class Earlier:
    """An attempt before the last one."""

    outcome: Outcome
    message: str = ""
    details: str = ""

    def __post_init__(self) -> None:
        """Take an outcome by its name; ValueError where there is none of it."""
        object.__setattr__(self, "outcome", Outcome(self.outcome))


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one probe did: `duration` in seconds, all its attempts together, made `finite`; `started_at` in UTC.

    `message` is one line; `details` are tracebacks and stacks; `output` is the end of what it printed,
    `logs` what it logged, from WARNING up, and `attachments` what it attached.
    `started_at` is None for a probe that never started. `earlier` are the attempts before the last one; of very many
    the first ones alone. The fields after it are those of `terms.About`.
    """

    label: str
    outcome: Outcome
    blocking: bool = True
    started_at: datetime | None = None
    duration: float = 0.0
    attempts: int = 1
    message: str = ""
    details: str = ""
    output: str = ""
    tags: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    title: str | None = None
    owner: str | None = None
    runbook: str | None = None
    file: str | None = None
    line: int | None = None
    logs: str = ""
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        """Take a duration that is none for 0.0, and an outcome by its name; ValueError where there is none of it."""
        if (duration := finite(self.duration)) is not self.duration:  # to set what is set already costs 1 us
            object.__setattr__(self, "duration", duration)
        if type(self.outcome) is not Outcome:
            object.__setattr__(self, "outcome", Outcome(self.outcome))

    @property
    def is_problem(self) -> bool:
        """Whether the probe failed, erred or timed out, blocking or not."""
        return self.outcome in PROBLEMS

    @property
    def flaky(self) -> bool:
        """Whether the probe passed after an attempt that was a problem."""
        return self.outcome is Outcome.PASSED and self.attempts > 1

    @property
    def closes_gate(self) -> bool:
        """Whether this result alone keeps the gate from passing."""
        return self.blocking and (self.is_problem or self.outcome is Outcome.NOT_RUN)


@dataclass(frozen=True, slots=True)
class ProbeRun:
    """One execution of a gate; times in UTC.

    `selected` counts the probes that labels, tags and patterns chose, before a shard took its part of them, and
    `selection` is a digest of their labels, which the shards of one run share; None where it is not known.
    `stricter_exit_code` is what a team's own `suite_result` made of a run that would have passed.
    """

    id: str
    gate: str
    started_at: datetime
    finished_at: datetime
    selected: int
    results: tuple[ProbeResult, ...]
    release: str | None = None
    host: str = ""
    shard: str | None = None
    allow_empty: bool = False
    ended_by: EndedBy | None = None
    stricter_exit_code: int = 0
    selection: str | None = None
    closing: int = field(init=False, repr=False, compare=False)
    """How many results close the gate."""

    def __post_init__(self) -> None:
        """Count once what every property of the verdict asks for."""
        object.__setattr__(self, "closing", sum(result.closes_gate for result in self.results))

    @property
    def duration(self) -> float:
        """Seconds from the start of the process, imports included, to the last result; never below nothing.

        The two times of a run that was lost are of two clocks.
        """
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    @property
    def counts(self) -> Mapping[str, int]:
        """How many results each outcome has; every outcome is a key."""
        counted = Counter(result.outcome for result in self.results)
        return {outcome.value: counted[outcome] for outcome in Outcome}

    @property
    def problems(self) -> tuple[ProbeResult, ...]:
        """The results that failed, erred or timed out, blocking ones first."""
        problems = [result for result in self.results if result.is_problem]
        return tuple(sorted(problems, key=lambda result: not result.blocking))

    @property
    def nothing_ran(self) -> bool:
        """Whether no probe said anything: none was selected, or all skipped themselves.

        An empty shard of a selection that was not empty is no such case: the other shards have its probes.
        """
        if not self.results:
            return not (self.shard and self.selected)
        return all(result.outcome in (Outcome.SKIPPED, Outcome.NOT_RUN) for result in self.results)

    @property
    def exit_code(self) -> int:
        """The verdict as the exit status of the command; 0 is the only one that lets a rollout go on."""
        if self.ended_by in ENDED_EXIT_CODES:
            return ENDED_EXIT_CODES[self.ended_by]
        if self.closing:
            return ExitCode.CLOSED
        if self.nothing_ran and not self.allow_empty:
            return ExitCode.NOTHING_RAN
        return self.stricter_exit_code

    @property
    def passed(self) -> bool:
        """Whether a rollout may go on."""
        return self.exit_code == ExitCode.PASSED

    @property
    def reason(self) -> str:
        """One sentence that says why the exit code is what it is."""
        code = self.exit_code
        if self.ended_by in ENDED_EXIT_CODES:
            what = "the deadline" if self.ended_by is EndedBy.DEADLINE else self.ended_by
            return f"{what} ended the run before every probe was done"
        if code == ExitCode.CLOSED and self.closing:
            return self._reason_to_close
        if code == ExitCode.NOTHING_RAN and self.nothing_ran:
            selected = "every probe that was selected skipped itself" if self.results else "no probe was selected"
            return f"{selected}: nothing was proved"
        if code != ExitCode.PASSED:
            shard = "a shard in which nothing ran, or " if code == ExitCode.NOTHING_RAN else ""
            return f"{shard}suite_result() of the team's own runner asked for exit code {code}"
        return "nothing ran, which --allow-empty allows" if self.nothing_ran else self._reason_to_pass

    @property
    def _reason_to_close(self) -> str:
        unrun = sum(result.closes_gate and result.outcome is Outcome.NOT_RUN for result in self.results)
        bad = self.closing - unrun
        parts = [f"{bad} blocking {'probe' if bad == 1 else 'probes'} did not pass"] if bad else []
        if unrun:
            what = "" if bad else f"blocking {'probe ' if unrun == 1 else 'probes '}"
            parts.append(f"{unrun} {what}{'was' if unrun == 1 else 'were'} not run")
        return ", ".join(parts)

    @property
    def _reason_to_pass(self) -> str:
        blocking = [result for result in self.results if result.blocking]
        if not self.results:
            return "no probe is in this shard: the others have them all"
        outcomes = {result.outcome for result in blocking}
        if Outcome.PASSED in outcomes:
            return "every blocking probe passed"
        if Outcome.EXPECTED_FAILURE in outcomes:
            return "no blocking probe passed: those that ran failed, as their @expectedFailure says"
        what = "every blocking probe skipped itself" if blocking else "no blocking probe"
        warned = len(self.problems)
        problems = f"; {warned} warn-only {'problem' if warned == 1 else 'problems'}" if warned else ""
        return f"{what}: nothing could close this {'shard' if self.shard else 'gate'}{problems}"

    def judged(self, exit_code: int) -> ProbeRun:
        """Return the record with what a team's runner made of it: it can close a gate that would pass, never open one.

        A code that no process can exit with closes as 1 does.
        """
        if not self.passed:
            return self
        return replace(self, stricter_exit_code=exit_code if 0 <= exit_code <= _MOST else ExitCode.CLOSED)
