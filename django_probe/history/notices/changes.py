"""Finds out what changed of a gate since its recipients were last told, and writes a notice for each of them.

How a gate stands is what the history says (`runs.verdict`); nothing is judged here. All processes that share the
history agree by the gate's row of `Standing`: it is locked first, and then compared.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import Max

from django_probe import conf
from django_probe.history.models import Notice, Result, Standing
from django_probe.history.notices import account
from django_probe.history.storage import runs
from django_probe.history.storage.clock import Now
from django_probe.history.storage.summaries import Mark, mark
from django_probe.policy.recipients import STAYS_CLOSED, Change
from django_probe.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from django_probe.history.storage.summaries import RunSummary
    from django_probe.policy.gates import Gate
    from django_probe.policy.recipients import Recipient

_INTO: Final[Mapping[Mark, Change]] = {Mark.PASSED: Change.OPENED, Mark.CLOSED: Change.CLOSED, Mark.LOST: Change.LOST}


def settle(gate: Gate) -> None:
    """Write the notices of what changed since the last time, and of what is to be reminded of.

    It takes a lock and writes only where there is something to write, so that it may be asked often. Then it does all
    of that in one transaction, or in the one that it is called in.
    """
    if gate.notify and _look(gate):
        settle_locked(gate)


def settle_locked(gate: Gate) -> None:
    """Do what `settle` does, under a lock from the start: a process that commits at the same time waits for it."""
    with transaction.atomic(using=conf.history_database()):
        _lock(gate.name)
        if (look := _look(gate)) is None:
            return
        now = _now(gate.name)
        row = Standing.objects.filter(gate=gate.name)
        row.exclude(state=look.state, flaky=look.flaky).update(state=look.state, flaky=look.flaky, changed_at=now)
        since = row.values_list("changed_at", flat=True).get()
        events: dict[tuple[Change, bool], tuple[str, dict[str, object]]] = {}
        for recipient, change, reminds in look.due:
            if (change, reminds) not in events:
                said = account.of(look.verdict, change, since=since, reminds=reminds)
                events[change, reminds] = secrets.token_hex(16), said
            event, said = events[change, reminds]
            Notice.objects.create(
                event=event,
                gate=gate.name,
                recipient=recipient.name,
                change=change.value,
                told=said,
                created_at=now,
                due_at=now,
            )


@dataclass(frozen=True, slots=True)
class _Look:
    """How a gate stands by now, and who is due to be told of what; the last of each is whether it is a reminder."""

    state: Mark
    flaky: bool
    verdict: RunSummary
    due: Sequence[tuple[Recipient, Change, bool]]


def _look(gate: Gate) -> _Look | None:
    """Return how the gate stands where somebody has to be told; None where all is as it was, or is silenced."""
    row = Standing.objects.filter(gate=gate.name).annotate(now=Now()).first()
    if row is not None and row.silenced_until is not None and row.silenced_until > row.now:
        return None
    verdict = runs.verdict(gate.name)
    if verdict is None:
        return None
    state = mark(verdict)
    flaky = state is Mark.PASSED and _wants_flaky(gate) and _is_flaky(verdict)
    before = row.state if row else ""
    if (before, row.flaky if row else False) == (state, flaky):
        due = _reminders(gate, state, row) if row else []
        return _Look(state, flaky, verdict, due) if due else None
    changes = _changes(before, state, flaky=flaky)
    told = [(recipient, next(filter(recipient.on.__contains__, changes), None)) for recipient in gate.notify]
    return _Look(state, flaky, verdict, [(recipient, change, False) for recipient, change in told if change])


def _changes(before: str, state: Mark, *, flaky: bool) -> list[Change]:
    """Return what became of the gate; a recipient is told of the first of these that it wants to hear of.

    A gate that passes before anybody was told anything has not been opened: it was never known to be closed.
    """
    changes = [Change.FLAKY] if flaky else []
    if before == state or (not before and state is Mark.PASSED):
        return changes
    return [_INTO[state], *changes]


def _reminders(gate: Gate, state: Mark, row: Standing) -> list[tuple[Recipient, Change, bool]]:
    change = _INTO[state]
    wanted = [recipient for recipient in gate.notify if recipient.remind and change in recipient.on]
    if change not in STAYS_CLOSED or row.changed_at is None or not wanted:
        return []
    since = Notice.objects.filter(gate=gate.name, created_at__gte=row.changed_at).values_list("recipient")
    latest = dict(since.annotate(Max("created_at")))
    now: datetime = vars(row)["now"]  # annotated in `_look`
    quiet = {each.name: (now - latest.get(each.name, row.changed_at)).total_seconds() for each in wanted}
    return [(each, change, True) for each in wanted if quiet[each.name] >= (each.remind or 0)]


def _wants_flaky(gate: Gate) -> bool:
    return any(Change.FLAKY in recipient.on for recipient in gate.notify)


def _is_flaky(verdict: RunSummary) -> bool:
    rows = Result.objects.filter(run__in=[part.key for part in verdict.parts])
    return rows.filter(outcome=Outcome.PASSED.value, attempts__gt=1).exists()


def _lock(gate: str) -> None:
    """Lock the gate's row until the transaction ends; make it where there is none."""
    row = Standing.objects.filter(gate=gate)
    while not row.update(gate=gate):
        try:
            with transaction.atomic(using=conf.history_database()):
                Standing.objects.create(gate=gate)
        except IntegrityError:
            continue  # another process was quicker


def _now(gate: str) -> datetime:
    """Return the time of the database, in the form of a column."""
    found: datetime = Standing.objects.filter(gate=gate).annotate(now=Now()).values_list("now", flat=True).get()
    return found
