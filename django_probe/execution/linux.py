"""The system calls of Linux that Python has no names for; see prctl(2)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import warnings
from typing import Final

AVAILABLE: Final = sys.platform == "linux"
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36

_libc = ctypes.CDLL(None, use_errno=True) if AVAILABLE else None


def _prctl(option: int, argument: int) -> None:
    if _libc is None or _libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {argument}): {os.strerror(ctypes.get_errno())}")


def adopt_orphans(adopt: bool) -> None:  # noqa: FBT001 (the kernel's own signature)
    """Make orphaned descendants this process's children, or no longer; OSError where the kernel refuses."""
    _prctl(_PR_SET_CHILD_SUBREAPER, int(adopt))


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when `parent` dies, and end it now if that has happened already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def flush_c_streams() -> None:
    """Write out what C code has printed and the C library still holds."""
    if _libc is not None:
        _libc.fflush(None)


def fork() -> int:
    """Fork; Python 3.12 warns where the app has threads, of which the child uses none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def children() -> set[int]:
    """Give the pids of this process's children, zombies included."""
    me = os.getpid()
    return {pid for pid in _pids() if _parent(pid) == me}


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 (hot: no Path objects)


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _stat(pid: int | str) -> list[str]:
    """Give the fields of /proc/PID/stat that follow the name, which may hold spaces: see proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 (hot, as above)
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def process_age() -> float:
    """Give the seconds since this process was started, interpreter and imports included."""
    fields = _stat("self") if AVAILABLE else []
    if not fields:
        return time.process_time()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
