"""The views of several runs: lists of gates and runs, two runs compared, and the badge of a gate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django_probe import conf
from django_probe.history.errors import RequestError
from django_probe.history.http import listing, negotiation, responses
from django_probe.history.http.access.access import admit
from django_probe.history.http.decorators import answering
from django_probe.history.http.negotiation import Format
from django_probe.history.pages import badge as badges
from django_probe.history.pages import comparison as pages
from django_probe.history.storage import comparison
from django_probe.history.storage import runs as stored
from django_probe.history.storage.summaries import State
from django_probe.history.triggers import gates as offered
from django_probe.history.visitors import Scope

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_probe.history.storage.summaries import RunSummary


@answering("GET", "HEAD")
def gates(request: HttpRequest) -> HttpResponse:
    """Return the list of gates, with how each stands."""
    admit(request, Scope.VIEW)
    negotiation.format_of(request, (Format.JSON,))
    return _json(request, listing.of_gates(request.GET, offered.offer(), responses.links(request)))


@answering("GET", "HEAD")
def runs(request: HttpRequest) -> HttpResponse:
    """Return a list of runs, the latest first."""
    admit(request, Scope.VIEW)
    negotiation.format_of(request, (Format.JSON,))
    return _json(request, listing.of_runs(request.GET, responses.links(request)))


@answering("GET", "HEAD")
def compare(request: HttpRequest) -> HttpResponse:
    """Return what differs between two runs of a gate."""
    who = admit(request, Scope.VIEW)
    form = negotiation.format_of(request, (Format.JSON, Format.HTML))
    asked = listing.parameters(request.GET, "from", "to", "gate")
    for name in ("from", "to"):
        if not asked.get(name):
            raise RequestError(400, f"{name}: expected a run or a release")
    before, after = _pair(asked["from"], asked["to"], asked.get("gate", ""))
    found = comparison.compare(before, after)
    if form is Format.JSON:
        return _json(request, listing.of_comparison(found, responses.links(request)))
    here = responses.with_forms(request)
    return responses.html(pages.compare(found=found, asked=(asked["from"], asked["to"]), visitor=who, here=here))


@answering("GET", "HEAD")
def badge(request: HttpRequest, name: str) -> HttpResponse:
    """Return a picture of how a gate stands: to anybody, where settings.PROBE_PUBLIC_BADGES names it."""
    if name not in conf.public_badges():
        admit(request, Scope.VIEW)
    verdict = stored.verdict(name)
    if verdict is None and name not in offered.names(offered.offer()):
        raise RequestError(404, f"there is no gate {name}")
    return responses.picture(request, badges.badge(name, verdict))


def _json(request: HttpRequest, value: dict[str, Any]) -> HttpResponse:
    return responses.document(request, json.dumps(value) + "\n", Format.JSON)


def _pair(earlier: str, later: str, gate: str) -> tuple[RunSummary, RunSummary]:
    """Return the two runs that are named, of one gate. Raise RequestError 400 where there are none to compare."""
    before = _named("from", earlier, gate)
    after = _named("to", later, gate or before[0].gate if len(before) == 1 else gate)
    both = [(one, other) for one in before for other in after if one.gate == other.gate]
    if len(both) == 1:
        return both[0]
    if both:
        names = ", ".join(one.gate for one, _ in both)
        raise RequestError(400, f"gate: expected one of {names}, which both of these ran")
    raise RequestError(
        400, f"to: expected a run of the gate {before[0].gate}, which is that of `from`; it is one of {after[0].gate}"
    )


def _named(parameter: str, name: str, gate: str) -> list[RunSummary]:
    """Return the run of that name, else for each gate the latest run of the release of that name."""
    run = stored.find(f"{name}@{gate}") if gate else None
    run = run or stored.find(name)
    if run is None:
        if not (found := stored.of_release(name, gate)):
            of_gate = f" of the gate {gate[:200]}" if gate else ""
            raise RequestError(
                400, f"{parameter}: there is no run, and no release with one that ended, {name[:200]!r}{of_gate}"
            )
        return found
    if gate and run.gate != gate:
        raise RequestError(400, f"{parameter}: the run {run.id} is one of the gate {run.gate}")
    if run.state is State.RUNNING:
        raise RequestError(400, f"{parameter}: the run {run.id} goes on")
    return [run]
