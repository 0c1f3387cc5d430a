"""Waits until the release of the run answers, and only it: during a rollout the old one answers too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.asking import Browser
from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.exchange import asked_and_compared
from django_probe.contrib.http import configuration
from django_probe.contrib.http.polling import IN_A_ROW
from django_probe.environment import environment

if TYPE_CHECKING:
    from django_probe.contrib.checks.answer import Answer
    from django_probe.contrib.checks.filling import Filling
    from django_probe.contrib.http.configuration import Release
    from django_probe.declared.check import Check

_PAUSE: Final = 0.5
_TIMEOUT: Final = 60.0
_SHARE: Final = 5 / 6
"""Of the probe's time: it gives up, and says what it saw, before its timeout ends it from outside."""


def of_the_run(check: Check) -> Release | None:
    """Return the release that the check waits for: none where it does not say so, or where the run has no name.

    Raise CheckError where the run has one, and nothing says which header names it.
    """
    if not check.get("release"):
        return None
    found = configuration.release()
    if found is None and environment("PROBE_RELEASE").strip():
        raise CheckError(
            f"{check.where}.release: PROBE_RELEASE_HEADER is not set, the header that names the release of an answer"
        )
    return found


def wait(check: Check, filling: Filling, release: Release) -> None:
    """Return after enough good answers of the release in a row, each over a new connection.

    Raise the AssertionError of the last answer that was none, when the time is over.
    """

    def other(answer: Answer) -> list[str]:
        came = answer.headers.get(release.header.lower())
        said = "no release" if came is None else repr(came[:80])
        return [] if came == release.name else [f"it is from {said} by {release.header}, not from {release.name!r}"]

    timeout = check.wishes.timeout or _TIMEOUT
    until = time.monotonic() + timeout * _SHARE
    asked = in_a_row = 0
    while in_a_row < IN_A_ROW:
        asked += 1
        try:
            with Browser() as browser:
                asked_and_compared(browser, check, filling, more=other)
        except AssertionError as error:
            in_a_row = 0
            if time.monotonic() + _PAUSE > until:
                head, newline, rest = str(error).partition("\n")
                waited = f"; waited {timeout * _SHARE:.0f} s for {IN_A_ROW} good answers in a row, asked {asked} times"
                raise AssertionError(f"{head}{waited}{newline}{rest}") from None
            time.sleep(_PAUSE)
        else:
            in_a_row += 1
