"""What the probes of a gate did in its latest runs: which failed when, which are flaky, which are slow.

What is read is bounded, whatever the gate: the results of so many runs as have no more than 30,000 of them.
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
"""So many probes are shown though they had no problem, unless some of that name are looked for."""


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
        """Whether it failed, erred, timed out, or was never started."""
        return not self.good and self.outcome is not Outcome.SKIPPED


@dataclass(frozen=True, slots=True)
class ProbeHistory:
    """What a probe did in the latest runs: a cell for each of them, None where it was not part of the run."""

    label: str
    cells: tuple[Cell | None, ...]

    @property
    def ran(self) -> list[Cell]:
        """The cells in which it said something."""
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
        """How often, from one run to the next, it passed and then not, or the other way round."""
        return sum(one.good != other.good for one, other in pairwise(self.ran))

    @property
    def retried(self) -> int:
        """In how many runs it passed only when it was tried again."""
        return sum(cell.good and cell.attempts > 1 for cell in self.ran)

    @property
    def durations(self) -> list[float]:
        """Seconds that it took, each time that it was started."""
        return [cell.duration for cell in self.ran if cell.outcome is not Outcome.NOT_RUN]

    @property
    def median(self) -> float:
        """Seconds that it took in the middle run."""
        return median(durations) if (durations := self.durations) else 0.0

    @property
    def longest(self) -> float:
        """Seconds that it took at most."""
        return max(self.durations, default=0.0)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The latest whole runs of a gate, the oldest first, and the probes that are shown of them.

    `matching` counts the probes that the filter lets through, shown or not; `bounded` says that fewer runs are here
    than were asked for, since they have so many results.
    """

    runs: tuple[RunSummary, ...]
    shown: tuple[ProbeHistory, ...]
    flakiest: tuple[ProbeHistory, ...]
    slowest: tuple[ProbeHistory, ...]
    matching: int
    bounded: bool


def heat_map(latest: Sequence[RunSummary], contains: str, *, problems: bool) -> HeatMap:
    """Return what the probes did in these runs of a gate, the latest of which comes first.

    Only of probes whose label contains that text, in any case; of `problems`, only of those that had one.
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
    """Return whether it changed its mind: to break once, or to be mended once, is not flaky."""
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
        if before is None or not before.problem:  # a label that more than one shard reports did what the worst says
            cells[columns[key]] = cell
    probes = [ProbeHistory(label, tuple(cells)) for label, cells in found.items()]
    return [each for each in probes if each.problems] if problems else probes


def _cell(outcome: str, blocking: bool, attempts: int, duration: float) -> Cell:  # noqa: FBT001 (a column)
    return Cell(Outcome(outcome), blocking, attempts, finite(duration))
