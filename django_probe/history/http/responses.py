"""Makes the responses of the history: never a redirect, never a traceback, never cacheable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import global_settings, settings
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.cache import get_conditional_response, patch_vary_headers

from django_probe import conf
from django_probe.history.errors import RequestError
from django_probe.history.http.negotiation import Format, format_of
from django_probe.history.links import Links
from django_probe.history.pages import pages, rendering
from django_probe.history.storage import records
from django_probe.history.storage.summaries import State
from django_probe.reports import json as record_json
from django_probe.reports import junit, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest

    from django_probe.history.storage.summaries import RunSummary
    from django_probe.history.triggers.launcher import Launch

_VARY = ("Accept", "Authorization", "Cookie")


def html(page: str, status: int = 200) -> HttpResponse:
    """Return a page with a Content-Security-Policy that allows only its own script."""
    response = plain(page.encode("utf-8", "replace"), "text/html; charset=utf-8", status)
    response.headers["Content-Security-Policy"] = rendering.SECURITY_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def of_run(request: HttpRequest, summary: RunSummary, form: Format, status: int = 200) -> HttpResponse:
    """Return a run for machines. While it is under way, its progress, as JSON; raise RequestError 409 for others."""
    if summary.state is State.RUNNING:
        if form is not Format.JSON:
            raise RequestError(409, "the run goes on: there is only its progress yet, as HTML or JSON")
        return document(request, json.dumps(progress(summary)) + "\n", form, status)
    run = records.of(summary)
    if form is Format.JSON:
        text = json.dumps({**record_json.as_dict(run), **_beside(summary)}) + "\n"
    else:
        text = (junit if form is Format.JUNIT else markdown).render(run)
    return document(request, text, form, status)


def progress(summary: RunSummary) -> dict[str, Any]:
    """Return a run that is under way, in the keys of the record as far as they are known, and its progress."""
    return {
        "version": record_json.VERSION,
        "id": summary.id,
        "gate": summary.gate,
        "release": summary.release or None,
        "host": summary.host,
        "shard": None,
        "started_at": record_json.timestamp(summary.started_at),
        "finished_at": None,
        "duration": None,
        "passed": None,
        "exit_code": None,
        "ended_by": None,
        **_beside(summary),
        "progress": {"done": summary.done, "total": summary.total, "problems": summary.problems},
    }


def _beside(summary: RunSummary) -> dict[str, Any]:
    return {
        "state": summary.state.value,
        "trigger": summary.trigger or None,
        "started_by": summary.started_by or None,
        "labels": list(summary.labels),
        "failed_of": summary.rerun_of or None,
        "narrowed": summary.narrowed,
    }


def picture(request: HttpRequest, svg: str) -> HttpResponse:
    """Return a badge, which a cache has to ask for each time, and which does nothing if it is opened by itself."""
    body = svg.encode("utf-8", "replace")
    response = plain(body, "image/svg+xml; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    return _conditional(request, response)


def document(request: HttpRequest, text: str, form: Format, status: int = 200) -> HttpResponse:
    """Return an answer for machines; 304 if the client has it already."""
    body = text.encode("utf-8", "backslashreplace")
    response = plain(body, f"{form.media_types[0]}; charset=utf-8", status)
    response.headers["Cache-Control"] = "private, no-cache"  # a private cache may keep it and has to ask each time
    if status != 200:  # noqa: PLR2004 (conditions are for answers that would be 200)
        return response
    return _conditional(request, response)


def _conditional(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the response, or a 304 if the client has it already."""
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response.headers["ETag"] = etag
    return get_conditional_response(request, etag, response=response) or response


def accepted(request: HttpRequest, gate: str, launch: Launch, form: Format) -> HttpResponse:
    """Return where the run is that was started (202), or the one that is under way already (409)."""
    status = 409 if launch.busy else 202
    location = Links(root(request)).of_run(str(launch.run))
    if form is not Format.HTML:
        said = {"id": launch.run.id, "gate": gate, "state": State.RUNNING.value, "url": location}
        if launch.busy:
            said["error"] = f"a run of the gate {gate} goes on"
        response = plain(json.dumps(said).encode() + b"\n", "application/json", status)
        response.headers["Cache-Control"] = "no-store"
    elif launch.busy:
        goes_on = f"A run of the gate {gate} goes on: one at a time."
        page = pages.notice(status=status, sentence=goes_on, here=links(request), links=[(location, "See that run")])
        response = html(page, status)
    else:
        response = html(pages.started(run_url=location, here=links(request)), status)
    response.headers["Location"] = location
    return response


def problem(request: HttpRequest, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return one sentence about what is wrong: a page for whoever accepts pages, else JSON."""
    try:
        form = format_of(request, (Format.JSON, Format.HTML))
    except RequestError:
        form = Format.JSON
    if form is Format.HTML:
        response = html(pages.notice(status=status, sentence=sentence, here=links(request)), status)
    else:
        response = plain(json.dumps({"error": sentence}).encode() + b"\n", "application/json", status)
        response.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def links(request: HttpRequest) -> Links:
    """Return where the pages are, for this visitor."""
    return Links(root=root(request), login_url=_login_url(), next=request.get_full_path())


def _login_url() -> str:
    """Return where people log in: what LOGIN_URL names, or what is at its default; "" where nothing is."""
    url = _where(resolve_url, str(settings.LOGIN_URL))
    if url == global_settings.LOGIN_URL:
        try:
            resolve(url)
        except Resolver404:
            return ""
    return url


def with_forms(request: HttpRequest) -> Links:
    """Return where the pages are, for a page with forms: their CSRF token may need a session."""
    # "logout" is the name in django.contrib.auth.urls, which many projects include.
    return replace(links(request), logout_url=_where(reverse, "logout"), csrf_token=get_token(request))


def _where(find: Callable[[str], str], name: str) -> str:
    try:
        return find(name)
    except NoReverseMatch:  # the project has no such page
        return ""


def root(request: HttpRequest) -> str:
    """Return the URL of the status page."""
    match = request.resolver_match
    try:
        return reverse(f"{(match and match.namespace) or 'django_probe'}:index")
    except NoReverseMatch:  # the middleware answers where there are no URLs
        return str(conf.url_prefix())


def plain(body: bytes, content_type: str, status: int = 200) -> HttpResponse:
    """Return a body as it is."""
    response = HttpResponse(body, content_type, status)
    response.headers["Content-Length"] = str(len(body))
    patch_vary_headers(response, _VARY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    # Django logs a 503 as an error, which may be mailed to the admins; a gate that is closed is an answer.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 (there is no other way)
    return response
