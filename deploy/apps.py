"""The container's project as an app, which brings commands of its own if there is a history."""

from django.apps import AppConfig


class DeployConfig(AppConfig):
    """Comes before Django's apps in INSTALLED_APPS, so that its commands replace Django's of the same names."""

    name = "deploy"
    label = "probe_deploy"
    verbose_name = "The container's project"
