"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class DiskProbesConfig(AppConfig):
    """The ready-made probe of disks; its label begins with `probe_disk`."""

    name = "django_probe.contrib.disk"
    label = "probe_disk"
    verbose_name = "Probes of disks"
