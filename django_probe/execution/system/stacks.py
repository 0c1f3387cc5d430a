"""Where a process hangs: it writes its stack into a file in memory, even while C code holds the interpreter.

The process has `faulthandler` registered for the signal `DUMP`, with the file that it inherited.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Final

DUMP: Final = getattr(signal, "SIGRTMIN", 0) + 7
LONGEST: Final = 0.5
"""Seconds to wait for a dump; a process that is stopped writes none."""
STEP: Final = 0.02
"""Seconds from one look at it to the next."""


class Stacks:
    """The judge's side of one process's stack; `descriptor` is what the process gets."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("stacks")

    def ask(self, pidfd: int) -> None:
        """Have the process dump its stack, twice: real-time signals queue, and a second dump follows a whole one."""
        with contextlib.suppress(ProcessLookupError):
            for _ in range(2):
                signal.pidfd_send_signal(pidfd, DUMP)

    @property
    def whole(self) -> bool:
        """Whether the first dump is there to its end."""
        head, _, rest = self._read().partition("\n")
        return bool(head) and head in rest

    def text(self) -> str:
        """Return what was dumped, once, the innermost call first; nothing where the process did not come to it."""
        text = self._read()
        head = text.partition("\n")[0]  # it names a thread, which a dump has once
        second = text.find(head, len(head)) if head else -1
        return text if second < 0 else text[:second]

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def _read(self) -> str:
        size = os.fstat(self.descriptor).st_size
        return os.pread(self.descriptor, size, 0).decode("utf-8", "backslashreplace")
