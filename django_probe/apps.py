"""The Django app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Warning, register  # noqa: A004 (Django's own name)

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


class DjangoProbeConfig(AppConfig):
    """Brings the commands, a check of settings, and checks that only `manage.py check --deploy` runs."""

    name = "django_probe"
    verbose_name = "Probes"

    def ready(self) -> None:
        """Register the checks."""
        register(_check_settings, "probes")
        register(_check, "probes", deploy=True)


def _check(**options: Any) -> list[CheckMessage]:
    from django_probe.checks import check_probes  # noqa: PLC0415 (what it needs would slow every command down)

    return check_probes(**options)


def _check_settings(**_options: Any) -> list[CheckMessage]:
    """W004: a setting that is named as if it were django_probe's, and is none."""
    from django_probe.naming import misspelt  # noqa: PLC0415 (no web process checks its settings)

    return [Warning(what, hint=hint, id="django_probe.W004") for what, hint in misspelt.settings(dir(settings))]
