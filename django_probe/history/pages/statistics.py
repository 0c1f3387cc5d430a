"""Reads what the pages show of many runs: how gates stand and since when, and their past.

The number of queries is the same however many runs there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, islice, takewhile
from typing import TYPE_CHECKING, Any, Final

from django_probe.history.models import Run
from django_probe.history.pages.heatmap import heat_map
from django_probe.history.storage import records, runs
from django_probe.history.storage.clock import from_column, to_column
from django_probe.history.storage.summaries import Mark, State, mark
from django_probe.reports.causes import causes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.db.models import QuerySet

    from django_probe.history.pages.heatmap import HeatMap
    from django_probe.history.storage.summaries import RunSummary
    from django_probe.reports.causes import Cause

TREND: Final = 40
"""How many of the latest runs a gate's card looks at."""
PAGE: Final = 25
"""How many runs a gate's page lists."""
PERIODS: Final = (1, 7, 30)
WIDTHS: Final = (25, 50, 100)
_DIGITS: Final = 19  # the largest number of a 64-bit column
_GROUPED: Final = 300
"""Problems of a gate that are grouped by their causes."""
_APART: Final = timedelta(hours=1)
"""Shards of a run start closer together than this."""


@dataclass(frozen=True, slots=True)
class Past:
    """A run that ended, for a plot: `duration` in seconds, `started_at` in UTC."""

    id: str
    started_at: datetime
    duration: float
    mark: Mark


@dataclass(frozen=True, slots=True)
class GateCard:
    """How a gate stands. `verdict` and `since` are None until a run of the whole gate has ended.

    `streak` counts the latest whole runs that said the same, the first of which started at `since`. `running` is the
    latest run that goes on, a narrowed one too; `trend` has the latest whole runs that ended, the oldest first.
    `causes` group the problems of `verdict`; `ungrouped` says that it has more of them than were looked at.
    """

    name: str
    verdict: RunSummary | None = None
    since: datetime | None = None
    streak: int = 0
    running: RunSummary | None = None
    trend: tuple[Past, ...] = ()
    causes: tuple[Cause, ...] = ()
    ungrouped: bool = False

    @property
    def base(self) -> str:
        """The id of the run to compare `verdict` with: the last one before it that passed; "" where there is none."""
        earlier = (each.id for each in reversed(self.trend[:-1]) if each.mark is Mark.PASSED)
        return next(earlier, "")

    @property
    def mark(self) -> Mark | None:
        """How the latest run of the whole gate ended."""
        return mark(self.verdict) if self.verdict else None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a visitor asked a gate's page for: `days` of the plot, `runs` in the heat map, and which probes."""

    days: int = PERIODS[1]
    runs: int = WIDTHS[1]
    probe: str = ""
    problems: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filter:
        """Read the parameters of a URL; missing and invalid ones have their defaults."""
        days, width = (query.get(name, "") for name in ("days", "runs"))
        return cls(
            days=int(days) if days in map(str, PERIODS) else cls().days,
            runs=int(width) if width in map(str, WIDTHS) else cls().runs,
            probe=query.get("probe", "").strip()[:200],
            problems=bool(query.get("problems")),
        )


@dataclass(frozen=True, slots=True)
class GateView:
    """Everything that a gate's page shows. `past` has the whole runs between `since` and `until`, the oldest first.

    `since` is when the period began that was asked for, or the first run of the gate if that was later.
    `latest` are the runs to list, the latest first; `older` is the `before` of the next page, None on the last.
    """

    card: GateCard
    filter: Filter
    since: datetime
    until: datetime
    past: tuple[Past, ...]
    heat: HeatMap
    latest: tuple[RunSummary, ...]
    before: int | None
    older: int | None


def cards(names: Iterable[str]) -> list[GateCard]:
    """Return a card for each of these gates, in their order."""
    return [_card(name, runs.recent(name, TREND)) for name in names]


def view(gate: str, query: Mapping[str, str]) -> GateView:
    """Return what a gate's page shows, as the parameters of its URL ask for it: those of `Filter`, and `before`."""
    shown = Filter.of(query)
    latest = runs.recent(gate, max(shown.runs, TREND))
    before = int(key) if (key := query.get("before", "")).isdecimal() and len(key) < _DIGITS else None
    listed, older = _listed(gate, before)
    until = datetime.now(UTC)
    since = until - timedelta(days=shown.days)
    past = tuple(reversed(list(_past(gate, since))))
    return GateView(
        card=_card(gate, latest),
        filter=shown,
        since=since if _is_older(gate, since) or not past else past[0].started_at,
        until=until,
        past=past,
        heat=heat_map(latest[: shown.runs], shown.probe, problems=shown.problems),
        latest=tuple(listed),
        before=before,
        older=older,
    )


def _listed(gate: str, before: int | None) -> tuple[list[RunSummary], int | None]:
    """Return a page of runs, and the key before which the next page is."""
    found = runs.recent(gate, PAGE + 1, before=before)
    listed = [each for each in found if before is None or each.key < before][:PAGE]  # not the shards of one before
    return listed, listed[-1].key if listed and len(found) > PAGE else None


def _card(gate: str, latest: Sequence[RunSummary]) -> GateCard:
    whole = [summary for summary in latest if summary.is_verdict]
    verdict = whole[0] if whole else runs.verdict(gate)
    since, streak = _standing(verdict) if verdict else (None, 0)
    told = records.culprits(verdict, _GROUPED + 1) if verdict and _has_culprits(verdict) else ()
    return GateCard(
        name=gate,
        verdict=verdict,
        since=since,
        streak=streak,
        running=next((summary for summary in latest if summary.state is State.RUNNING), None),
        trend=tuple(Past(each.id, each.started_at, each.duration, mark(each)) for each in reversed(whole[:TREND])),
        causes=causes(told[:_GROUPED]),
        ungrouped=len(told) > _GROUPED,
    )


def _has_culprits(verdict: RunSummary) -> bool:
    return not verdict.passed or verdict.problems > 0


def _standing(verdict: RunSummary) -> tuple[datetime, int]:
    """Return since when the gate has had its verdict, and how many runs in a row said so, at least one.

    The times of those runs are not read: converting them would take most of the time.
    """
    whole = _ended(Run.objects.filter(gate=verdict.gate), "pk")
    # Runs that ended since the verdict was read belong to the next look at the page.
    earlier = islice(dropwhile(lambda run: run[1][0].run_id != verdict.id, whole), 1, None)
    same = [rows for each, rows in takewhile(lambda run: (run[0] is Mark.PASSED) == verdict.passed, earlier)]
    keys = [row.pk for row in same[-1]] if same else [part.key for part in verdict.parts]
    first = Run.objects.filter(pk__in=keys).order_by("started_at")
    since = first.values_list("started_at", flat=True).first()
    return from_column(since) if since else verdict.started_at, 1 + len(same)


def _past(gate: str, since: datetime) -> Iterator[Past]:
    """Yield the whole runs of a gate since a moment, those that ended, the latest first."""
    rows = Run.objects.filter(gate=gate, started_at__gte=to_column(since - _APART))  # all shards of a run, or none
    for each, shards in _ended(rows, "started_at", "finished_at", "heartbeat_at"):
        started = min(row.started_at for row in shards)
        if (began := from_column(started)) < since:
            continue
        duration = max(row.finished_at or row.heartbeat_at for row in shards) - started
        yield Past(shards[0].run_id, began, max(0.0, duration.total_seconds()), each)


def _is_older(gate: str, since: datetime) -> bool:
    """Return whether a run of the whole gate began before that."""
    return Run.objects.filter(gate=gate, narrowed=False, started_at__lt=to_column(since)).exists()


def _ended(rows: QuerySet[Run], *columns: str) -> Iterator[tuple[Mark, Sequence[Any]]]:
    """Yield the whole runs of these rows that ended, the latest first: how, and these columns of each shard."""
    for state, passed, shards in runs.ended(rows, *columns):
        yield Mark.LOST if state is State.LOST else Mark.PASSED if passed else Mark.CLOSED, shards
