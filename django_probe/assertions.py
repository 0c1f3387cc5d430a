"""What a probe can say that `unittest.TestCase` has no word for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone

from django_probe.attachments import attach
from django_probe.policy.declared.values import parse_days

if TYPE_CHECKING:
    import unittest

    Base = unittest.TestCase
else:
    Base = object

_SKEW: Final = 60.0
"""Seconds that the clock of whoever wrote a moment may be ahead of this machine's."""
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))

__unittest = True  # tracebacks of a failure end at the line that asserts, as they do with unittest's own


class ProbeAssertions(Base):
    """A mixin for a `unittest.TestCase`, before it in the list of bases."""

    def attach(self, name: str, content: str | bytes) -> None:
        """Attach a text or bytes to the result of this probe, under a name; see `django_probe.attach`."""
        attach(name, content)

    def assertFresh(  # noqa: N802 (unittest's way of naming)
        self, moment: datetime | None, within: str | timedelta, msg: str | None = None
    ) -> None:
        """Fail where something was done longer ago than `within` (`"10m"`, `"36h"`, `"14d"`), or never: None.

        A moment in the future is a failure too, but for a minute that clocks may differ by. Where USE_TZ is off, a
        naive `moment` is of TIME_ZONE, and in an hour that clocks show twice, of the first. Raise TypeError for what is
        no datetime (a date has no time of day), ValueError for a naive one where USE_TZ is on, or a wrong `within`.
        """
        most = _seconds(within)
        if moment is None:
            self.fail(self._formatMessage(msg, f"never: there is no moment, and it was to be within {words(most)}"))
        age = (datetime.now(UTC) - _aware(moment)).total_seconds()
        if age < -_SKEW:
            self.fail(self._formatMessage(msg, f"{words(-age)} in the future by this machine's clock: {moment}"))
        if age > most:
            self.fail(self._formatMessage(msg, f"{words(age)} ago, and it was to be within {words(most)}: {moment}"))


def words(seconds: float) -> str:
    """Return a duration in words, in its two largest units: `2 days 4 hours`, `1 minute`, `less than a second`."""
    left, said = int(seconds), list[str]()
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            said.append(f"{count} {unit}{'' if count == 1 else 's'}")
        elif said:
            break  # "2 days 5 minutes" is more exact than anybody reads
    return " ".join(said[:2]) or "less than a second"


def _seconds(within: str | timedelta) -> float:
    if isinstance(within, timedelta):
        if within <= timedelta(0):
            raise ValueError(f"within: expected a duration above 0, got {within!r}")
        return within.total_seconds()
    try:
        return parse_days(within)
    except ValueError as error:
        raise ValueError(f"within: {error}") from None


def _aware(moment: datetime) -> datetime:
    if not isinstance(moment, datetime):
        what = "a date, which has no time of day" if hasattr(moment, "isoformat") else f"a {type(moment).__name__}"
        raise TypeError(f"assertFresh() takes a datetime or None, and got {what}: {moment!r}")
    if timezone.is_aware(moment):
        return moment
    if settings.USE_TZ:
        raise ValueError(
            f"assertFresh() got {moment!r}, which has no time zone, and USE_TZ is on: nobody can say when that was; "
            f"give it one, as django.utils.timezone.make_aware() does"
        )
    return timezone.make_aware(moment, timezone.get_default_timezone())
