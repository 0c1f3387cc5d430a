"""Reads what the probes of a gate did in its latest runs: which failed when, which are flaky, which are slow.

What is read is bounded for every gate: as many runs as have 30,000 results at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise, takewhile
from statistics import median
from typing import TYPE_CHECKING, Final

from django_probe.history.models import Result
from django_probe.results import Outcome, finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.history.storage.summaries import RunSummary

_SHOWN: Final = 50
_RANKED: Final = 10
_MOST_RESULTS: Final = 30_000
_QUIET: Final = 20
"""How many probes without a problem are shown, unless the visitor filters by name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a probe did in one run."""

    outcome: Outcome
    blocking: bool
    attempts: int
    duration: float

    @property
    def good(self) -> bool:
        """Whether it passed, as far as it said anything."""
        return self.outcome in (Outcome.PASSED, Outcome.EXPECTED_FAILURE)

    @property
    def problem(self) -> bool:
        """Whether it failed, erred, timed out or was never started."""
        return not self.good and self.outcome is not Outcome.SKIPPED


@dataclass(frozen=True, slots=True)
class ProbeHistory:
    """What a probe did in the latest runs: a cell for each run, None if it was not part of the run."""

    label: str
    cells: tuple[Cell | None, ...]

    @property
    def ran(self) -> list[Cell]:
        """The cells of the runs that it was part of."""
        return [cell for cell in self.cells if cell and cell.outcome is not Outcome.SKIPPED]

    @property
    def problems(self) -> int:
        """In how many runs it did not pass."""
        return sum(cell.problem for cell in self.ran)

    @property
    def last_problem(self) -> int | None:
        """The index of the latest run in which it did not pass."""
        return next((i for i in reversed(range(len(self.cells))) if (cell := self.cells[i]) and cell.problem), None)

    @property
    def changes(self) -> int:
        """How often it changed, from one run to the next, between passing and not passing."""
        return sum(one.good != other.good for one, other in pairwise(self.ran))

    @property
    def retried(self) -> int:
        """In how many runs it passed only at a retry."""
        return sum(cell.good and cell.attempts > 1 for cell in self.ran)

    @property
    def durations(self) -> list[float]:
        """Seconds that it took, for each run that started it."""
        return [cell.duration for cell in self.ran if cell.outcome is not Outcome.NOT_RUN]

    @property
    def median(self) -> float:
        """The median of the seconds that it took."""
        return median(durations) if (durations := self.durations) else 0.0

    @property
    def longest(self) -> float:
        """Seconds that it took at most."""
        return max(self.durations, default=0.0)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The latest whole runs of a gate, the oldest first, and the probes that are shown of them.

    `matching` counts the probes that match the filter, shown or not. `bounded` says that there are fewer runs than were
    asked for, because they have so many results.
    """

    runs: tuple[RunSummary, ...]
    shown: tuple[ProbeHistory, ...]
    flakiest: tuple[ProbeHistory, ...]
    slowest: tuple[ProbeHistory, ...]
    matching: int
    bounded: bool


def heat_map(latest: Sequence[RunSummary], contains: str, *, problems: bool) -> HeatMap:
    """Return what the probes did in these runs of a gate, the latest of which comes first.

    Only probes whose label contains the text are read, in any case; with `problems`, only those that had one.
    """
    asked = [summary for summary in latest if summary.is_verdict]
    together = accumulate(summary.total for summary in asked)
    fitting = len(list(takewhile(lambda results: results <= _MOST_RESULTS, together)))
    taken = tuple(reversed(asked[: max(1, fitting)]))
    probes = _histories(taken, contains, problems=problems)
    ranked = sorted(probes, key=lambda each: (-each.problems, -each.changes, -each.retried, each.label))
    room = _SHOWN if contains else max(_QUIET, sum(each.problems > 0 for each in probes))
    started = [each for each in probes if each.durations]
    flaky = sorted(filter(_flaky, probes), key=lambda each: (-each.changes - each.retried, each.label))
    return HeatMap(
        runs=taken,
        shown=tuple(ranked[: min(_SHOWN, room)]),
        flakiest=tuple(flaky[:_RANKED]),
        slowest=tuple(sorted(started, key=lambda each: -each.median)[:_RANKED]),
        matching=len(probes),
        bounded=len(taken) < len(asked),
    )


def _flaky(probe: ProbeHistory) -> bool:
    """Return whether it is flaky: to break once, or to be mended once, is not."""
    return probe.changes > 1 or probe.retried > 0


def _histories(taken: Sequence[RunSummary], contains: str, *, problems: bool) -> list[ProbeHistory]:
    columns = {part.key: index for index, summary in enumerate(taken) for part in summary.parts}
    rows = Result.objects.filter(run__in=list(columns))
    if contains:
        rows = rows.filter(label__icontains=contains)
    found: dict[str, list[Cell | None]] = {}
    for key, label, *values in rows.order_by("run", "pk").values_list(
        "run", "label", "outcome", "blocking", "attempts", "duration"
    )[:_MOST_RESULTS]:
        cells = found.setdefault(label, [None] * len(taken))
        cell = _cell(*values)
        before = cells[columns[key]]
        if before is None or not before.problem:  # of a label that several shards report, the worst outcome counts
            cells[columns[key]] = cell
    probes = [ProbeHistory(label, tuple(cells)) for label, cells in found.items()]
    return [each for each in probes if each.problems] if problems else probes


def _cell(outcome: str, blocking: bool, attempts: int, duration: float) -> Cell:  # noqa: FBT001 (a column)
    return Cell(Outcome(outcome), blocking, attempts, finite(duration))
