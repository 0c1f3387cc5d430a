"""The values of the judge and its ledger: a probe that was selected, a try of it, and work for one worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django_probe.results import Outcome, finite
from django_probe.terms import UNKNOWN, About

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

    from django_probe.attachments import Attachment


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


@dataclass(slots=True)
class Attempt:
    """One try of a probe; `began` is a Unix time, `duration` in seconds, made finite."""

    outcome: Outcome
    message: str = ""
    details: str = ""
    output: str = ""
    began: float | None = None
    duration: float = 0.0
    logs: str = ""
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        """Take a duration that a patched clock made impossible for none: sums of it would be none either."""
        self.duration = finite(self.duration)


@dataclass(slots=True)
class Unit:
    """Work for one worker: the indices still to run, in order.

    `fixtures` is the key of what they share, for which they stay together; None where it is one probe alone. A
    fixture has `timeout` seconds for itself, and its failure closes the gate where it is `blocking`. What is `fresh`
    needs a worker that ran nothing yet.
    """

    probes: deque[int]
    fixtures: str | None
    timeout: float
    blocking: bool
    fresh: bool
