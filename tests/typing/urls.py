"""The URLs of readiness and history, in a project's own URLconf."""

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import include, path, reverse


def gates(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("django_probe:gate", args=["deploy"]))


urlpatterns = [path("probe/", include("django_probe.urls")), path("gates/", gates)]
