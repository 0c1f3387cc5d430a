"""Makes the record of a run from its rows, for the reports to render.

It has what the run's processes reported, unchanged. A process that never reported is an error that says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case, IntegerField, When
from django.db.models.functions import Substr

from django_probe.attachments import Attachment
from django_probe.history.models import Result, Run
from django_probe.history.storage.clock import from_column
from django_probe.history.storage.summaries import UNHEARD
from django_probe.results import PROBLEMS, Earlier, EndedBy, Outcome, ProbeResult, ProbeRun
from django_probe.sharding.sharded import together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.history.storage.summaries import Part, RunSummary

_MISSING: Final = "no process reported of this shard"
_ENOUGH: Final = 16_000
"""Characters of the details in which their short form ends, as good as always."""
_BRIEF: Final = ("label", "outcome", "blocking", "duration", "message", "owner", "runbook")
_RESULT: Final = (
    "run",
    "label",
    "outcome",
    "blocking",
    "started_at",
    "duration",
    "attempts",
    "message",
    "details",
    "output",
    "logs",
    "tags",
    "earlier",
    "title",
    "owner",
    "runbook",
    "file",
    "line",
    "attachments",
)


def of(summary: RunSummary) -> ProbeRun:
    """Return the record of a run that ended or was lost, with what all its processes said. Raise Run.DoesNotExist."""
    rows = {row.pk: row for row in Run.objects.filter(pk__in=[part.key for part in summary.parts])}
    results: dict[int, list[ProbeResult]] = {key: [] for key in rows}
    for row in Result.objects.filter(run__in=list(rows)).order_by("run", "pk").values_list(*_RESULT):
        key, *values = row
        results[key].append(_result(dict(zip(_RESULT[1:], values, strict=True))))
    if len(rows) < len(summary.parts):
        raise Run.DoesNotExist  # they were pruned just now
    shards = [_shard(rows[part.key], part, results[part.key]) for part in summary.parts]
    shards += [_unheard(shards[0], shard) for shard in summary.missing]
    return together(shards)


def culprits(summary: RunSummary, most: int) -> tuple[ProbeResult, ...]:
    """Return `most` of the results that `reports.causes` groups, without those that the run's reason tells of.

    What closes the gate comes first, and of that the problems. Of each there is what tells causes and people apart.
    It is one query, of a bounded number of rows.
    """
    culprit = [*PROBLEMS, Outcome.NOT_RUN]
    rows = Result.objects.filter(run__in=[part.key for part in summary.parts], outcome__in=culprit)
    unrun = Case(When(outcome=Outcome.NOT_RUN, then=1), default=0, output_field=IntegerField())
    found = rows.annotate(unrun=unrun, beginning=Substr("details", 1, _ENOUGH)).order_by("-blocking", "unrun", "pk")
    brief = found.values_list(*_BRIEF, "beginning")[:most]
    return tuple(replace(_brief(row[:-1]), details=row[-1]) for row in brief)


def brief(summary: RunSummary) -> list[ProbeResult]:
    """Return the results of a run that its processes wrote, without their long texts."""
    rows = Result.objects.filter(run__in=[part.key for part in summary.parts]).order_by("run", "pk")
    return [_brief(row) for row in rows.values_list(*_BRIEF)]


def _brief(row: Sequence[Any]) -> ProbeResult:
    columns = dict(zip(_BRIEF, row, strict=True))
    return ProbeResult(**{**columns, "outcome": Outcome(columns["outcome"])})


def _result(columns: dict[str, Any]) -> ProbeResult:
    started_at, tags, earlier = columns["started_at"], columns["tags"], columns["earlier"] or ()
    return ProbeResult(
        **{
            **columns,
            "started_at": started_at and from_column(started_at),
            "tags": tuple(tags),
            "logs": columns["logs"] or "",
            "earlier": tuple(Earlier(**attempt) for attempt in earlier),
            "attachments": tuple(map(Attachment.of, columns["attachments"] or ())),
        }
    )


def _shard(row: Run, part: Part, results: Sequence[ProbeResult]) -> ProbeRun:
    unheard = [ProbeResult("run", Outcome.ERROR, message=UNHEARD)] if part.finished_at is None else []
    return ProbeRun(
        id=row.run_id,
        gate=row.gate,
        release=row.release or None,
        host=row.host,
        shard=row.shard or None,
        started_at=part.started_at,
        finished_at=part.finished_at or part.heartbeat_at,
        selected=row.selected,
        selection=row.selection or None,
        results=(*results, *unheard),
        allow_empty=row.allow_empty,
        ended_by=EndedBy(row.ended_by) if row.ended_by else None,
        stricter_exit_code=row.stricter_exit_code,
    )


def _unheard(another: ProbeRun, shard: str) -> ProbeRun:
    missing = ProbeResult(f"shard {shard}", Outcome.ERROR, message=_MISSING)
    return replace(
        another, host="", shard=shard, results=(missing,), selection=None, ended_by=None, stricter_exit_code=0
    )
