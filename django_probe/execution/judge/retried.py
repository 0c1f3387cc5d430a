"""Makes one attempt of those of a probe that was tried again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_probe import details
from django_probe.execution.failures import capped
from django_probe.outcomes import PROBLEMS, Outcome

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
        return replace(last, details=_gathered(last.details, *_told(tried, last)))
    proves_nothing = f"The last attempt, which proves nothing: {last.outcome}: {last.message}\n"
    told = _gathered(tried[0].details, details.headed(proves_nothing, last.details))
    return replace(tried[0], details=told, duration=last.duration)


def _gathered(*parts: str) -> str:
    """Return the parts with an empty line between them."""
    return capped(details.gathered(part.rstrip("\n") + "\n" for part in parts if part))


def _told(tried: Sequence[Attempt], last: Attempt) -> list[str]:
    """Return what the details say of the attempts before the last: the story of the first, then which were alike."""
    known = {(last.outcome, *details.cause(last.message, last.details)): "the same"}
    story, alike = "", ""
    for number, attempt in enumerate(tried[:MOST_EARLIER], 1):
        key = (attempt.outcome, *details.cause(attempt.message, attempt.details))
        if key in known:
            alike += f"attempt {number}: {known[key]}\n"
        elif number == 1:
            known[key] = "as attempt 1"
            story = details.headed(f"attempt 1: {attempt.outcome}: {attempt.message}", attempt.details)
    return [story, alike]
