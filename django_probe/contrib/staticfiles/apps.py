"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class StaticFilesProbesConfig(AppConfig):
    """The ready-made probe of static files; its label begins with `probe_staticfiles`."""

    name = "django_probe.contrib.staticfiles"
    label = "probe_staticfiles"
    verbose_name = "Probes of static files"
