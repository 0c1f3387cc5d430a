"""The app that runs the checks of a policy."""

from django.apps import AppConfig


class ChecksConfig(AppConfig):
    """The checks that the policy file declares; their labels begin with `checks`."""

    name = "django_probe.contrib.checks"
    label = "checks"
    verbose_name = "Declared checks"
