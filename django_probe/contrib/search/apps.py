"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class SearchProbesConfig(AppConfig):
    """The ready-made probes of search engines; their labels begin with `probe_search`."""

    name = "django_probe.contrib.search"
    label = "probe_search"
    verbose_name = "Probes of search engines"
