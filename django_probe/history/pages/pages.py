"""The pages: each is a function of its arguments, and returns HTML with its own style and script.

The names of probes, releases and hosts are hostile: they get into a page only through templates that escape them.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django_probe.history.pages import plots
from django_probe.history.pages.rendering import page
from django_probe.history.pages.statistics import PERIODS, WIDTHS
from django_probe.history.storage.summaries import Mark, State, mark
from django_probe.history.triggers import narrowing
from django_probe.reports.html import shows_attachments
from django_probe.reports.html.filters import count, number, utc
from django_probe.results import PROBLEMS, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_probe.history.links import Links
    from django_probe.history.notices.outbox import Undelivered
    from django_probe.history.notices.silence import Silence
    from django_probe.history.pages.heatmap import HeatMap
    from django_probe.history.pages.statistics import GateCard, GateView
    from django_probe.history.storage.summaries import Part, RunSummary
    from django_probe.history.triggers.gates import Offer
    from django_probe.history.visitors import Visitor
    from django_probe.results import ProbeResult, ProbeRun

_PROBLEMS_IN_FULL: Final = 25
_RESULTS_A_PAGE: Final = 100
_DIGITS: Final = 7  # of a page that there could be
_TITLES: Final = {
    400: "That cannot be asked for",
    401: "Log in to see this",
    403: "Not allowed",
    404: "Not found",
    405: "Not allowed here",
    409: "Not now",
    429: "Too many attempts",
    503: "Not available",
}


def status(
    *,
    gates: Sequence[GateCard],
    offer: Offer,
    ready: str,
    visitor: Visitor,
    here: Links,
    undelivered: Sequence[Undelivered] = (),
) -> str:
    """Return the status page: a card for each gate, closed ones first, and whether this process is ready.

    `undelivered` are the notices that did not arrive.
    """
    order = [Mark.CLOSED, Mark.LOST, Mark.PASSED, None]
    return page(
        "status",
        visitor,
        here,
        title=_sentence(gates),
        tone=_tone(gates),
        cards=[
            (card, plots.trend(card.trend), visitor.may_start and offer.has(card.name), offer.lack(card.name))
            for card in sorted(gates, key=lambda card: order.index(card.mark))
        ],
        problem=offer.problem,
        undelivered=undelivered,
        ready=ready,
        is_ready=ready.startswith("ready"),
    )


def gate(*, view: GateView, offer: Offer, visitor: Visitor, here: Links, silence: Silence | None = None) -> str:
    """Return a gate's page: its verdict, its past, its probes, its runs, and the forms to run and to silence it."""
    parts = plots.buckets(view.past, view.since, view.until)
    return page(
        "gate",
        visitor,
        here,
        title=f"{(view.card.mark or 'never ran').upper()}: gate {view.card.name}",
        tone=view.card.mark or "none",
        can_start=visitor.may_start and offer.has(view.card.name),
        lack=offer.lack(view.card.name),
        problem=offer.problem,
        silence=silence,
        can_silence=visitor.may_start and view.card.name in offer.told,
        view=view,
        card=view.card,
        heat=view.heat,
        parts=parts,
        durations=plots.durations(parts),
        longest=max((part.longest for part in parts if part.durations), default=0.0),
        rows=_heat_rows(view.heat),
        keys=[(plots.key(kind), kind) for kind in ("passed", "retried", *PROBLEMS_IN_ORDER, "not_run", "skipped")],
        hidden=view.heat.matching - len(view.heat.shown),
        runs=[(summary, _kind(summary)) for summary in view.latest],
        periods=PERIODS,
        widths=WIDTHS,
        newest=_query(view),
        older=_query(view, before=view.older) if view.older else "",
    )


def run(
    *,
    summary: RunSummary,
    run: ProbeRun | None,
    offer: Offer,
    visitor: Visitor,
    here: Links,
    asked: Mapping[str, str] | None = None,
) -> str:
    """Return a run's page: its problems, then every result; its progress while it is under way.

    `run` is the record, None while there is none. `asked` are the parameters of the URL that narrow the table of
    results: `outcome`, `probe` (a part of the label) and `page`.
    """
    kind = _kind(summary)
    return page(
        "run",
        visitor,
        here,
        title=f"{kind.upper()}: run of gate {summary.gate}",
        tone=kind,
        kind=kind,
        summary=summary,
        record=run,
        problems=run.problems[:_PROBLEMS_IN_FULL] if run else (),
        problems_in_all=len(run.problems) if run else 0,
        can_start=visitor.may_start and offer.has(summary.gate),
        again=run is not None and _can_be_run_again(run),
        show_attachments=run is not None and shows_attachments(run.results),
        labels=" ".join(summary.labels),
        shards=[(part, _part(part)) for part in summary.parts],
        **(_table(run, asked or {}) if run else {}),
    )


def notice(*, status: int, sentence: str, here: Links, title: str = "", links: Sequence[tuple[str, str]] = ()) -> str:
    """Return a page that says why there is no other. `links` are URLs with their texts."""
    return page(
        "notice",
        None,
        here,
        title=title or _TITLES.get(status, "That did not work"),
        tone="none",
        status=status,
        sentence=sentence,
        links=[*links, *([(here.login, "Log in")] if status == 401 and here.login else [])],  # noqa: PLR2004
    )


def door(*, ready: str, visitor: Visitor, here: Links) -> str:
    """Return the page for whoever may not see the gates: whether this process is ready, and the way to the log-in."""
    return page(
        "door",
        visitor if visitor.name else None,
        here,
        title="Log in to see the gates",
        tone="none",
        ready=ready,
        is_ready=ready.startswith("ready"),
    )


def started(*, run_url: str, here: Links) -> str:
    """Return the answer to a form that started a run: the page leads the browser to it, without an HTTP redirect."""
    return page("started", None, here, title="The run has started", tone="running", run_url=run_url)


PROBLEMS_IN_ORDER: Final = tuple(outcome.value for outcome in Outcome if outcome in PROBLEMS)


def _sentence(gates: Sequence[GateCard]) -> str:
    """Return one sentence about how all gates stand."""
    ran = [card for card in gates if card.verdict]
    closed = sum(card.mark is not Mark.PASSED for card in ran)
    if not ran:
        return "No gate has run yet"
    if closed:
        return f"{number(closed)} of {count(len(gates), 'gate')} {'is' if closed == 1 else 'are'} closed"
    waiting = len(gates) - len(ran)
    if waiting:
        return f"{number(len(ran))} of {count(len(gates), 'gate')} passed, {number(waiting)} never ran"
    return "The gate is open" if len(gates) == 1 else f"All {number(len(gates))} gates are open"


def _tone(gates: Sequence[GateCard]) -> str:
    marks = [card.mark for card in gates]
    return next((each.value for each in (Mark.CLOSED, Mark.LOST, Mark.PASSED) if each in marks), "none")


def _kind(summary: RunSummary) -> str:
    return "running" if summary.state is State.RUNNING else mark(summary).value


def _can_be_run_again(run: ProbeRun) -> bool:
    try:
        return bool(narrowing.failed(run))
    except narrowing.LabelsError:
        return False


def _part(part: Part) -> str:
    if part.finished_at is None:
        return "lost" if part.is_lost else "running"
    return "closed" if part.exit_code else "passed"


def _heat_rows(heat: HeatMap) -> list[Any]:
    names = [f"{utc(summary.started_at)} UTC" for summary in heat.runs]
    return [
        (probe, plots.strip(probe, names), heat.runs[probe.last_problem] if probe.last_problem is not None else None)
        for probe in heat.shown
    ]


def _query(view: GateView, **more: object) -> str:
    asked = {"days": view.filter.days, "runs": view.filter.runs, "probe": view.filter.probe}
    return urlencode(asked | ({"problems": 1} if view.filter.problems else {}) | more)


def _table(run: ProbeRun, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the page of the results that was asked for, problems first."""
    outcome, probe = asked.get("outcome", ""), asked.get("probe", "").strip()[:200]
    found = [
        result
        for result in sorted(run.results, key=_urgency)
        if (not outcome or result.outcome == outcome) and probe.casefold() in result.label.casefold()
    ]
    pages = max(1, ceil(len(found) / _RESULTS_A_PAGE))
    turned = asked.get("page", "")
    page = min(pages, max(1, int(turned))) if turned.isdecimal() and len(turned) < _DIGITS else 1
    first = (page - 1) * _RESULTS_A_PAGE
    turn = {name: value for name, value in (("outcome", outcome), ("probe", probe)) if value}
    return {
        "results": found[first : first + _RESULTS_A_PAGE],
        "first": first + 1,
        "last": min(len(found), first + _RESULTS_A_PAGE),
        "matching": len(found),
        "outcomes": list(Outcome),
        "outcome": outcome,
        "probe": probe,
        "previous_page": urlencode({**turn, "page": page - 1}) if page > 1 else "",
        "next_page": urlencode({**turn, "page": page + 1}) if page < pages else "",
    }


def _urgency(result: ProbeResult) -> int:
    if result.is_problem:
        return 0 if result.blocking else 1
    return 2 if result.outcome is Outcome.NOT_RUN else 3
