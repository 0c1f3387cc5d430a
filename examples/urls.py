"""The shop's page, and beside it what the container serves: /probe/ and the log-in."""

from django.urls import include, path

from examples.shop import views

urlpatterns = [path("", views.home, name="home"), path("", include("deploy.urls"))]
