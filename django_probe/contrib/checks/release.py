"""Waits until the release of the run answers, and only it: during a rollout the old one answers too."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.exchange import asked_and_compared
from django_probe.contrib.http import configuration
from django_probe.contrib.http.polling import IN_A_ROW
from django_probe.declared.parsing import RELEASE_TIMEOUT
from django_probe.environment import environment
from django_probe.http.asking import Browser

if TYPE_CHECKING:
    from django_probe.contrib.checks.filling import Filling
    from django_probe.contrib.http.configuration import Release
    from django_probe.declared.check import Check
    from django_probe.http.response import Response

_PAUSE: Final = 0.5
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


def wait(check: Check, filling: Filling, release: Release) -> float:
    """Return the seconds of the last of enough good answers of the release in a row, each over a new connection.

    Raise the AssertionError of the last answer that was none, when the time is over, and where the release itself
    answered badly so often in a row that waiting will not mend it.
    """
    timeout = check.wishes.timeout or RELEASE_TIMEOUT
    until = time.monotonic() + timeout * _SHARE
    seen, took = _Seen(release), 0.0
    while seen.good < IN_A_ROW:
        seen.asked, seen.of_release = seen.asked + 1, False
        try:
            with Browser() as browser:
                answer = asked_and_compared(browser, check, filling, more=seen.other)
        except AssertionError as error:
            seen.bad()
            if seen.refuted:
                raise _with(error, f"{IN_A_ROW} bad answers of this release in a row") from None
            if time.monotonic() + _PAUSE > until:
                waited = (
                    f"waited {timeout * _SHARE:.0f} s for {IN_A_ROW} good answers in a row, asked {seen.asked} times"
                )
                raise _with(error, waited) from None
            time.sleep(_PAUSE)
        else:
            seen.good, seen.refuting, took = seen.good + 1, 0, answer.times.whole or 0.0
    return took


@dataclass(slots=True)
class _Seen:
    """What was answered so far; `refuting` counts bad answers of the release without a good one of it between them."""

    release: Release
    asked: int = 0
    good: int = 0
    refuting: int = 0
    of_release: bool = False

    def other(self, answer: Response) -> list[str]:
        """Return that an answer is another release's."""
        came = answer.headers.get(self.release.header.lower())
        self.of_release = came == self.release.name
        if self.of_release:
            return []
        said = "no release" if came is None else repr(came[:80])
        return [f"it is from {said} by {self.release.header}, not from {self.release.name!r}"]

    def bad(self) -> None:
        """Take that the last answer was bad, or that there was none."""
        self.good, self.refuting = 0, self.refuting + self.of_release

    @property
    def refuted(self) -> bool:
        """Whether the release itself answered badly often enough."""
        return self.refuting >= IN_A_ROW


def _with(error: AssertionError, more: str) -> AssertionError:
    """Return the error with a clause at the end of its first line."""
    head, newline, rest = str(error).partition("\n")
    return AssertionError(f"{head}; {more}{newline}{rest}")
