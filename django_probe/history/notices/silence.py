"""Silences a gate until a time: nobody is told of it meanwhile, and afterwards of what is different then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import BooleanField, Case, When
from django.utils.dateparse import parse_datetime

from django_probe.history.models import Standing
from django_probe.history.storage.clock import Now, from_column, to_column
from django_probe.reports.text import one_line
from django_probe.terms import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS: Final = ("until", "for", "why")
"""What `asked` looks at."""
_LONGEST: Final = timedelta(days=7)
_LONGEST_WHY: Final = 500
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Silence:
    """The latest silence of a gate; times in UTC. It `lasts` while nobody is told."""

    since: datetime
    until: datetime
    by: str
    why: str
    lasts: bool


def of(gate: str) -> Silence | None:
    """Return the latest silence of a gate, one that is over too; None where there was none."""
    lasts = Case(When(silenced_until__gt=Now(), then=True), default=False, output_field=BooleanField())
    row = Standing.objects.filter(gate=gate, silenced_until__isnull=False).annotate(lasts=lasts).first()
    if row is None or row.silenced_at is None or row.silenced_until is None:
        return None
    since, until = from_column(row.silenced_at), from_column(row.silenced_until)
    return Silence(since, until, row.silenced_by, row.silenced_why, lasts=row.lasts)


def asked(fields: Mapping[str, str], now: datetime) -> tuple[datetime, str]:
    """Return until when and why somebody wants a gate to be silent; ValueError with one sentence.

    `until` is a time in ISO 8601 with its zone, `for` in its place a duration, of which 0 ends a silence.
    """
    until, lasting, why = (fields.get(name, "").strip() for name in ("until", "for", "why"))
    if bool(until) == bool(lasting):
        raise ValueError('expected either until, a time such as 2026-12-01T06:00Z, or for, a duration such as "2h"')
    if lasting:
        try:
            moment = now + timedelta(seconds=parse_duration(lasting))
        except ValueError as error:
            raise ValueError(f"for: {error}") from None
    else:
        moment = _moment(until)
    if moment > now + _LONGEST:
        raise ValueError(f"a gate can be silenced for {_LONGEST.days} days at the most")
    if moment > now and not why:
        raise ValueError("why: say why nobody is to be told; others read it")
    return max(moment, now), one_line(why)[:_LONGEST_WHY]


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("until: expected a time with its zone, such as 2026-12-01T06:00Z or 2026-12-01T07:00+01:00")
    return found


def set_until(gate: str, until: datetime, *, by: str, why: str) -> None:
    """Silence the gate until then, in place of any silence before; a time that is over ends it."""
    values = {
        "silenced_at": Now(),
        "silenced_until": to_column(until),
        "silenced_by": one_line(by)[:_LONGEST_NAME],
        "silenced_why": why,
    }
    Standing.objects.update_or_create(gate=gate, defaults=values)
