"""The URLs of the history, for `django_probe.urls`: each with and without its slash, since nothing here redirects."""

from django.urls import path

from django_probe.history.http import views

urlpatterns = [
    path("", views.index, name="index"),
    path("gates/<str:name>/", views.gate, name="gate"),
    path("gates/<str:name>", views.gate),
    path("runs/<path:run_id>/", views.run, name="run"),
    path("runs/<path:run_id>", views.run),
    path("metrics/", views.show_metrics, name="metrics"),
    path("metrics", views.show_metrics),
    path("openapi.json", views.describe, name="openapi"),
]
