"""Writes the history: a row when a run starts, its heartbeat, its results. Every function is one short transaction.

Leases are rows: a run that HTTP starts holds its gate by a unique column for as long as its heart beats. So processes
and pods that share the database agree without session locks, which a pooler would hand to somebody else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, ProgrammingError, transaction
from django.db.models import F

from django_probe import conf
from django_probe.history.models import Result, Run, Tally
from django_probe.history.storage.clock import Now, to_column
from django_probe.history.storage.summaries import RunKey
from django_probe.reports.text import one_line, visible
from django_probe.results import Earlier, Outcome, ProbeResult, ProbeRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django_probe.attachments import Attachment

HEARTBEAT: Final = 2.0
"""Seconds from one heartbeat to the next."""
LOST_AFTER: Final = timedelta(seconds=30)
"""A run without a heartbeat for so long is lost, and its lease with it."""
HTTP: Final = "http"
"""The trigger of runs that a POST started."""
_UNDEFINED: Final = ("42P01", "42703")
"""PostgreSQL's error codes for a table, and for a column, that does not exist."""
_BATCH: Final = 500
_TRIES: Final = 5


def has_no_tables(error: Exception) -> bool:
    """Return whether a database refused because tables or columns are missing, so that migrations have to run."""
    if (state := getattr(error.__cause__, "sqlstate", None)) is not None:  # psycopg's: a role may be refused as well
        return state in _UNDEFINED
    return isinstance(error, ProgrammingError) or "no such" in str(error) or "no column" in str(error)


def prepare(
    gate: str, run_id: str, labels: Sequence[str] = (), *, by: str = "", rerun_of: str = "", narrowed: bool = False
) -> RunKey | None:
    """Take the gate's lease for a run that is about to start; return the run that holds it already.

    None means that this run has the lease, and that its row is written. `by` is the user or the token that asked.
    """
    for _ in range(_TRIES):
        if (other := going_on(gate)) is not None:
            return other
        try:
            Run.objects.create(
                run_id=run_id,
                gate=gate,
                trigger=HTTP,
                started_by=_clip(by, 200),
                labels=list(labels),
                rerun_of=rerun_of,
                narrowed=narrowed,
                started_at=Now(),
                heartbeat_at=Now(),
                lease=gate,
            )
        except IntegrityError:
            # Another was quicker, and goes on by now; or its holder is lost.
            Run.objects.filter(lease=gate, heartbeat_at__lt=Now() - LOST_AFTER).update(lease=None)
        else:
            return None
    raise IntegrityError(f"no run of the gate {gate} can be written, and no other holds its lease")


def going_on(gate: str) -> RunKey | None:
    """Return a run of the gate that is under way, whatever started it; None if there is none."""
    alive = Run.objects.filter(gate=gate, finished_at=None, heartbeat_at__gte=Now() - LOST_AFTER)
    found = alive.order_by("-pk").values_list("run_id", "narrowed").first()
    return found and RunKey(found[0], gate, narrowed=found[1])


def begin(run: ProbeRun, *, trigger: str, labels: Sequence[str], narrowed: bool) -> int:
    """Write that `run` started, into the row that a POST prepared if there is one; return the row's key."""
    prepared = Run.objects.filter(run_id=_clip(run.id, 200), gate=_clip(run.gate, 200), finished_at=None)
    # Not by its lease, which may be lost by now: what the row says of a part of the gate holds all the same.
    if trigger != HTTP or (row := prepared.first()) is None:
        row = Run(labels=list(labels), narrowed=narrowed, trigger=_clip(trigger, 100))
    row.run_id = _clip(run.id, 200)
    row.gate = _clip(run.gate, 200)
    row.release = _clip(run.release or "", 200)
    row.host = _clip(run.host, 255)
    row.shard = run.shard or ""
    row.started_at = to_column(run.started_at)
    row.heartbeat_at = Now()
    row.save(using=conf.history_database())
    return int(row.pk)


def beat(key: int, *, total: int, done: int, problems: int) -> None:
    """Write a heartbeat, and how far the run is."""
    Run.objects.filter(pk=key).update(heartbeat_at=Now(), total=total, done=done, problems=problems)


def finish(key: int, run: ProbeRun, also: Callable[[], None] | None = None) -> None:
    """Write the record, all of it or nothing, and what `also` writes; writing it twice changes nothing."""
    with transaction.atomic(using=conf.history_database()):
        is_new = Run.objects.filter(pk=key, finished_at=None).exists()
        Result.objects.filter(run=key).delete()
        Result.objects.bulk_create(_rows(key, run.results), batch_size=_BATCH)
        Run.objects.filter(pk=key).update(
            heartbeat_at=Now(),
            finished_at=to_column(run.finished_at),
            total=len(run.results),
            done=len(run.results),
            problems=len(run.problems),
            selected=run.selected,
            selection=_clip(run.selection or "", 64),
            allow_empty=run.allow_empty,
            ended_by=run.ended_by or "",
            stricter_exit_code=run.stricter_exit_code,
            exit_code=run.exit_code,
            counts=dict(run.counts),
            reason=one_line(run.reason),
            lease=None,
        )
        if also:
            also()
        if is_new and (flaky := sum(result.flaky for result in run.results)):
            _count(_clip(run.gate, 200), flaky)  # last, since runs of one gate wait here for each other


def _count(gate: str, flaky: int) -> None:
    Tally.objects.get_or_create(gate=gate)
    Tally.objects.filter(gate=gate).update(flaky=F("flaky") + flaky)


def discard(key: int) -> None:
    """Delete the row of a run in which nothing ran."""
    Run.objects.filter(pk=key).delete()


def refuse(run_id: str, sentence: str) -> None:
    """Write why the run that a POST prepared could not begin, as a record that closes the gate."""
    for row in Run.objects.filter(run_id=run_id, trigger=HTTP, finished_at=None):
        now = datetime.now(UTC)
        why = ProbeResult("run", Outcome.ERROR, message=one_line(sentence))
        finish(row.pk, ProbeRun(row.run_id, row.gate, now, now, selected=0, results=(why,)))
        Run.objects.filter(pk=row.pk).update(reason=one_line(sentence))


def _rows(key: int, results: Iterable[ProbeResult]) -> Iterable[Result]:
    for result in results:
        yield Result(
            run_id=key,
            label=visible(result.label),
            outcome=result.outcome.value,
            blocking=result.blocking,
            started_at=to_column(result.started_at) if result.started_at else None,
            duration=result.duration,
            attempts=result.attempts,
            message=visible(result.message),
            details=visible(result.details),
            output=visible(result.output),
            logs=visible(result.logs),
            tags=[visible(tag) for tag in result.tags],
            earlier=[_attempt(attempt) for attempt in result.earlier],
            title=_shown(result.title),
            owner=_shown(result.owner),
            runbook=_shown(result.runbook),
            file=_shown(result.file),
            line=result.line,
            attachments=[_attachment(each) for each in result.attachments] or None,
        )


def _attempt(attempt: Earlier) -> dict[str, str]:
    told = {"message": visible(attempt.message), "details": visible(attempt.details)}
    return {"outcome": attempt.outcome.value, **told}


def _attachment(each: Attachment) -> dict[str, object]:
    """Return an attachment as the column has it: PostgreSQL takes no NUL in a text."""
    content = visible(each.content) if isinstance(each.content, str) else each.content
    return replace(each, name=visible(each.name), type=visible(each.type), content=content).as_dict()


def _shown(text: str | None) -> str | None:
    return None if text is None else visible(text)


def _clip(text: str, most: int) -> str:
    return one_line(text)[:most]
