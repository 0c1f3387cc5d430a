"""The URLs of the container's project: what stands under /probe, with and without its slash."""

from django.urls import include, path

from django_probe import views

urlpatterns = [path("probe", views.index), path("probe/", include("django_probe.urls"))]
