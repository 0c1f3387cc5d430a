"""The views under `/probe/` without a history: one line of text from memory, the same for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connections
from django.db.transaction import non_atomic_requests
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

from django_probe.readiness.keeper import keeper
from django_probe.readiness.state import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    View = Callable[..., HttpResponse]

_METHODS = ("GET", "HEAD")


def exempt(view: View) -> View:
    """Exempt a view from what a project does to all views: login, transaction, CSRF check."""
    plain: Any = login_not_required(csrf_exempt(view))
    for alias in connections:  # named one by one: without a name, only the default database is exempt
        plain = non_atomic_requests(using=alias)(plain)
    return cast("View", plain)


@exempt
def live(request: HttpRequest) -> HttpResponse:
    """Answer 200: the process can answer. Nothing else is checked."""
    return _respond(request, lambda: Answer(200, "live"))


@exempt
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 or 503 with the state of the gate `ready` in this process."""
    return _respond(request, readiness)


@exempt
def index(request: HttpRequest) -> HttpResponse:
    """Answer as `ready` does."""
    response = _respond(request, readiness)
    response.headers["Vary"] = "Accept"
    return response


def wants_page(request: HttpRequest) -> bool:
    """Return whether a page is asked for: Accept names text/html, as browsers do (kubelet sends `*/*`)."""
    return any(kind.main_type == "text" and kind.sub_type == "html" for kind in request.accepted_types)


def may_be_known(request: HttpRequest) -> bool:
    """Return whether it may be of somebody who may see the status page: there is a session cookie or a token."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES or "HTTP_AUTHORIZATION" in request.META


def readiness() -> Answer:
    """Return the state of the gate `ready` in this process, and wait for its first result for a moment."""
    here = keeper()
    here.wait()
    return here.answer()


def _respond(request: HttpRequest, ask: Callable[[], Answer]) -> HttpResponse:
    allowed = request.method in _METHODS
    answer = ask() if allowed else Answer(405, "method not allowed")
    body = f"{answer.line}\n".encode()
    response = HttpResponse(b"" if request.method == "HEAD" else body, "text/plain; charset=utf-8", answer.status)
    response.headers["Content-Length"] = str(len(body))
    response.headers["Cache-Control"] = "no-store"
    if not allowed:
        response.headers["Allow"] = ", ".join(_METHODS)
    # Django logs a 503 as an error, which may be mailed to the admins: every few seconds, for each process.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 (there is no other way)
    return response
