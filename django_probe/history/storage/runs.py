"""Reads the history: the runs, and how gates stand."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, cast

from django.db.models import BooleanField, Case, When

from django_probe.history.models import Run
from django_probe.history.storage.clock import Now, from_column
from django_probe.history.storage.store import LOST_AFTER
from django_probe.history.storage.summaries import PART, Part, RunSummary, State, missing_shards, state_of
from django_probe.reports.text import one_line
from django_probe.results import ExitCode
from django_probe.sharding.sharded import exit_code_of
from django_probe.sharding.shards import disagreement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet

_SHARDS: Final = 8
_RELEASES: Final = 10
"""How many of a release's latest runs are looked at for one that ended."""


def gates() -> list[str]:
    """Return the names of all gates in the history."""
    return list(Run.objects.order_by("gate").values_list("gate", flat=True).distinct())


def recent(gate: str, limit: int, *, before: int | None = None) -> list[RunSummary]:
    """Return the latest runs of a gate, the latest first; with `before`, those older than that row."""
    rows = Run.objects.filter(gate=gate)
    older = rows if before is None else rows.filter(pk__lt=before)
    return list(_summaries(rows.filter(run_id__in=_latest(older, limit))))


def among_all(rows: QuerySet[Run], limit: int, *, before: int | None = None) -> tuple[list[RunSummary], int | None]:
    """Return some of the runs that have one of these rows, of whatever gate, the latest first; about `limit` of them.

    With it comes the `before` that goes on after them, None after the last one. Each run is returned once, where its
    newest row is: shards of several runs may lie between each other, and gates may share the id of a pipeline.
    """
    older = rows if before is None else rows.filter(pk__lt=before)
    read = list(older.order_by("-pk").values_list("pk", "run_id")[: limit * _SHARDS])
    newest: dict[str, int] = {}
    for key, run_id in read:
        newest.setdefault(run_id, key)
    ids = list(newest)[:limit]
    more = newest[ids[-1]] if len(newest) > limit or len(read) == limit * _SHARDS else None
    found = _summaries(Run.objects.filter(run_id__in=ids))
    return [run for run in found if (more or 0) <= run.key and (before is None or run.key < before)], more


def of_release(release: str, gate: str = "") -> list[RunSummary]:
    """Return for each gate, or for one, the latest run of the whole gate that ended with this release."""
    rows = Run.objects.filter(release=release, narrowed=False, **({"gate": gate} if gate else {}))
    found: list[RunSummary] = []
    for name in rows.order_by("gate").values_list("gate", flat=True).distinct():
        whole = Run.objects.filter(gate=name, run_id__in=_latest(rows.filter(gate=name), _RELEASES))
        found += [run for run in _summaries(whole) if run.is_verdict and run.release == release][:1]
    return found


def find(name: str) -> RunSummary | None:
    """Return the run with this name or, among several gates, the latest with this id."""
    if name != one_line(name):  # as no id is kept, and as some databases take no text
        return None
    gate = Run.objects.filter(run_id=name).order_by("-pk").values_list("gate", flat=True).first()
    if gate is not None:
        return _of(gate, name)
    run_id, _, gate = name.rpartition("@")
    if (found := _of(gate, run_id)) is not None or gate != PART:
        return found
    run_id, _, gate = run_id.rpartition("@")
    return _of(gate, run_id, narrowed=True)


def _of(gate: str, run_id: str, *, narrowed: bool = False) -> RunSummary | None:
    found = sorted(_summaries(Run.objects.filter(gate=gate, run_id=run_id)), key=lambda run: run.narrowed)
    return next((run for run in found if run.narrowed or not narrowed), None)


def newest(gate: str) -> str | None:
    """Return the id of the run of the whole gate that began last, running or not."""
    return Run.objects.filter(gate=gate, narrowed=False).order_by("-pk").values_list("run_id", flat=True).first()


def verdict(gate: str) -> RunSummary | None:
    """Return the run that says how the gate stands: the latest one of the whole gate that ended or was lost."""
    whole = Run.objects.filter(gate=gate, narrowed=False)
    for batch in (2, 50):  # more than one that goes on is rare
        summaries = _summaries(whole.filter(run_id__in=_latest(whole, batch)))
        if latest := next(filter(lambda summary: summary.is_verdict, summaries), None):
            return latest
    return None


def consecutive_failures(gate: str) -> int:
    """Count the runs of the whole gate since the last one that passed, lost runs included; all, if none passed.

    It is one query of a few columns, but its time grows with the gate's history: ask it of closed gates only.
    """
    return sum(1 for _ in takewhile(lambda run: not run[1], ended(Run.objects.filter(gate=gate))))


def ended(rows: QuerySet[Run], *columns: str) -> Iterator[tuple[State, bool, Sequence[Any]]]:
    """Yield the whole runs of these rows that ended, the latest first: their state, whether they passed, their rows.

    Of each row the named columns are read, beside `run_id`, `shard`, `exit_code` and `selection`.
    """
    groups: dict[str, dict[str, Any]] = {}
    whole = with_quiet(rows.filter(narrowed=False)).order_by("-pk")
    for row in whole.values_list("run_id", "shard", "exit_code", "selection", "quiet", *columns, named=True):
        groups.setdefault(row.run_id, {}).setdefault(row.shard, row)
    for shards in groups.values():
        missing = missing_shards(shards)
        if (state := state_of(shards.values(), missing)) is not State.RUNNING:
            passed = state is State.FINISHED and all(row.exit_code == ExitCode.PASSED for row in shards.values())
            passed = passed and not disagreement((row.shard, row.selection) for row in shards.values())
            yield state, passed, list(shards.values())


def with_quiet(rows: QuerySet[Run]) -> QuerySet[Run]:
    """Return the rows with `quiet`: whether there was no heartbeat for a while, by the clock of the database."""
    quiet = Case(When(heartbeat_at__lt=Now() - LOST_AFTER, then=True), default=False, output_field=BooleanField())
    return cast("QuerySet[Run]", rows.annotate(quiet=quiet))


def _latest(rows: QuerySet[Run], limit: int) -> list[str]:
    """Return the ids of the latest runs; read enough rows for `limit` runs of up to eight shards each."""
    ids = rows.order_by("-pk").values_list("run_id", flat=True)[: limit * _SHARDS]
    return list(dict.fromkeys(ids))[:limit]


def _summaries(rows: QuerySet[Run]) -> Iterator[RunSummary]:
    """Return the runs of these rows, the one with the newest row first.

    A run that somebody narrowed by hand is a run of its own, whatever its id is, and replaces no other.
    """
    groups: dict[tuple[str, str, bool], list[Run]] = {}
    for row in with_quiet(rows).order_by("-pk"):
        groups.setdefault((row.gate, row.run_id, row.narrowed), []).append(row)
    return map(_summary, groups.values())


def _summary(rows: Sequence[Run]) -> RunSummary:
    newest: dict[str, Run] = {}
    for row in rows:  # a second attempt of a Job has the same id and shard, and takes the place of the first
        newest.setdefault(row.shard, row)
    parts = tuple(_part(row) for _, row in sorted(newest.items()))
    missing = missing_shards(newest)
    state = state_of(parts, missing)
    codes = [part.exit_code for part in parts if part.exit_code is not None]
    differ = disagreement((part.shard, part.selection) for part in parts)
    unsaid = [ExitCode.CLOSED] if differ or state is State.LOST else []
    first = rows[0]
    return RunSummary(
        id=first.run_id,
        gate=first.gate,
        release=first.release,
        trigger=first.trigger,
        started_by=first.started_by,
        labels=tuple(first.labels),
        rerun_of=first.rerun_of,
        narrowed=first.narrowed,
        parts=parts,
        missing=missing,
        state=state,
        exit_code=None if state is State.RUNNING else exit_code_of([*codes, *unsaid]),
    )


def _part(row: Run) -> Part:
    return Part(
        key=row.pk,
        shard=row.shard,
        host=row.host,
        started_at=from_column(row.started_at),
        heartbeat_at=from_column(row.heartbeat_at),
        finished_at=row.finished_at and from_column(row.finished_at),
        quiet=cast("Any", row).quiet,  # annotated in `_summaries`
        total=row.total,
        done=row.done,
        problems=row.problems,
        exit_code=row.exit_code,
        stricter=row.stricter_exit_code != ExitCode.PASSED,
        reason=row.reason,
        selection=row.selection,
        counts=row.counts,
    )
