"""The middleware, as it is called and as a team changes it; and the router of the history's database."""

from collections.abc import Awaitable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from django_probe.contrib.http.middleware import ReleaseHeaderMiddleware
from django_probe.history.routers import HistoryRouter
from django_probe.middleware import ProbeMiddleware


def view(request: HttpRequest) -> HttpResponseBase:
    return HttpResponse(request.path)


async def view_async(request: HttpRequest) -> HttpResponseBase:
    return HttpResponse(request.path)


class LocalProbeMiddleware(ProbeMiddleware):
    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return super().__call__(request)


class ShopRouter(HistoryRouter):
    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool | None:
        return super().allow_migrate(db, app_label, **hints)


ReleaseHeaderMiddleware(LocalProbeMiddleware(view))
ProbeMiddleware(view_async)
ProbeMiddleware("view")  # type: ignore[arg-type]
