"""Converts times between the record, which has UTC, and the columns, which follow the project's USE_TZ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import functions
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime


class Now(functions.Now):
    """The database's current time, in the form of a column."""

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        """Ask for local time where columns have that; `localtime` is that of settings.TIME_ZONE, which Django sets."""
        local = "" if settings.USE_TZ else ", 'localtime'"
        template = f"STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW'{local})"
        return self.as_sql(compiler, connection, template=template, **context)


def to_column(moment: datetime) -> datetime:
    """Return an aware time in the form that a column takes."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def from_column(moment: datetime) -> datetime:
    """Return the aware time that a column holds."""
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment, timezone.get_default_timezone())
