"""The Django app."""

from django.apps import AppConfig


class DjangoProbeConfig(AppConfig):
    """Brings the command `probe`, and checks that only `manage.py check --deploy` runs."""

    name = "django_probe"
    verbose_name = "Probes"

    def ready(self) -> None:
        """Register the checks."""
        from django_probe import checks  # noqa: F401, PLC0415 (registers on import)
