"""Compares what the probes of a gate did in two of its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_probe.history.storage import records
from django_probe.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.history.storage.summaries import RunSummary
    from django_probe.results import ProbeResult

_TIMES: Final = 2
_NOTICED: Final = 0.1
"""Seconds by which a probe has to be slower: what takes a millisecond takes two now and then."""
_GOOD: Final = (Outcome.PASSED, Outcome.EXPECTED_FAILURE)


@dataclass(frozen=True, slots=True)
class Change:
    """What a probe did before and after; None where it was no part of the run."""

    label: str
    before: ProbeResult | None
    after: ProbeResult | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two runs: `new` problems, `fixed` ones, those `still_broken`.

    `unproved` are problems of the first run whose probes say nothing in the second: they skipped, did not run, or are
    gone. `slower` passed in both, and took more than twice as long in the second.
    """

    before: RunSummary
    after: RunSummary
    new: tuple[Change, ...]
    fixed: tuple[Change, ...]
    still_broken: tuple[Change, ...]
    unproved: tuple[Change, ...]
    slower: tuple[Change, ...]


def compare(before: RunSummary, after: RunSummary) -> Comparison:
    """Return what differs between two runs that ended. It is two queries."""
    earlier, later = _by_label(records.brief(before)), _by_label(records.brief(after))
    changes = [Change(label, earlier.get(label), later.get(label)) for label in {**later, **earlier}]
    broken = [change for change in changes if _is_problem(change.before)]
    return Comparison(
        before=before,
        after=after,
        new=tuple(each for each in changes if _is_problem(each.after) and not _is_problem(each.before)),
        fixed=tuple(each for each in broken if each.after and each.after.outcome in _GOOD),
        still_broken=tuple(each for each in broken if _is_problem(each.after)),
        unproved=tuple(each for each in broken if not each.after or not _says_something(each.after)),
        slower=tuple(sorted(filter(_is_slower, changes), key=_times, reverse=True)),
    )


def _by_label(results: Iterable[ProbeResult]) -> dict[str, ProbeResult]:
    """Return the results by label; of one that several shards report, what is worst."""
    found: dict[str, ProbeResult] = {}
    for result in results:
        if result.label not in found or (result.is_problem and not found[result.label].is_problem):
            found[result.label] = result
    return found


def _is_problem(result: ProbeResult | None) -> bool:
    return result is not None and result.is_problem


def _says_something(result: ProbeResult) -> bool:
    return result.is_problem or result.outcome in _GOOD


def _is_slower(change: Change) -> bool:
    if not change.before or not change.after:
        return False
    if change.before.outcome not in _GOOD or change.after.outcome not in _GOOD:
        return False
    before, after = change.before.duration, change.after.duration
    return after > before * _TIMES and after - before >= _NOTICED


def _times(change: Change) -> float:
    before, after = (each.duration if each else 0.0 for each in (change.before, change.after))
    return after / before if before else after * 1e6
