"""Writes the record as JSON, for machines and for the next step of a pipeline."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from django_probe.results import Earlier, ProbeResult, ProbeRun

VERSION: Final = 1
"""Of the format: another one means something else by a key; new keys alone do not make one."""


def as_dict(run: ProbeRun) -> dict[str, object]:
    """Return the run as plain values, in the order of the format; durations in seconds."""
    return {**about(run), "results": [_result(result) for result in run.results]}


def about(run: ProbeRun) -> dict[str, object]:
    """Return what the record says about the whole run, without its results."""
    return {
        "version": VERSION,
        "id": run.id,
        "gate": run.gate,
        "release": run.release,
        "host": run.host,
        "shard": run.shard,
        "started_at": timestamp(run.started_at),
        "finished_at": timestamp(run.finished_at),
        "duration": round(run.duration, 6),
        "passed": run.passed,
        "exit_code": int(run.exit_code),
        "ended_by": run.ended_by and run.ended_by.value,
        "selected": run.selected,
        "selection": run.selection,
        "counts": dict(run.counts),
    }


def render(run: ProbeRun) -> str:
    """Return the run as one line of JSON in ASCII, where even lone surrogates are valid escapes."""
    return json.dumps(as_dict(run), allow_nan=False) + "\n"


def timestamp(moment: datetime) -> str:
    """Return a time as `2026-11-23T10:00:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _result(result: ProbeResult) -> dict[str, object]:
    return {
        "label": result.label,
        "outcome": result.outcome.value,
        "blocking": result.blocking,
        "started_at": timestamp(result.started_at) if result.started_at else None,
        "duration": round(result.duration, 6),
        "attempts": result.attempts,
        "message": result.message,
        "details": result.details,
        "output": result.output,
        "logs": result.logs,
        "tags": list(result.tags),
        "title": result.title,
        "owner": result.owner,
        "runbook": result.runbook,
        "file": result.file,
        "line": result.line,
        "flaky": result.flaky,
        "earlier": [_earlier(attempt) for attempt in result.earlier],
        "attachments": [each.as_dict() for each in result.attachments],
    }


def _earlier(attempt: Earlier) -> dict[str, str]:
    return {
        "outcome": attempt.outcome.value,
        "message": attempt.message,
        "details": attempt.details,
    }
