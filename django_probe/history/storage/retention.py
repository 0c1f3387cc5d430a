"""Deletes runs that are older than settings.PROBE_HISTORY_DAYS, a few at a time."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from django_probe import conf
from django_probe.history.models import Result, Run
from django_probe.history.storage.clock import Now

if TYPE_CHECKING:
    from django.db.models import QuerySet

_RUNS: Final = 20
"""How many go in one statement: a lock that is held for long would make the next run's heartbeat wait."""
_SECONDS: Final = 2.0
"""Seconds for all of it; the rest is deleted after the next run."""


def prune() -> None:
    """Delete old runs and their results, for two seconds at most; keep the run that says how a gate stands."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        old = list(_old().order_by("pk").values_list("pk", flat=True)[:_RUNS])
        if not old:
            return
        with transaction.atomic(using=conf.history_database()):  # a run is there with its results or not at all
            Result.objects.filter(run__in=old).delete()
            Run.objects.filter(pk__in=old).delete()


def _old() -> QuerySet[Run]:
    newer = Run.objects.filter(gate=OuterRef("gate"), pk__gt=OuterRef("pk"), narrowed=False, exit_code__isnull=False)
    is_outdated = Q(narrowed=True) | Exists(newer.exclude(run_id=OuterRef("run_id")))
    # By the clock of the database: that of a process may be days ahead.
    return Run.objects.filter(is_outdated, started_at__lt=Now() - timedelta(days=conf.history_days()))
