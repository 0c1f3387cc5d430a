"""Makes one attempt of those of a probe that was tried again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_probe import details
from django_probe.execution.failures import capped
from django_probe.results import PROBLEMS, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.execution.judge.work import Attempt

MOST_EARLIER: Final = 20
"""Attempts before the last one that a result keeps."""


def after(tried: Sequence[Attempt], last: Attempt) -> Attempt:
    """Return what a probe comes to that was tried again: its last attempt, or the first where that proved nothing.

    The details have every attempt: the first one says what made a retry necessary.
    """
    if last.outcome is Outcome.PASSED or last.outcome in PROBLEMS:
        parts = [last.details.rstrip("\n"), *_told(tried, last)]
        return replace(last, details=capped(details.gathered(part for part in parts if part)))
    proves_nothing = f"The last attempt, which proves nothing: {last.outcome}: {last.message}\n"
    parts = [tried[0].details.rstrip("\n"), details.headed(proves_nothing, last.details)]
    return replace(tried[0], details=capped(details.gathered(part for part in parts if part)), duration=last.duration)


def _told(tried: Sequence[Attempt], last: Attempt) -> list[str]:
    """Return what the details say of the attempts before the last: the story of the first, and which were alike."""
    known = {(last.outcome, *details.cause(last.message, last.details)): "the same"}
    parts = []
    for number, attempt in enumerate(tried[:MOST_EARLIER], 1):
        key = (attempt.outcome, *details.cause(attempt.message, attempt.details))
        if key in known:
            parts.append(f"attempt {number}: {known[key]}\n")
        elif number == 1:
            known[key] = "as attempt 1"
            parts.append(details.headed(f"attempt 1: {attempt.outcome}: {attempt.message}", attempt.details))
    return parts
