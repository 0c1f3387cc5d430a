"""The URLs of the history, for `django_probe.urls`: each with and without its slash, since nothing here redirects."""

from django.urls import path

from django_probe.history.http import lists, silences, views

urlpatterns = [
    path("", views.index, name="index"),
    path("gates/", lists.gates, name="gates"),
    path("gates", lists.gates),
    path("gates/<str:name>/badge.svg", lists.badge, name="badge"),
    path("gates/<str:name>/silence/", silences.of_gate, name="silence"),
    path("gates/<str:name>/silence", silences.of_gate),
    path("gates/<str:name>/", views.gate, name="gate"),
    path("gates/<str:name>", views.gate),
    path("runs/", lists.runs, name="runs"),
    path("runs", lists.runs),
    path("runs/<path:run_id>/", views.run, name="run"),
    path("runs/<path:run_id>", views.run),
    path("compare/", lists.compare, name="compare"),
    path("compare", lists.compare),
    path("metrics/", views.show_metrics, name="metrics"),
    path("metrics", views.show_metrics),
    path("openapi.json", views.describe, name="openapi"),
]
