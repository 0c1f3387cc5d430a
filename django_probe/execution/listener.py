"""What the judge tells whoever watches a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.results import ProbeResult, ProbeRun


class Listener(Protocol):
    """Hears of a run as it goes; the judge calls it, and nothing that it does changes the verdict."""

    live: bool
    """Whether `tick` is wanted."""

    def selected(self, total: int) -> None:
        """Hear how many probes will run, before the first of them starts."""

    def ended(self, result: ProbeResult) -> None:
        """Hear how a probe ended, as soon as it did."""

    def flush(self) -> None:
        """Show what was heard so far: the judge is about to wait."""

    def tick(self, done: int, total: int, in_flight: Sequence[tuple[str, float]]) -> None:
        """Hear a few times a second what goes on: label and seconds of each probe that is running now."""

    def finished(self, run: ProbeRun) -> None:
        """Hear the verdict, last and once."""
