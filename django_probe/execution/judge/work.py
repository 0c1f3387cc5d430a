"""The values of the judge and its ledger: a try of a probe, and work for one worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_probe.outcomes import Outcome, finite

if TYPE_CHECKING:
    from django_probe.attachments import Attachment


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

    probes: list[int]
    fixtures: str | None
    timeout: float
    blocking: bool
    fresh: bool
