"""How long the tests wait. They wait for conditions; the bounds here hold on a machine that has much else to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 90.0
"""Seconds after which a test gives up on a condition. Nothing that is asserted depends on it."""

LOADED = 10.0
"""Seconds that a loaded machine may add to what a test tells apart from a wait without end."""

TRIES = 3
"""How often something is timed before it counts as slow: a machine with much else to do is slow now and then."""


def wait_for(condition: Callable[[], Any], what: object) -> Any:
    """Wait until `condition()` is true and return what it returned; `what` says what was waited for, or returns it."""
    until = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {PATIENCE:g} s for {what() if callable(what) else what}")
        time.sleep(0.02)
    return found


def far_enough(attempt: Callable[[int], Any], arrived: Callable[[Any], object], limits: tuple = (4, 16, 48)) -> Any:
    """Return what `attempt(seconds)` returned with the first limit in which it got as far as `arrived` wants it.

    Such a limit begins with a process, and on a loaded machine the start of one may take all of it.
    """
    for seconds in limits:
        result = attempt(seconds)
        if arrived(result):
            break
    return result


def quickest(attempt: Callable[[], Any], enough: float) -> tuple[float, Any]:
    """Return the seconds that the quickest of a few attempts took, and what the last returned.

    The first that takes less than `enough` seconds is the last.
    """
    took = []
    while len(took) < TRIES and min(took, default=enough) >= enough:
        began = time.monotonic()
        result = attempt()
        took.append(time.monotonic() - began)
    return min(took), result
