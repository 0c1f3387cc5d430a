"""The URLs of the container's project: /probe, with and without its slash, and the log-in."""

from django.apps import apps
from django.urls import include, path
from django.views.generic import RedirectView

from django_probe.readiness import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="django_probe:index")),  # for who types the host alone
    path("probe", views.index),
    path("probe/", include("django_probe.urls")),
]

# Without a history there is nothing to log in to.
if apps.is_installed("django_probe.history"):
    urlpatterns.append(path("", include("deploy.accounts")))
