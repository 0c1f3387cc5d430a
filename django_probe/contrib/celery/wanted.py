"""Reads what the settings want of Celery; every error names the setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from django_probe.terms import parse_timeout, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ANSWERS_WITHIN: Final = 2.0


def application() -> str | None:
    """Return where the project's Celery app is, from PROBE_CELERY_APP; None where it does not say."""
    written = getattr(settings, "PROBE_CELERY_APP", None)
    if written is None or (isinstance(written, str) and written):
        return written
    raise ImproperlyConfigured(
        f'PROBE_CELERY_APP: expected what "celery -A" takes, such as "shop.celery:app", got {shown(written)}'
    )


def workers() -> int | Sequence[str]:
    """Return how many workers must answer, or the names of those that must, from PROBE_CELERY_WORKERS."""
    written = getattr(settings, "PROBE_CELERY_WORKERS", 1)
    if isinstance(written, int) and not isinstance(written, bool) and written > 0:
        return written
    if isinstance(written, list | tuple) and written and all(isinstance(name, str) and name for name in written):
        return written
    raise ImproperlyConfigured(
        f"PROBE_CELERY_WORKERS: expected how many must answer, or a list of names such as "
        f'"celery@shop" or "mail@*", got {shown(written)}'
    )


def timeout() -> float:
    """Return how many seconds workers have to answer, from PROBE_CELERY_TIMEOUT."""
    try:
        return parse_timeout(getattr(settings, "PROBE_CELERY_TIMEOUT", _ANSWERS_WITHIN))
    except ValueError as error:
        raise ImproperlyConfigured(f"PROBE_CELERY_TIMEOUT: {error}") from None


def queues() -> Mapping[str, int]:
    """Return how many messages may wait in each queue of PROBE_CELERY_QUEUES; none where it is not set."""
    written = getattr(settings, "PROBE_CELERY_QUEUES", None)
    if written is None:
        return {}
    if not isinstance(written, dict):
        raise ImproperlyConfigured(
            f'PROBE_CELERY_QUEUES: expected a mapping such as {{"celery": 1000}}, got {shown(written)}'
        )
    for name, most in written.items():
        if not isinstance(name, str) or not name:
            raise ImproperlyConfigured(f"PROBE_CELERY_QUEUES: expected names of queues, got {shown(name)}")
        if not isinstance(most, int) or isinstance(most, bool) or most < 0:
            raise ImproperlyConfigured(
                f"PROBE_CELERY_QUEUES[{name!r}]: expected how many messages may wait, got {shown(most)}"
            )
    return written
