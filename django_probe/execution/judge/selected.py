"""A probe as the judge knows it, from what the loader tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django_probe.outcomes import Outcome
from django_probe.terms import UNKNOWN, About

if TYPE_CHECKING:
    from collections.abc import Sequence


class Selected(NamedTuple):
    """What the judge knows of a probe; `timeout` in seconds, `verdict` where it was judged while loading.

    One that is `required` errs where it skips.
    """

    label: str
    tags: tuple[str, ...]
    timeout: float
    retries: int
    blocking: bool
    fixtures: str | None
    verdict: tuple[Outcome, str, str] | None
    required: bool = False
    about: About = UNKNOWN

    @classmethod
    def of(cls, described: Sequence[Any]) -> Selected:
        """Read what `selection.Probe.described` wrote."""
        label, tags, timeout, retries, blocking, fixtures, verdict, required, about = described
        judged = (Outcome(verdict[0]), str(verdict[1]), str(verdict[2])) if verdict else None
        return cls(label, tuple(tags), timeout, retries, blocking, fixtures, judged, required, About(*about))
