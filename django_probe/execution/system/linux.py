"""The system calls of Linux that Python has no names for; see prctl(2)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import struct
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

from django_probe.process.originals import Original

AVAILABLE: Final = sys.platform == "linux"
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_SWEEP_STEP: Final = 0.001
_PATIENCE: Final = 0.05
"""Seconds to wait for one that was killed before the others are seen to: it may hang in the kernel."""
_GROUP_STEP: Final = 0.01
_GROUP: Final = 2  # its place in what `_stat` gives
_SIGSET_WORDS: Final = 16  # as the C libraries have it; the kernel reads the first
_SIGNAL_INFO: Final = 128  # bytes of a signalfd_siginfo

_libc = ctypes.CDLL(None, use_errno=True) if AVAILABLE else None
_flush = ctypes.CDLL(None).fflush if AVAILABLE else None
"""As `_libc.fflush`, but that nobody asks for its `errno`: to keep that takes as long as the call."""


def _prctl(option: int, argument: int) -> None:
    if _libc is None or _libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {argument}): {os.strerror(ctypes.get_errno())}")


def adopt_orphans(adopt: bool) -> None:  # noqa: FBT001 (the kernel's own signature)
    """Make orphaned descendants this process's children, or no longer; OSError where the kernel refuses."""
    _prctl(_PR_SET_CHILD_SUBREAPER, int(adopt))


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when `parent` dies, and end it now if that has happened already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if Original.getppid() != parent:
        Original.end_process(1)


def signal_descriptor(signals: Iterable[signal.Signals]) -> int:
    """Return a descriptor that is readable once one of these signals came, which have to be blocked: signalfd(2)."""
    mask = sum(1 << (number - 1) for number in signals)
    words = (ctypes.c_uint64 * _SIGSET_WORDS)(mask)
    flags = os.O_CLOEXEC | os.O_NONBLOCK
    if _libc is None or (descriptor := int(_libc.signalfd(-1, ctypes.byref(words), flags))) < 0:
        raise OSError(ctypes.get_errno(), f"signalfd: {os.strerror(ctypes.get_errno())}")
    return descriptor


def signals_from(descriptor: int) -> list[tuple[signal.Signals, bool]]:
    """Return the signals that came, each with whether the kernel sent it itself, as a terminal's Ctrl-C."""
    try:
        content = Original.read(descriptor, _SIGNAL_INFO * 16)
    except BlockingIOError:
        return []
    found = [struct.unpack_from("=Iii", content, start) for start in range(0, len(content), _SIGNAL_INFO)]
    return [(signal.Signals(number), code > 0) for number, _, code in found]


def flush_c_streams() -> None:
    """Write out what C code has printed and the C library still holds."""
    if _flush is not None:
        _flush(None)


def fork() -> int:
    """Fork; Python 3.12 warns where the app has threads, of which the child uses none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return Original.fork()


def children() -> set[int]:
    """Return the pids of this process's children, zombies included."""
    try:
        lists = [(thread / "children").read_text() for thread in Path("/proc/self/task").iterdir()]
        return {int(pid) for pids in lists for pid in pids.split()}
    except OSError:  # a kernel that was built without these lists
        me = str(os.getpid())
        pids = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return {int(pid) for pid in pids if _stat(pid)[1:2] == [me]}


def end_children(kept: set[int], within: float) -> None:
    """Kill every child of this process but those `kept`, and the orphans that it adopts meanwhile, and reap them.

    What is another user's, or hangs in the kernel, is left after `within` seconds.
    """
    until = Original.monotonic() + within
    while (left := children() - kept) and Original.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            _reap(pid, max(0.0, min(_PATIENCE, until - Original.monotonic())))


def _reap(pid: int, within: float) -> None:
    """Wait until this child has ended, `within` seconds at the most, and reap it if it has."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:  # somebody else reaped it, or no descriptor is left
        Original.sleep(_SWEEP_STEP)
    else:
        ended = Original.poll()
        ended.register(descriptor, select.POLLIN)
        ended.poll(within * 1000)
        Original.close(descriptor)
    with contextlib.suppress(ChildProcessError):
        Original.waitpid(pid, os.WNOHANG)


def await_children(within: float) -> None:
    """Wait until no child of this process's own group is left, `within` seconds at the most, and reap those."""
    until = Original.monotonic() + within
    with contextlib.suppress(ChildProcessError):
        while Original.monotonic() < until and Original.waitpid(0, os.WNOHANG)[0] >= 0:
            Original.sleep(_SWEEP_STEP)


def has_forked() -> bool:
    """Return whether this process has a child, or had one that it waited for."""
    return bool(children()) or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0


def await_group(within: float) -> None:
    """Wait until nobody else in this process's group runs, `within` seconds at the most, and reap its own children.

    An orphan is in the group, and no child.
    """
    until = Original.monotonic() + within
    await_children(within)
    while _others_in_group() and Original.monotonic() < until:
        Original.sleep(_GROUP_STEP)


def _others_in_group() -> bool:
    group, me = str(os.getpgrp()), str(Original.getpid())
    pids = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.name != me]
    return any(len(fields := _stat(pid)) > _GROUP and fields[_GROUP] == group and fields[0] != "Z" for pid in pids)


def _stat(pid: str) -> list[str]:
    """Return the fields of /proc/PID/stat that follow the name, which may hold spaces: see proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def room_for(descriptors: int) -> int:
    """Raise this process's own limit on open descriptors for so many more, and give how many there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_open = sum(1 for _ in Path("/proc/self/fd").iterdir())
    if soft < is_open + descriptors:
        soft = is_open + descriptors if hard == resource.RLIM_INFINITY else min(is_open + descriptors, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft - is_open


def process_age() -> float:
    """Return the seconds since this process was started, interpreter and imports included."""
    fields = _stat("self") if AVAILABLE else []
    if not fields:
        return time.process_time()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
