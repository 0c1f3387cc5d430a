"""Asks a check until the release of the run answers it, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured

from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.exchange.exchange import asked_and_compared
from django_probe.http import release
from django_probe.http.wire.asking import Browser
from django_probe.policy.declared.parsing import RELEASE_TIMEOUT

if TYPE_CHECKING:
    from django_probe.contrib.checks.filling import Filling
    from django_probe.http.release import Differences, Release
    from django_probe.http.response import Response
    from django_probe.policy.declared.check import Check

_SHARE: Final = 5 / 6
"""Of the probe's time: it gives up, and says what it saw, before its timeout ends it from outside."""


def of_the_run(check: Check) -> Release | None:
    """Return the release that the check waits for, None where it does not say so.

    Raise CheckError where the run has no release, or nothing says which header names it: another one may answer.
    """
    if not check.get("release"):
        return None
    try:
        return release.required()
    except ImproperlyConfigured as error:
        raise CheckError(f"{check.where}.release: {error}") from None


def wait(check: Check, filling: Filling, awaited: Release) -> float:
    """Return the seconds of the last of enough good answers of the release; AssertionError where they do not come."""

    def ask(other: Differences, most: float) -> Response:
        with Browser() as browser:
            return asked_and_compared(browser, check, filling, more=other, most=most)

    return release.wait(ask, awaited, (check.wishes.timeout or RELEASE_TIMEOUT) * _SHARE).seconds
