"""The container's project as an app: with a history it brings a command of its own."""

from django.apps import AppConfig


class DeployConfig(AppConfig):
    """Stands before Django's apps, whose command of the same name it replaces."""

    name = "deploy"
    label = "probe_deploy"
    verbose_name = "The container's project"
