"""What is said of a gate: a function of its run's rows, in the record's own keys, small enough for any service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django_probe import conf
from django_probe.history.links import Links
from django_probe.history.models import Result
from django_probe.history.storage.clock import from_column
from django_probe.reports.json import timestamp
from django_probe.reports.text import one_line
from django_probe.results import PROBLEMS, Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from django_probe.history.storage.summaries import RunSummary
    from django_probe.policy.recipients import Change

_MOST: Final = 50
"""How many problems are named; `problems_in_all` counts the others too."""
_LONGEST: Final = 500
"""Characters of a message."""
_SAID: Final = ("label", "outcome", "blocking", "message", "owner", "runbook")


def of(verdict: RunSummary, change: Change, *, since: datetime | None, reminds: bool) -> dict[str, Any]:
    """Return what is said of the run that decided how its gate stands, and stood since; all of it can be JSON."""
    problems = _rows(verdict).filter(outcome__in=[outcome.value for outcome in PROBLEMS])
    flaky = _rows(verdict).filter(outcome=Outcome.PASSED.value, attempts__gt=1)
    return {
        "gate": verdict.gate,
        "change": change.value,
        "reminder": reminds,
        "since": timestamp(from_column(since)) if since else None,
        "run": _run(verdict),
        "problems": [_problem(row) for row in problems.order_by("-blocking", "pk").values(*_SAID)[:_MOST]],
        "problems_in_all": problems.count(),
        "flaky": [one_line(label) for label in flaky.order_by("pk").values_list("label", flat=True)[:_MOST]],
    }


def _run(verdict: RunSummary) -> dict[str, Any]:
    root = conf.public_url()
    return {
        "id": verdict.id,
        "release": verdict.release or None,
        "trigger": verdict.trigger or None,
        "host": verdict.host,
        "started_at": timestamp(verdict.started_at),
        "finished_at": timestamp(verdict.ended_at),
        "duration": round(verdict.duration, 3),
        "passed": bool(verdict.passed),
        "exit_code": verdict.exit_code,
        "reason": verdict.reason,
        "counts": verdict.counts,
        "url": Links(root).of_run(verdict.name) if root else None,
    }


def _rows(verdict: RunSummary) -> QuerySet[Result]:
    return Result.objects.filter(run__in=[part.key for part in verdict.parts])


def _problem(row: dict[str, Any]) -> dict[str, Any]:
    message = one_line(row["message"])
    return {**row, "message": message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"}
