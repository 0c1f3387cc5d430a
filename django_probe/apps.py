"""The Django app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core.checks import register

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


class DjangoProbeConfig(AppConfig):
    """Brings the command `probe`, and checks that only `manage.py check --deploy` runs."""

    name = "django_probe"
    verbose_name = "Probes"

    def ready(self) -> None:
        """Register the checks."""
        register(_check, "probes", deploy=True)


def _check(**options: Any) -> list[CheckMessage]:
    from django_probe.checks import check_probes  # noqa: PLC0415 (what it needs would slow every command down)

    return check_probes(**options)
