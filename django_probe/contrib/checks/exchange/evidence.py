"""What a failure of a check over HTTP says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.http import evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.contrib.checks.exchange.asked import Asked
    from django_probe.http.response import Response, Times


def told(asked: Asked, problems: Sequence[str], answer: Response | None, times: Times) -> str:
    """Return what the failure says; `answer` is None where none came."""
    return evidence.told(
        asked.shown(),
        problems,
        answer,
        times,
        headers=asked.check.get("headers", {}),
        by_hand=asked.curl(),
        masked=asked.filling.masked,
    )
