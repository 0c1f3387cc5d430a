"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class ChannelsProbesConfig(AppConfig):
    """The ready-made probe of channel layers; its label begins with `probe_channels`."""

    name = "django_probe.contrib.channels"
    label = "probe_channels"
    verbose_name = "Probes of channel layers"
