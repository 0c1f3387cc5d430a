"""Answers readiness and liveness, and requests with a token, before other middleware sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve

from django_probe import conf
from django_probe.readiness import views
from django_probe.readiness.keeper import keeper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class ProbeMiddleware:
    """Answers `/probe`, `live/` and `ready/` below it, and hands every other request on.

    It belongs first in MIDDLEWARE. Kubelet sends the pod's address as Host, so ALLOWED_HOSTS, a redirect to https or a
    login page would answer in place of this. The same holds for clients with a token, such as Prometheus, which asks
    each pod by its address: they are answered here too. The prefix is settings.PROBE_URL_PREFIX, by default "/probe/".
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
        self._index = f"{prefix}/"
        self._has_pages = apps.is_installed("django_probe.history")
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Return the answer, or the response of the rest of the chain."""
        view = self._views.get(request.path_info)
        if self._has_pages and (view is None or (view is views.index and views.wants_page(request))):
            if view:
                request.path_info = self._index  # without its slash it would be redirected
            here = "HTTP_AUTHORIZATION" in request.META or (view and not views.may_be_known(request))
            return (self._answer_here(request) if here else None) or self._get_response(request)
        if view is None:
            return self._get_response(request)
        return _answer_on_the_loop(view, request) if self._is_async else view(request)

    def _answer_here(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase] | None:
        """Return the answer of the history's view, or None if it has none at that path."""
        if not request.path_info.startswith(self._index):
            return None
        try:
            found = resolve(request.path_info.removeprefix(self._index[:-1]), "django_probe.urls")
        except Resolver404:
            return None
        answer = sync_to_async(found.func) if self._is_async else found.func
        given: HttpResponseBase | Awaitable[HttpResponseBase] = answer(request, **found.kwargs)
        return given


async def _answer_on_the_loop(view: views.View, request: HttpRequest) -> HttpResponseBase:
    if view is not views.live:
        await keeper().wait_async()  # so that the view has nothing to wait for
    return view(request)


def _prefix() -> str:
    """Return the prefix without its last slash. Raise ImproperlyConfigured if it is invalid."""
    prefix = conf.url_prefix()
    if isinstance(prefix, str) and prefix.startswith("/") and prefix.endswith("/") and prefix != "/":
        return prefix[:-1]
    raise ImproperlyConfigured(f'PROBE_URL_PREFIX: expected a path between slashes such as "/probe/", got {prefix!r}')
