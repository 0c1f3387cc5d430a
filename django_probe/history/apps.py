"""The Django app of the history: `INSTALLED_APPS += ["django_probe.history"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core.checks import register

from django_probe.readiness.keeper import beside

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


class HistoryConfig(AppConfig):
    """Brings the tables, the pages under `/probe/` and the permissions to see and to start runs."""

    name = "django_probe.history"
    label = "probe_history"
    verbose_name = "Probe history"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of the settings, which are quick, and what web processes do beside their answers."""
        register(_check, "probes")
        beside(_watch)


def _watch() -> None:
    from django_probe.history.notices import watch  # noqa: PLC0415 (not every process answers requests)

    watch.start()


def _check(**options: Any) -> list[CheckMessage]:
    from django_probe.history.checks import check_history  # noqa: PLC0415 (not every command runs checks)

    return check_history(**options)
