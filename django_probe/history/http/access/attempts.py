"""Counts failed attempts with a token, for each address, in this process.

The libraries for this want a server for their counts, or keep theirs in memory without a bound and with a thread.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 10
WINDOW: Final = 60.0
"""How many failures are allowed in how many seconds, counted from the first failure."""
MOST_ADDRESSES: Final = 5000
"""About 1 MB; a limit for each address would not stop an attacker who has more addresses."""


class Attempts:
    """Knows who has to wait. All windows are equally long, so they end in the order in which they began."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()  # by address: failures, end of the window
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._windows)

    def wait(self, address: str) -> int:
        """Return for how many whole seconds the address may not try; 0 if it may."""
        failures, ends = self._windows.get(address, (0, 0.0))
        return max(0, math.ceil(ends - self._clock())) if failures >= LIMIT else 0

    def failed(self, address: str) -> None:
        """Count a failure of the address."""
        with self._lock:
            self._forget()
            failures, ends = self._windows.get(address, (0, self._clock() + WINDOW))
            self._windows[address] = (failures + 1, ends)

    def _forget(self) -> None:
        now = self._clock()
        while self._windows:
            address, (_, ends) = next(iter(self._windows.items()))
            if ends > now and len(self._windows) < MOST_ADDRESSES:
                break
            del self._windows[address]


HERE: Final = Attempts()
