"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class PlatformProbesConfig(AppConfig):
    """The ready-made probes of the platform; their labels begin with `probe_platform`."""

    name = "django_probe.contrib.platform"
    label = "probe_platform"
    verbose_name = "Probes of the platform"
