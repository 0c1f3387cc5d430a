"""The signals that come to the supervisor, whichever of its threads the kernel gives them to.

It starts no thread, but one may be there before it: a tracer such as OpenTelemetry's starts its own in sitecustomize.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from django_probe.execution.system import linux

if TYPE_CHECKING:
    from collections.abc import Sequence


class Signals:
    """Takes these signals from now on, in place of what they did; `descriptors` are readable when some came.

    They are blocked, so that what comes before the fork waits for a signalfd, which also tells who sent a signal. A
    thread that was there before blocks none: what the kernel gives to it is noticed by a handler.
    """

    def __init__(self, numbers: Sequence[signal.Signals]) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        self._signalfd = linux.signal_descriptor(numbers)
        self._pipe, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        self._handlers: dict[signal.Signals, Any] = {}
        for number in numbers:
            if signal.getsignal(number) is not None:  # else C code takes it, and could not get it back
                self._handlers[number] = signal.signal(number, _take)
        self.descriptors = (self._signalfd, self._pipe)

    def restore(self) -> None:
        """Put back what was there before, in a process that was forked from this one."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for descriptor in (*self.descriptors, self._write_end):
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def come(self) -> list[tuple[signal.Signals, bool]]:
        """Return the signals that came, each with whether it is known that the kernel sent it, as for Ctrl-C."""
        try:
            woken = os.read(self._pipe, 1024)
        except BlockingIOError:
            woken = b""
        return linux.signals_from(self._signalfd) + [(signal.Signals(number), False) for number in woken]


def _take(_number: int, _frame: object) -> None:
    """Do nothing: the descriptor has it."""
