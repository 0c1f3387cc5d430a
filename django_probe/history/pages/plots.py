"""Draws the plots of the pages as inline SVG. Shapes say what colours say; numbers are the same in every locale.

Text of probes gets in only when it is escaped. Colours come from the style sheet, by class.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from django_probe.history.pages.statistics import TREND, WIDTHS
from django_probe.history.storage.summaries import Mark
from django_probe.reports.html.filters import count, number, took, utc
from django_probe.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django_probe.history.pages.heatmap import Cell, ProbeHistory
    from django_probe.history.pages.statistics import Past

_MANY: Final = 120
_FEW: Final = 40
"""The parts into which a plot divides its time; fewer if there are fewer runs, or bars would be too thin."""
_BAR: Final = 5
_GAP: Final = 2
_HIGH: Final = 30
"""The height of a trend's bars; below them is a mark for each run that did not pass."""
_PLOT: Final = 150
_STRIP: Final = 16
_CELL: Final = 10

# In a cell of 10 by 16. A pass is a low bar, everything else is as high as the cell and has a shape of its own.
_SHAPES: Final = {
    "passed": "M{x} 6h{w}v4h-{w}z",
    "retried": "M{x} 6h{w}v4h-{w}zM{x} 1h{w}v3h-{w}z",
    "failed": "M{x} 0h{w}v16h-{w}z",
    "error": "M{x} 0h{w}v6h-{w}zM{x} 10h{w}v6h-{w}z",
    "timeout": "M{x} 0h{w}l-{w} 16h{w}z",
    "not_run": "M{x} 0h{w}v3h-{w}zM{x} 13h{w}v3h-{w}z",
    "skipped": "M{x} 7.5h{w}v1h-{w}z",
}


def trend(past: Sequence[Past]) -> SafeString:
    """Return the latest runs of a gate as small bars, high for long runs, with a mark below those that failed."""
    longest = max((each.duration for each in past if each.mark is not Mark.LOST), default=0.0) or 1.0
    bars = [_trend_bar(index, each, longest) for index, each in enumerate(past, TREND - len(past))]
    bad = sum(each.mark is not Mark.PASSED for each in past)
    said = f"The latest {count(len(past), 'run')}: {_verdicts(bad)}; the longest took {took(longest)}."
    width = TREND * (_BAR + _GAP)
    return format_html(
        '<svg class="trend" role="img" width="{}" height="{}" viewBox="0 0 {} {}"><title>{}</title>'
        '<path class="base" d="M0 {}h{}v1H0z"/>{}</svg>',
        width,
        _HIGH + 9,
        width,
        _HIGH + 9,
        said,
        _HIGH,
        width,
        mark_safe("".join(bars)),  # noqa: S308 (numbers and our own words)
    )


def _verdicts(bad: int) -> str:
    return f"{number(bad)} did not pass" if bad else "all passed"


def _trend_bar(index: int, each: Past, longest: float) -> str:
    x = index * (_BAR + _GAP)
    high = _HIGH if each.mark is Mark.LOST else max(3.0, _HIGH * each.duration / longest)
    bar = f'<path class="{each.mark}" d="M{x} {_HIGH - high:.1f}h{_BAR}V{_HIGH}h-{_BAR}z"/>'
    below = f'<path class="{each.mark}" d="M{x} {_HIGH + 9}h{_BAR}l-{_BAR / 2} -6z"/>'
    return bar if each.mark is Mark.PASSED else bar + below


@dataclass(frozen=True, slots=True)
class Bucket:
    """The runs that started within a part of the plot's time; durations in seconds, without those of lost runs."""

    index: int
    since: datetime
    until: datetime
    durations: tuple[float, ...]
    closed: int
    lost: int

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return len(self.durations) + self.lost

    @property
    def bad(self) -> int:
        """How many of them did not pass."""
        return self.closed + self.lost

    @property
    def median(self) -> float:
        """The median of the seconds that a run took."""
        return median(self.durations)

    @property
    def longest(self) -> float:
        """Seconds that the longest took."""
        return max(self.durations)

    @property
    def words(self) -> str:
        """All of it in a line."""
        return f"{utc(self.since)} to {utc(self.until)} UTC: {self.said}"

    @property
    def said(self) -> str:
        """The runs and how they ended, without their times."""
        if self.runs == 1:
            ended = "lost" if self.lost else f"{'closed' if self.closed else 'passed'}, took {took(self.longest)}"
            return f"1 run, {ended}"
        bad = [f"{each} {word}" for each, word in ((self.closed, "closed"), (self.lost, "lost")) if each]
        times = f"; median {took(self.median)}, longest {took(self.longest)}" if self.durations else ""
        return f"{count(self.runs, 'run')}, {', '.join(bad) or 'all passed'}{times}"


def buckets(past: Iterable[Past], since: datetime, until: datetime) -> list[Bucket]:
    """Return the parts of the time from `since` to `until` in which runs started."""
    runs = list(past)
    columns = _columns(len(runs))
    step = max(until - since, timedelta(seconds=1)) / columns
    sorted_in: dict[int, list[Past]] = {}
    for each in runs:
        sorted_in.setdefault(max(0, min(columns - 1, (each.started_at - since) // step)), []).append(each)
    return [
        Bucket(
            index=index,
            since=since + index * step,
            until=since + (index + 1) * step,
            durations=tuple(each.duration for each in within if each.mark is not Mark.LOST),
            closed=sum(each.mark is Mark.CLOSED for each in within),
            lost=sum(each.mark is Mark.LOST for each in within),
        )
        for index, within in sorted(sorted_in.items())
    ]


def _columns(runs: int) -> int:
    return _FEW if runs <= _FEW else _MANY


def durations(parts: Sequence[Bucket]) -> SafeString:
    """Return how long runs took over time: a bar up to the median, and a thin line up to the longest.

    Below it is a block for each part of the time in which runs did not pass, as high as their share.
    """
    top = max((part.longest for part in parts if part.durations), default=0.0) or 1.0
    bad, runs = sum(part.bad for part in parts), sum(part.runs for part in parts)
    said = f"{count(runs, 'run')}: {_verdicts(bad)}; the longest took {took(top)}."
    width = _columns(runs) * _CELL
    return format_html(
        '<svg class="durations" role="img" viewBox="0 0 {} {}" preserveAspectRatio="none">'
        "<title>Durations and verdicts</title><desc>{} The same is in the table below.</desc>"
        '<path class="grid" d="M0 .5H{}M0 75H{}M0 149.5H{}"/>{}</svg>',
        width,
        _PLOT + 30,
        said,
        *([width] * 3),
        format_html_join("", "<g><title>{}</title>{}</g>", ((part.words, _column(part, top)) for part in parts)),
    )


def _column(part: Bucket, top: float) -> SafeString:
    x = part.index * _CELL
    kind = Mark.PASSED if not part.bad else Mark.CLOSED if part.closed else Mark.LOST
    below = 6 + 20 * part.bad / part.runs if part.bad else 3
    bars = _bars(part, top) if part.durations else f'<path class="lost bar" d="M{x + 1} 1h8V{_PLOT}h-8z"/>'
    hit = f'<path class="hit" d="M{x} 0h{_CELL}V{_PLOT + 30}h-{_CELL}z"/>'
    block = f'<path class="{kind}" d="M{x + 1} {_PLOT + 4}h8v{below:.1f}h-8z"/>'
    return mark_safe(hit + bars + block)  # noqa: S308 (numbers and our own words)


def _bars(part: Bucket, top: float) -> str:
    x = part.index * _CELL
    kind = Mark.CLOSED if part.bad == part.runs else Mark.PASSED  # one duration says nothing about the others
    middle, longest = (max(2.0, (_PLOT - 2) * each / top) for each in (part.median, part.longest))
    line = f'<path class="range" d="M{x + 4} {_PLOT - longest:.1f}h2V{_PLOT}h-2z"/>'
    return f'{line}<path class="{kind}" d="M{x + 1} {_PLOT - middle:.1f}h8V{_PLOT}h-8z"/>'


def strip(probe: ProbeHistory, names: Sequence[str]) -> SafeString:
    """Return what a probe did in each run, side by side; `names` are the tooltips that say which run it was."""
    plain: dict[str, list[str]] = {}
    pointed = []
    columns = max(WIDTHS[0], len(probe.cells))
    for index, cell in enumerate(probe.cells, columns - len(probe.cells)):
        if cell is None:
            continue
        kind = shape(cell)
        path = _SHAPES[kind].format(x=index * _CELL + 1, w=_CELL - 1)
        if kind in ("passed", "skipped"):
            plain.setdefault(kind, []).append(path)
        else:
            classes = kind if cell.blocking else f"{kind} warn"
            pointed.append((classes, path, f"{names[index - columns]}: {words(cell)}"))
    return format_html(
        '<svg class="strip" aria-hidden="true" viewBox="0 0 {} {}" preserveAspectRatio="none">{}{}</svg>',
        columns * _CELL,
        _STRIP,
        format_html_join("", '<path class="{}" d="{}"/>', ((kind, "".join(paths)) for kind, paths in plain.items())),
        format_html_join("", '<path class="{}" d="{}"><title>{}</title></path>', pointed),
    )


def shape(cell: Cell) -> str:
    """Return the name of the shape, and the class, of a cell."""
    if cell.outcome in (Outcome.PASSED, Outcome.EXPECTED_FAILURE):
        return "retried" if cell.attempts > 1 else "passed"
    return cell.outcome.value


def words(cell: Cell) -> str:
    """Return in words what a probe did in one run."""
    said = "passed after a retry" if shape(cell) == "retried" else cell.outcome.value.replace("_", " ")
    return f"{said}, {took(cell.duration)}" + ("" if cell.blocking else ", warn-only")


def key(kind: str) -> SafeString:
    """Return one cell of a strip, for its legend."""
    path = _SHAPES[kind].format(x=1, w=_CELL - 1)
    return format_html(
        '<svg class="key" aria-hidden="true" width="11" height="16" viewBox="0 0 11 16">'
        '<path class="{}" d="{}"/></svg>',
        kind,
        path,
    )
