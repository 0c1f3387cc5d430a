"""The Django app of the history: `INSTALLED_APPS += ["django_probe.history"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core.checks import register

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


class HistoryConfig(AppConfig):
    """Brings the tables, the pages under `/probe/` and the permissions to see and to start runs."""

    name = "django_probe.history"
    label = "probe_history"
    verbose_name = "Probe history"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of the settings, which are quick."""
        register(_check, "probes")


def _check(**options: Any) -> list[CheckMessage]:
    from django_probe.history.checks import check_history  # noqa: PLC0415 (not every command runs checks)

    return check_history(**options)
