"""Runs Helm as it was given, in front of whoever called: its input and output are those of this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
KILLED: Final = 128
"""The exit code of a process that a signal ended is this and the number of the signal."""


class Helm:
    """The process of Helm. A signal goes on to it; Helm listens for the first alone, so that a second does no harm."""

    def __init__(self, words: Sequence[str]) -> None:
        """Start it. Raise OSError if that cannot be done."""
        self.signals: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        for number in _PASSED_ON:
            signal.signal(number, self._pass_on)
        self._process = subprocess.Popen(words)
        for early in self.signals:  # which came before there was a process
            self._send(early)
        self._ended = threading.Event()
        threading.Thread(target=self._wait, name="helm", daemon=True).start()

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, for so long at the most, and return whether it has ended."""
        return self._ended.wait(seconds)

    @property
    def code(self) -> int:
        """Its exit code, as a shell tells it: 137 where SIGKILL ended it."""
        code = self._process.returncode if self._process else None
        if code is None:
            raise RuntimeError("it has not ended")
        return KILLED - code if code < 0 else code

    def _wait(self) -> None:
        if self._process:
            self._process.wait()
        self._ended.set()

    def _pass_on(self, number: int, _frame: object) -> None:
        self.signals.append(number)
        self._send(number)

    def _send(self, number: int) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)
