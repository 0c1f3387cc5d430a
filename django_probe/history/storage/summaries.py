"""A run as pages show it, with all its shards: its state, and its counts without its results.

What a finished process said is never judged again. Silent processes are judged here: a run without a heartbeat for a
while is lost, and neither a lost run nor one with a shard that never reported has passed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django_probe.results import ExitCode, Outcome
from django_probe.sharding.shards import disagreement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime


class State(StrEnum):
    """The state of a run."""

    RUNNING = "running"
    FINISHED = "finished"
    LOST = "lost"


class Mark(StrEnum):
    """How a run of a whole gate ended."""

    PASSED = "passed"
    CLOSED = "closed"
    LOST = "lost"


_UNIQUE: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PART: Final = "part"
UNHEARD: Final = "its process ended, or could not reach this database, before it had said how the run went"
_MOST_MISSING: Final = 1000
"""More shards than anybody runs: a slip such as `--shard 0/1000000000` must not take the pages down."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """What identifies a run; as a text, its name.

    That is its id, if it is of our own making or a Job's uid. Others are what a CI calls its pipeline, which may
    run two gates, and a part of one again.
    """

    id: str
    gate: str
    narrowed: bool = False

    def __str__(self) -> str:
        """Return the name, as `runs.find` takes it."""
        return self.id if _UNIQUE.fullmatch(self.id) else f"{self.id}@{self.gate}{f'@{PART}' if self.narrowed else ''}"


@dataclass(frozen=True, slots=True)
class Part:
    """One row: a run's process, the newest of its shard.

    `quiet`: its end or its last heartbeat is some time ago. `stricter`: a team's suite_result() closed the gate.
    """

    key: int
    shard: str
    host: str
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None
    quiet: bool
    total: int
    done: int
    problems: int
    exit_code: int | None
    stricter: bool
    reason: str
    selection: str
    counts: Mapping[str, int]

    @property
    def is_lost(self) -> bool:
        """Whether it has not ended and had no heartbeat for so long that it counts as dead."""
        return self.quiet and self.finished_at is None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run of a gate without its results, all its shards together; times in UTC.

    `missing` names the shards of which no process ever reported. `exit_code` is None while the run goes on; of
    a lost one it is 1. `started_by` is the user or the token that asked for it over HTTP. `narrowed` runs are no
    verdict of the gate. `rerun_of` is the name of another.
    """

    id: str
    gate: str
    release: str
    trigger: str
    started_by: str
    labels: tuple[str, ...]
    rerun_of: str
    narrowed: bool
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    state: State
    exit_code: int | None

    @property
    def name(self) -> str:
        """The unique name of this run."""
        return str(RunKey(self.id, self.gate, self.narrowed))

    @property
    def key(self) -> int:
        """The key of its newest row, by which runs are in order."""
        return max(part.key for part in self.parts)

    @property
    def passed(self) -> bool | None:
        """Whether the gate was open; None while the run is under way."""
        return None if self.exit_code is None else self.exit_code == ExitCode.PASSED

    @property
    def started_at(self) -> datetime:
        """When its first process started."""
        return min(part.started_at for part in self.parts)

    @property
    def ended_at(self) -> datetime:
        """When its last process ended, or was last heard of."""
        return max(part.finished_at or part.heartbeat_at for part in self.parts)

    @property
    def duration(self) -> float:
        """Seconds from the first start to the last end, or to the last sign of life."""
        return max(0.0, (self.ended_at - self.started_at).total_seconds())

    @property
    def done(self) -> int:
        """How many probes ended so far."""
        return sum(part.done for part in self.parts)

    @property
    def total(self) -> int:
        """How many probes will run, as far as is known: 0 while they are loaded."""
        return sum(part.total for part in self.parts)

    @property
    def problems(self) -> int:
        """How many probes failed, erred or timed out, blocking or not."""
        return sum(part.problems for part in self.parts)

    @property
    def counts(self) -> dict[str, int]:
        """How many results each outcome has, as in the record; every outcome is a key."""
        counts = {outcome.value: sum(part.counts.get(outcome, 0) for part in self.parts) for outcome in Outcome}
        if self.state is State.LOST:
            counts[Outcome.ERROR] += sum(part.is_lost for part in self.parts) + len(self.missing)
        counts[Outcome.ERROR] += bool(self.disagreement)
        return counts

    @property
    def disagreement(self) -> str:
        """One sentence that says which shards saw different selections; empty where all saw the same one."""
        return disagreement((part.shard, part.selection) for part in self.parts)

    @property
    def host(self) -> str:
        """The hosts that ran it, with commas between them."""
        return ", ".join(dict.fromkeys(part.host for part in self.parts if part.host))

    @property
    def reason(self) -> str:
        """One sentence that says how it stands."""
        if self.state is State.RUNNING:
            return f"{self.done} of {self.total} done" if self.total else "the probes are being loaded"
        if any(part.is_lost for part in self.parts):
            return UNHEARD
        if self.missing:
            return f"no process reported of shard {', '.join(self.missing)}"
        if differ := self.disagreement:
            return differ
        worst = next((part for part in self.parts if part.exit_code == self.exit_code), self.parts[0])
        return worst.reason if self.passed or len(self.parts) == 1 else f"shard {worst.shard}: {worst.reason}"

    @property
    def is_verdict(self) -> bool:
        """Whether the gate stands as this run says: it ended, and was of the whole gate."""
        return self.state is not State.RUNNING and not self.narrowed


def mark(summary: RunSummary) -> Mark:
    """Return how a finished run ended."""
    if summary.state is State.LOST:
        return Mark.LOST
    return Mark.PASSED if summary.passed else Mark.CLOSED


def missing_shards(shards: Iterable[str]) -> tuple[str, ...]:
    """Return the shards that belong to these and have no row, the first thousand of them."""
    count = max((int(shard.partition("/")[2] or 1) for shard in shards), default=1)
    missing = (name for index in range(count if count > 1 else 0) if (name := f"{index}/{count}") not in shards)
    return tuple(islice(missing, _MOST_MISSING))


def state_of(parts: Collection[Any], missing: Sequence[str]) -> State:
    """Return the state of a run from the newest row of each shard, each a `Part` or columns of these names."""
    if any(part.exit_code is None and not part.quiet for part in parts):
        return State.RUNNING
    if missing and not all(part.quiet for part in parts):
        return State.RUNNING  # their pods may only be waiting for a node
    return State.LOST if missing or any(part.exit_code is None for part in parts) else State.FINISHED
