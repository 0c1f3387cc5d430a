"""Finds out who asks and what they may do: by a token in the Authorization header, else by the logged-in user."""

from __future__ import annotations

import base64
import binascii
import logging
from typing import TYPE_CHECKING, Final

from django.db import Error as DatabaseError
from django.http import HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.debug import sensitive_variables

from django_probe.history.http.access import attempts, tokens
from django_probe.history.visitors import NOBODY, Scope, Visitor

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_probe.history")

_PERMISSIONS: Final = {Scope.VIEW: "probe_history.view_run", Scope.START: "probe_history.start_run"}
_DOES: Final = {Scope.VIEW: "see runs", Scope.START: "start runs"}
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="django-probe"'}


class Denied(Exception):  # noqa: N818 (an answer to a visitor, not an error)
    """The visitor is refused: an HTTP status (401, 403, 429, 503), one sentence for people, and response headers."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})


def visitor(request: HttpRequest) -> Visitor:
    """Return who asks, whatever they may do.

    If there is an Authorization header, nothing else is looked at. Raise Denied if it holds no good token: 401, or 429
    after too many failures from the address. Without one it is the logged-in user or the anonymous; raise Denied with
    503 if the database cannot tell who that is.
    """
    if "HTTP_AUTHORIZATION" in request.META:
        return _by_token(request)
    try:
        return _by_session(request)
    except DatabaseError:
        logger.exception("the database did not say who asks")
        raise Denied(503, "Nobody can be told apart now: the database does not answer.") from None


def admit(request: HttpRequest, scope: Scope) -> Visitor:
    """Return who asks, if they may do what the scope allows; else raise Denied.

    It is 401 for the anonymous and 403 for those who may not. An unsafe method by a user without a good CSRF token is
    403 too: the views are csrf_exempt, because an API token needs no CSRF token, so Django's own check is made here.
    """
    asking = visitor(request)
    if not (asking.may_start if scope is Scope.START else asking.may_view):
        raise _refusal(asking, scope)
    if not asking.by_token and _Csrf(_no_response).process_view(request, _no_response, (), {}) is not None:
        raise Denied(403, "The CSRF token of this form is missing or out of date: reload the page and try again.")
    return asking


def _refusal(asking: Visitor, scope: Scope) -> Denied:
    if asking.by_token:
        return Denied(403, f'This token may not {_DOES[scope]}: its scope is not "{scope}".')
    if not asking.name:
        return Denied(401, "Log in, or send a token.", _CHALLENGE)
    lacks = f"the permission {_PERMISSIONS[scope]} is missing"
    return Denied(403, f"The user {asking.name} may not {_DOES[scope]}: {lacks}.")


def _by_session(request: HttpRequest) -> Visitor:
    user = getattr(request, "user", None)  # a request has no user without AuthenticationMiddleware
    if user is None or not user.is_authenticated:
        return NOBODY
    has = [scope for scope in Scope if user.has_perm(_PERMISSIONS[scope])]  # never of the inactive
    return Visitor(user.get_username() or f"user {user.pk}", frozenset(has), by_token=False)


def _by_token(request: HttpRequest) -> Visitor:
    not_accepted = Denied(401, "The Authorization header holds no token that is accepted here.", _CHALLENGE)
    if not tokens.configured():
        raise not_accepted
    if (known := tokens.known(_presented(request))).scopes:
        # A good token counts even from an address that has to wait: behind a proxy all visitors share one address.
        return Visitor(f"token {known.name}".strip(), known.scopes, by_token=True)
    address = request.META.get("REMOTE_ADDR", "")
    if wait := attempts.HERE.wait(address):
        sentence = f"Too many failed attempts with a token from this address: try again in {wait} s."
        raise Denied(429, sentence, {"Retry-After": str(wait)})
    attempts.HERE.failed(address)
    raise not_accepted


@sensitive_variables()
def _presented(request: HttpRequest) -> str:
    """Return what the header holds: after `Bearer`, or as the password of `Basic`; "" where it holds neither.

    Basic, with any user name, is for those who can configure a URL but no header. Flagger calls webhooks with Go's
    HTTP client, which makes Basic of `http://any:TOKEN@host/` (net/http, Client.send).
    """
    scheme, _, value = request.META["HTTP_AUTHORIZATION"].partition(" ")
    if scheme.lower() == "bearer":
        return str(value.strip())
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return decoded.decode("utf-8", "replace").partition(":")[2]


class _Csrf(CsrfViewMiddleware):
    """Django's own check, without the page that it would answer with."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponseForbidden:
        logger.warning("%s by a logged-in user was refused: %s", request.method, reason)
        return HttpResponseForbidden()


def _no_response(_request: HttpRequest) -> HttpResponseForbidden:
    """Stand in for the next middleware and the view: only the check of this one is used."""
    return HttpResponseForbidden()
