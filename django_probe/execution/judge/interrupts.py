"""SIGINT, SIGTERM and SIGHUP as something to wait for beside pipes and sockets."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from django_probe.execution.failures import Interrupted
from django_probe.execution.system.endings import ENDED_BY, heeded
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from django_probe.outcomes import EndedBy

_ECHO: Final = 0.3
"""Seconds in which the same signal once more is the same request: timeout(1) sends it to its command and to the group,
and a supervisor that is in that group passes its own on."""


class Interrupts:
    """While entered, collects the signals that end a run and dies of none; `received` in the order they came."""

    def __init__(self) -> None:
        self.received: list[EndedBy] = []
        self._raises = False
        self._at = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in heeded():
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read_end)
        os.close(self._write_end)

    def _take(self, number: int, _frame: object) -> None:
        by = ENDED_BY[signal.Signals(number)]
        before, self._at = self._at, Original.monotonic()
        if self.received and by is self.received[-1] and self._at - before < _ECHO:
            return
        self.received.append(by)
        if self._raises:
            raise Interrupted(f"{self.received[-1]} came")

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Raise Interrupted in the block where a signal comes: nobody waits for one while a team's own code runs."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    @contextmanager
    def waited_for(self) -> Iterator[None]:
        """Raise nothing in the block: somebody waits for a signal there, within `raising` or not."""
        before, self._raises = self._raises, False
        try:
            yield
        finally:
            self._raises = before

    def ignore(self, *, for_good: bool) -> None:
        """Take no more of them; `for_good` leaves it at that when this is left, and until the process ends."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)
        if for_good:
            self._before.clear()

    def fileno(self) -> int:
        """Return the descriptor that is readable once a signal came."""
        return self._read_end

    def clear(self) -> None:
        """Make the descriptor wait for the next signal."""
        try:
            while Original.read(self._read_end, 64):
                pass
        except BlockingIOError:
            pass
