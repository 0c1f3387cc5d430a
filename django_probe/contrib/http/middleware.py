"""Names the release of the process in every response, so that a gate knows which release answered it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed

from django_probe.http.release import of_the_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class ReleaseHeaderMiddleware:
    """Sets the header of PROBE_RELEASE_HEADER to the environment's PROBE_RELEASE; unused unless both are set.

    It belongs first in MIDDLEWARE, so that the answers of the others carry the header too.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        release = of_the_run()
        if release is None:
            raise MiddlewareNotUsed("PROBE_RELEASE_HEADER or PROBE_RELEASE is not set")
        self._release = release
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Return the response with the header, or what can be awaited for it."""
        response = self._get_response(request)
        if self._is_async:
            return self._named_later(cast("Awaitable[HttpResponseBase]", response))
        return self._named(cast("HttpResponseBase", response))

    async def _named_later(self, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return self._named(await response)

    def _named(self, response: HttpResponseBase) -> HttpResponseBase:
        response.headers[self._release.header] = self._release.name
        return response
