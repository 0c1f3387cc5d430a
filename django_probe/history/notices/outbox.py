"""The outbox: who delivers which notice, what became of it, and which are not delivered.

A notice is claimed by moving the time on at which it is due, which only one process can do. Where that process dies,
the notice is due again after a while. So each is delivered at least once, and one recipient's in their order.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Exists, Min, OuterRef, Q

from django_probe import conf
from django_probe.history.models import Notice
from django_probe.history.storage.clock import Now, from_column

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

logger = logging.getLogger("django_probe.history")

LEASE: Final = timedelta(seconds=60)
"""How long one attempt may take, before another process may try."""
_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 900.0
_BATCH: Final = 20
_KEPT_TRYING: Final = timedelta(days=3)
_REMEMBERED: Final = timedelta(days=8)
"""Longer than anybody can be reminded after, which counts from the last notice."""
_EXPECTED: Final = timedelta(minutes=1)
"""So long a notice takes at the most where all is well."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that this process has to deliver now; `attempts` counts this one."""

    key: int
    event: str
    gate: str
    recipient: str
    change: str
    told: dict[str, Any]
    created_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The notices of a gate that did not arrive: how many, since when, and why the last attempt failed."""

    gate: str
    count: int
    since: datetime
    trouble: str


def claim(recipients: Collection[tuple[str, str]]) -> Claimed | None:
    """Claim the oldest notice that is due for one of these, each a gate and a recipient's name; None if none is."""
    before = Notice.objects.filter(
        gate=OuterRef("gate"), recipient=OuterRef("recipient"), delivered_at=None, pk__lt=OuterRef("pk")
    )
    wanted = Q(pk__in=[])
    for gate, recipient in recipients:
        wanted |= Q(gate=gate, recipient=recipient)
    due = Notice.objects.filter(wanted, ~Exists(before), delivered_at=None, due_at__lte=Now())
    for row in due.order_by("pk")[:_BATCH]:
        mine = Notice.objects.filter(pk=row.pk, attempts=row.attempts, delivered_at=None)
        if mine.update(attempts=row.attempts + 1, due_at=Now() + LEASE):
            return Claimed(
                key=row.pk,
                event=row.event,
                gate=row.gate,
                recipient=row.recipient,
                change=row.change,
                told=row.told,
                created_at=from_column(row.created_at),
                attempts=row.attempts + 1,
            )
    return None


def delivered(notice: Claimed) -> None:
    """Write that the recipient has it."""
    Notice.objects.filter(pk=notice.key).update(delivered_at=Now(), trouble="")


def failed(notice: Claimed, why: str) -> None:
    """Write why it was not delivered, and when it is tried again: after 5 s, then twice as long, up to 15 minutes."""
    seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(notice.attempts - 1, 10))
    mine = Notice.objects.filter(pk=notice.key, attempts=notice.attempts, delivered_at=None)
    mine.update(trouble=why, due_at=Now() + timedelta(seconds=seconds))


def undelivered() -> list[Undelivered]:
    """Return for each gate what an attempt failed to deliver, or what nobody tried to deliver for a minute."""
    late = Q(attempts__gt=1) | ~Q(trouble="") | Q(created_at__lt=Now() - _EXPECTED)
    rows = Notice.objects.filter(late, delivered_at=None)
    counted = rows.values("gate").order_by("gate").annotate(count=Count("pk"), since=Min("created_at"))
    why = {}
    for gate, recipient, trouble in rows.order_by("pk").values_list("gate", "recipient", "trouble"):
        why[gate] = f"{recipient}: {trouble or 'nobody has tried yet'}"
    return [
        Undelivered(each["gate"], each["count"], from_column(each["since"]), why.get(each["gate"], ""))
        for each in counted
    ]


def prune() -> None:
    """Delete what was delivered long ago, and give up what could not be delivered for three days."""
    lasting = max(_REMEMBERED, timedelta(days=conf.history_days()))
    Notice.objects.filter(delivered_at__lt=Now() - lasting).delete()
    given_up = Notice.objects.filter(delivered_at=None, created_at__lt=Now() - _KEPT_TRYING)
    for gate, recipient, trouble in given_up.values_list("gate", "recipient", "trouble"):
        logger.error("the gate %s: a notice is given up: %s: %s", gate, recipient, trouble or "nobody has tried")
    given_up.delete()
