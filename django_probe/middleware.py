"""Answers readiness and liveness before anything else sees the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from django_probe import views
from django_probe.readiness import keeper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class ProbeMiddleware:
    """Answers `/probe`, `live/` and `ready/` below it, and hands every other request on.

    It belongs first in MIDDLEWARE: an address as the Host, a redirect to https or a login page would each make
    something else of kubelet's question. The place is settings.PROBE_URL_PREFIX, by default "/probe/".
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        prefix = _prefix()
        self._views = {
            f"{prefix}{name}{slash}": view
            for name, view in (("", views.index), ("/live", views.live), ("/ready", views.ready))
            for slash in ("", "/")
        }
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Give the answer, or what the rest of the chain gives."""
        view = self._views.get(request.path_info)
        if view is None:
            return self._get_response(request)
        return _answer_on_the_loop(view, request) if self._is_async else view(request)


async def _answer_on_the_loop(view: views.View, request: HttpRequest) -> HttpResponseBase:
    if view is not views.live:
        await keeper().wait_async()  # so that the view has nothing to wait for
    return view(request)


def _prefix() -> str:
    """Give the prefix without its last slash; ImproperlyConfigured where it is none."""
    prefix = getattr(settings, "PROBE_URL_PREFIX", "/probe/")
    if isinstance(prefix, str) and prefix.startswith("/") and prefix.endswith("/") and prefix != "/":
        return prefix[:-1]
    raise ImproperlyConfigured(f'PROBE_URL_PREFIX: expected a path between slashes such as "/probe/", got {prefix!r}')
