"""Says in words how a process ended, for the person who has to find out why."""

from __future__ import annotations

import os
import signal
from typing import Final

_HINTS: Final = {
    signal.SIGKILL: " (the kernel, for want of memory, or somebody from outside)",
    signal.SIGSEGV: " (C code touched memory that is not its own)",
    signal.SIGABRT: " (C code gave up)",
}


def cause_of_death(status: int) -> str:
    """Return the words for a status as `os.waitpid` gives it: the signal by name, or the exit status."""
    if not os.WIFSIGNALED(status):
        return f"it exited with status {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    try:
        name = signal.Signals(number)
    except ValueError:
        return f"it was killed by signal {number}"
    return f"it was killed by {name.name}{_HINTS.get(name, '')}"
