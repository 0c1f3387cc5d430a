"""What the judge tells whoever watches a run."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django_probe.results import ProbeResult, ProbeRun


class Listener(Protocol):
    """Hears of a run as it goes; the judge calls it, and nothing that it does changes the verdict."""

    @property
    def live(self) -> bool:
        """Whether `tick` is wanted."""

    def begun(self, run: ProbeRun) -> None:
        """Hear who runs what, as a record without results, while the probes are still loading."""

    def warned(self, sentence: str) -> None:
        """Hear what is odd about what was chosen, before `selected`."""

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


class Listeners:
    """Several listeners as one; each hears in the order in which they are given.

    `make` is called for them once there is something to hear: what they import does not keep the loader waiting.
    """

    def __init__(self, make: Callable[[], Sequence[Listener]]) -> None:
        self._make = make

    @cached_property
    def _listeners(self) -> Sequence[Listener]:
        return self._make()

    @cached_property
    def live(self) -> bool:
        """Whether any of them wants `tick`."""
        return any(listener.live for listener in self._listeners)

    def begun(self, run: ProbeRun) -> None:
        """Tell all of them."""
        for listener in self._listeners:
            listener.begun(run)

    def warned(self, sentence: str) -> None:
        """Tell all of them."""
        for listener in self._listeners:
            listener.warned(sentence)

    def selected(self, total: int) -> None:
        """Tell all of them."""
        for listener in self._listeners:
            listener.selected(total)

    def ended(self, result: ProbeResult) -> None:
        """Tell all of them."""
        for listener in self._listeners:
            listener.ended(result)

    def flush(self) -> None:
        """Tell all of them."""
        for listener in self._listeners:
            listener.flush()

    def tick(self, done: int, total: int, in_flight: Sequence[tuple[str, float]]) -> None:
        """Tell those who are live."""
        for listener in self._listeners:
            if listener.live:
                listener.tick(done, total, in_flight)

    def finished(self, run: ProbeRun) -> None:
        """Tell all of them."""
        for listener in self._listeners:
            listener.finished(run)
