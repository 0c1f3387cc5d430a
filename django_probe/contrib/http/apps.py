"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class HttpProbesConfig(AppConfig):
    """The ready-made probe of URLs; its label begins with `probe_http`."""

    name = "django_probe.contrib.http"
    label = "probe_http"
    verbose_name = "Probes over HTTP"
