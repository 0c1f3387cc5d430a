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
CRASHED: Final = 70
"""The exit status of a worker whose own code raised: EX_SOFTWARE of sysexits.h."""


def end_of_worker(status: int) -> str:
    """Return the words of `cause_of_death` for a worker, whose own code breaks where a probe takes its pipes away."""
    said = cause_of_death(status)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == CRASHED:
        return f"{said}; it could not go on, as after a probe that closed descriptors which are not its own"
    return said


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
