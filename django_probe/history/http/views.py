"""The views under `/probe/` with a history: pages, records, triggers, metrics."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

from django_probe.history.errors import RequestError
from django_probe.history.http import metrics, negotiation, responses
from django_probe.history.http.access.access import Denied, admit, visitor
from django_probe.history.http.decorators import answering
from django_probe.history.http.negotiation import Format
from django_probe.history.http.openapi import openapi
from django_probe.history.notices import outbox, silence
from django_probe.history.pages import pages, statistics
from django_probe.history.storage import records, runs
from django_probe.history.storage.summaries import State
from django_probe.history.triggers import gates, start
from django_probe.history.visitors import NOBODY, Scope
from django_probe.readiness import views as plain

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_probe.history.storage.summaries import RunSummary
    from django_probe.history.visitors import Visitor

logger = logging.getLogger("django_probe.history")
_OF_GATES = (Format.JSON, Format.HTML, Format.JUNIT)
_OF_RUNS = (*_OF_GATES, Format.MARKDOWN)


@answering("GET", "HEAD")
def status(request: HttpRequest) -> HttpResponse:
    """Return the status page to a visitor who may see it; to all others, what `ready/` says."""
    try:
        who = visitor(request)
    except Denied:
        return plain.index(request)
    if not who.may_view:
        return _door(request, who)
    offer = gates.offer()
    page = pages.status(
        gates=statistics.cards(gates.names(offer)),
        offer=offer,
        ready=plain.readiness().line,
        undelivered=outbox.undelivered(),
        visitor=who,
        here=responses.with_forms(request),
    )
    return responses.html(page)


@plain.exempt
def index(request: HttpRequest) -> HttpResponse:
    """Answer as `ready` does, unless a page is asked for."""
    if not plain.wants_page(request):
        return plain.index(request)
    return status(request) if plain.may_be_known(request) else _door(request, NOBODY)


@answering("GET", "HEAD", "POST")
def gate(request: HttpRequest, name: str) -> HttpResponse:
    """Return the latest run of the whole gate; POST starts one."""
    return _start(request, name) if request.method == "POST" else _show_gate(request, name)


@answering("GET", "HEAD")
def run(request: HttpRequest, run_id: str) -> HttpResponse:
    """Return a run, or its progress while it is under way."""
    who = admit(request, Scope.VIEW)
    form = negotiation.format_of(request, _OF_RUNS)
    if (summary := runs.find(run_id)) is None:
        raise RequestError(404, "there is no run of that id, or no more: runs are kept for some time")
    if form is not Format.HTML:
        return responses.of_run(request, summary, form)
    return _page_of(request, summary, who)


@answering("GET", "HEAD")
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Return what Prometheus reads."""
    admit(request, Scope.VIEW)
    try:
        body, content_type = metrics.exposition(request.headers.get("Accept", ""))
    except metrics.MissingLibraryError as error:
        raise RequestError(501, str(error)) from None
    return responses.plain(body, content_type)


@answering("GET", "HEAD")
def describe(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI description of these URLs."""
    admit(request, Scope.VIEW)
    return responses.document(request, json.dumps(openapi.description(responses.root(request))) + "\n", Format.JSON)


def _door(request: HttpRequest, who: Visitor) -> HttpResponse:
    """Return what `ready/` says, as a page with a way to the log-in if there is one."""
    here = responses.links(request)
    if not here.login or request.method not in ("GET", "HEAD"):
        return plain.index(request)
    ready = plain.readiness()
    response = responses.html(pages.door(ready=ready.line, visitor=who, here=here), ready.status)
    if request.method == "HEAD":
        response.content = b""
    return response


def _show_gate(request: HttpRequest, name: str) -> HttpResponse:
    who = admit(request, Scope.VIEW)
    form = negotiation.format_of(request, _OF_GATES)
    failed = negotiation.fail_status(request)
    latest = runs.verdict(name)
    offer = gates.offer() if latest is None or form is Format.HTML else gates.Offer()
    is_known = latest is not None or offer.has(name) or name in gates.names(offer)
    if form is Format.HTML and is_known:
        view = statistics.view(name, request.GET)
        here = responses.with_forms(request)
        page = pages.gate(view=view, offer=offer, silence=silence.of(name), visitor=who, here=here)
        return responses.html(page, 404 if latest is None else 200 if latest.passed else failed)
    if latest is None:
        if offer.problem:
            raise RequestError(404, f"the gate {name} never ran; the policy cannot be read: {offer.problem}")
        raise RequestError(404, f"the gate {name} never ran" if is_known else f"there is no gate {name}")
    return responses.of_run(request, latest, form, 200 if latest.passed else failed)


def _start(request: HttpRequest, name: str) -> HttpResponse:
    negotiation.check_length(request)
    who = admit(request, Scope.START)
    form = negotiation.format_of(request, _OF_GATES)
    failed, seconds = negotiation.fail_status(request), negotiation.wait(request)
    until = time.monotonic() + seconds
    order = negotiation.ordered(request)
    with start.waiting(name, wanted=seconds > 0) as other:
        launch = other or start.start(name, *order, by=who.name)
        logger.info("%s: the run %s of the gate %s, asked for by %s", launch.word, launch.run.id, name, who.name)
        summary = None if launch.busy else start.wait(launch.run.id, until)
    if summary is None:
        return responses.accepted(request, name, launch, form)
    if form is not Format.HTML:
        return responses.of_run(request, summary, form, 200 if summary.passed else failed)
    return _page_of(request, summary, who, 200 if summary.passed else failed)


def _page_of(request: HttpRequest, summary: RunSummary, who: Visitor, status: int = 200) -> HttpResponse:
    record = None if summary.state is State.RUNNING else records.of(summary)
    here = responses.with_forms(request)
    page = pages.run(summary=summary, run=record, offer=gates.offer(), visitor=who, here=here, asked=request.GET)
    return responses.html(page, status)
