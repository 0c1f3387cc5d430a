"""`path("probe/", include("django_probe.urls"))`: readiness and liveness, and the history where it is installed."""

from django.apps import apps
from django.urls import path

from django_probe.readiness import views

app_name = "django_probe"

# The paths without the slash are here so that APPEND_SLASH does not redirect: kubelet takes a redirect for a success.
urlpatterns = []
if apps.is_installed("django_probe.history"):
    from django_probe.history.urls import urlpatterns as history

    urlpatterns += history
urlpatterns += [
    path("", views.index, name="index"),
    path("live/", views.live, name="live"),
    path("live", views.live),
    path("ready/", views.ready, name="ready"),
    path("ready", views.ready),
]
