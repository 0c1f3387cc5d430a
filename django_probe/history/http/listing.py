"""Lists and comparisons for machines: what a URL may ask of them, and their JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django_probe.history.errors import RequestError
from django_probe.history.models import Run
from django_probe.history.pages import statistics
from django_probe.history.storage import runs
from django_probe.history.storage.clock import to_column
from django_probe.history.storage.summaries import Mark, State, mark
from django_probe.history.triggers import gates
from django_probe.reports.json import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_probe.history.links import Links
    from django_probe.history.pages.statistics import GateCard
    from django_probe.history.storage.comparison import Change, Comparison
    from django_probe.history.storage.summaries import RunSummary
    from django_probe.history.triggers.gates import Offer
    from django_probe.reports.causes import Cause
    from django_probe.results import ProbeResult

MOST: Final = 200
USUAL: Final = 50
STATES: Final = (*State, Mark.PASSED, Mark.CLOSED)
"""What `?state=` takes: the states of a run, and the two verdicts of one that finished."""
_DIGITS: Final = 19  # the largest number of a 64-bit column
_AT_ONCE: Final = 200
_LOOKS: Final = 10
_BOUNDS: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the URL of a list of runs asks for; `before` is the key of the last run of the page before."""

    gate: str
    since: datetime | None
    state: str
    limit: int
    before: int | None

    def matches(self, run: RunSummary) -> bool:
        """Return whether a run is one of those."""
        if (self.gate and run.gate != self.gate) or (self.since and run.started_at < self.since):
            return False
        if not self.state:
            return True
        ended = run.state is not State.RUNNING
        return self.state in (run.state, mark(run)) if ended else self.state == State.RUNNING


def parameters(query: Mapping[str, str], *known: str) -> dict[str, str]:
    """Return the parameters of a URL that are known. Raise RequestError 400 where another stands there."""
    if unknown := sorted(set(query) - {*known, "format"}):
        raise RequestError(400, f"{unknown[0][:50]!r} is no parameter here; there are {', '.join(known)}")
    if wrong := [name for name in known if "\0" in query.get(name, "")]:  # PostgreSQL refuses text with one
        raise RequestError(400, f"{wrong[0]}: expected text without a null character")
    return {name: query[name] for name in known if name in query}


def of_gates(query: Mapping[str, str], offer: Offer, here: Links) -> dict[str, Any]:
    """Return a page of the gates, with how each stands and why; `next` is the URL of the next page, or None."""
    asked = parameters(query, "limit", "after")
    names, limit = gates.names(offer), _limit(asked)
    if (after := asked.get("after")) is not None:
        if after not in names:
            raise RequestError(400, f"after: there is no gate {after[:200]}")
        names = names[names.index(after) + 1 :]
    shown = names[:limit]
    following = {"limit": limit, "after": shown[-1]} if len(names) > limit else None
    return {
        "gates": [_gate(card, offer, here) for card in statistics.cards(shown)],
        "next": f"{here.root}gates/?{urlencode(following)}" if following else None,
    }


def of_runs(query: Mapping[str, str], here: Links) -> dict[str, Any]:
    """Return a page of the runs that a URL asks for, the latest first; `next` is the URL of the next page, or None.

    A page may have fewer than its limit, and there are more all the same: what is looked at for it is bounded.
    """
    given = parameters(query, "gate", "since", "state", "limit", "before")
    asked = _asked(given)
    found, before = _matching(asked)
    if asked.gate and not found and asked.gate not in gates.names(gates.offer()):
        raise RequestError(400, f"gate: there is no gate {asked.gate[:200]}")
    following = urlencode({**given, "limit": asked.limit, "before": before})
    return {"runs": [of_run(each, here) for each in found], "next": before and f"{here.root}runs/?{following}"}


def of_comparison(found: Comparison, here: Links) -> dict[str, Any]:
    """Return a comparison: the two runs, and lists of probes with what they did in each."""
    parts = {
        "new": found.new,
        "fixed": found.fixed,
        "still_broken": found.still_broken,
        "unproved": found.unproved,
        "slower": found.slower,
    }
    return {
        "gate": found.after.gate,
        "from": of_run(found.before, here),
        "to": of_run(found.after, here),
        **{name: [_change(each) for each in changes] for name, changes in parts.items()},
    }


def of_run(run: RunSummary, here: Links) -> dict[str, Any]:
    """Return a run without its results."""
    ended = run.state is not State.RUNNING
    return {
        "id": run.id,
        "gate": run.gate,
        "url": here.of_run(run.name),
        "release": run.release or None,
        "host": run.host,
        "started_at": timestamp(run.started_at),
        "finished_at": timestamp(run.ended_at) if ended else None,
        "duration": run.duration if ended else None,
        "passed": run.passed,
        "exit_code": run.exit_code,
        "reason": run.reason,
        "counts": run.counts,
        "state": run.state.value,
        "trigger": run.trigger or None,
        "started_by": run.started_by or None,
        "labels": list(run.labels),
        "failed_of": run.rerun_of or None,
        "narrowed": run.narrowed,
    }


def _gate(card: GateCard, offer: Offer, here: Links) -> dict[str, Any]:
    return {
        "name": card.name,
        "url": here.of_gate(card.name),
        "passed": card.verdict.passed if card.verdict else None,
        "since": timestamp(card.since) if card.since else None,
        "streak": card.streak,
        "startable": offer.has(card.name),
        "run": of_run(card.verdict, here) if card.verdict else None,
        "running": of_run(card.running, here) if card.running else None,
        "causes": [_cause(cause) for cause in card.causes],
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "outcome": cause.outcome.value,
        "blocking": cause.first.blocking,
        "message": cause.message,
        "probes": len(cause.results),
        "labels": [result.label for result in cause.named],
        "owners": list(cause.owners),
        "runbooks": list(cause.runbooks),
    }


def _change(change: Change) -> dict[str, Any]:
    return {"label": change.label, "from": _brief(change.before), "to": _brief(change.after)}


def _brief(result: ProbeResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "outcome": result.outcome.value,
        "blocking": result.blocking,
        "duration": result.duration,
        "message": result.message,
        "owner": result.owner,
        "runbook": result.runbook,
    }


def _matching(asked: _Asked) -> tuple[Sequence[RunSummary], int | None]:
    """Return the runs of a page, and the key before which the next page is: None if there is none."""
    rows = Run.objects.filter(gate=asked.gate) if asked.gate else Run.objects.all()
    rows = rows.filter(started_at__gte=to_column(asked.since)) if asked.since else rows
    found: list[RunSummary] = []
    before, at_once = asked.before, _AT_ONCE if asked.state else asked.limit + 1
    for _ in range(_LOOKS):
        batch, before = runs.among_all(rows, at_once, before=before)
        found += filter(asked.matches, batch)
        if len(found) > asked.limit:
            return found[: asked.limit], found[asked.limit - 1].key
        if before is None:
            break
    return found, before


def _asked(given: Mapping[str, str]) -> _Asked:
    state, before = given.get("state", ""), given.get("before")
    if state and state not in STATES:
        raise RequestError(400, f"state: expected one of {', '.join(dict.fromkeys(STATES))}, got {state[:50]!r}")
    if before is not None and not (before.isascii() and before.isdecimal() and len(before) < _DIGITS):
        raise RequestError(400, f"before: expected the number that `next` has, got {before[:50]!r}")
    return _Asked(given.get("gate", ""), _since(given), state, _limit(given), int(before) if before else None)


def _since(given: Mapping[str, str]) -> datetime | None:
    if (text := given.get("since")) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        like = "expected a time such as 2026-11-30T08:00:00Z (a + in a URL is %2B)"
        raise RequestError(400, f"since: {like}, got {text[:50]!r}") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(aware, _BOUNDS[0]), _BOUNDS[1])


def _limit(given: Mapping[str, str]) -> int:
    text = given.get("limit", str(USUAL))
    if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS and 1 <= int(text) <= MOST):
        raise RequestError(400, f"limit: expected a number from 1 to {MOST}, got {text[:50]!r}")
    return int(text)
