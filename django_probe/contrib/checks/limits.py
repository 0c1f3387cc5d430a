"""What checks of several kinds share: the address of a port, how long they wait, what is too late or ends too soon."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.filling import Filling
from django_probe.http.evidence import certificate_left, days
from django_probe.http.response import over
from django_probe.policy.declared.values import split_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_probe.http.response import Times
    from django_probe.policy.declared.check import Check

_PATIENCE: Final = 10.0
_SHARE: Final = 0.9
"""Of the probe's own time: it says what it saw before its timeout ends it from outside."""


def address_of(check: Check) -> tuple[str, int]:
    """Return the host and the port; CheckError where what the environment gives makes none."""
    where = f"{check.where}.{check.kind}"
    try:
        return split_address(Filling().fill(check.subject, where))
    except ValueError as error:
        raise CheckError(f"{where}: {error}") from None


def patience(check: Check) -> float:
    """Return the seconds that an answer has: longer than `within`, so that a slow one is told from none."""
    wanted = max(_PATIENCE, 2 * (check.get("within") or 0.0))
    own = check.wishes.timeout
    return min(wanted, own * _SHARE) if own else wanted


def too_slow(check: Check, seconds: float) -> Iterator[str]:
    """Yield that it took longer than the check allows."""
    within = check.get("within")
    if within and seconds > within:
        yield over(seconds, within)


def in_time(check: Check, name: str, times: Times) -> float:
    """Return the seconds of a connection; AssertionError where they are more than the check allows."""
    took = sum(filter(None, (times.dns, times.connect, times.tls)))
    for said in too_slow(check, took):
        raise AssertionError(f"{name}: {said}\n\ntimes: {times}")
    return took


def ends_too_soon(check: Check, ends: datetime) -> Iterator[str]:
    """Yield that a certificate does not last as long as the check wants."""
    wanted = check.get("valid_for")
    if wanted and (ends - datetime.now(UTC)).total_seconds() < wanted:
        yield f"its certificate ends {certificate_left(ends)}, and has to last {days(wanted)}"
