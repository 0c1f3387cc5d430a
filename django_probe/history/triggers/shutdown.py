"""Ends the runs that a server has started when the server ends, so that they are recorded and not lost.

A run outlives the process that started it, but not its container: when process 1 is gone, the kernel kills the rest.
The two functions are hooks of gunicorn, of those names: https://gunicorn.org/reference/settings/#server-hooks. They
need no settings, and Linux.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import FrameType

MARK: Final = "PROBE_SERVED_BY"
"""A variable that the runs of one server have in their environment, and nobody else."""

_ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_PATIENCE: Final = 9.0
"""Seconds that a run may take for its cleanups and its record: 8 at the most."""
_PAUSE: Final = 0.05

_asked: set[int] = set()


def when_ready(_server: Any) -> None:
    """Pass the end of the server on to its runs, from now on, at once: its requests have time to end meanwhile."""
    os.environ[MARK] = os.urandom(16).hex()
    for number in _ENDS:
        before = signal.getsignal(number)

        def end(number: int, frame: FrameType | None, before: Any = before) -> None:
            _end_runs()
            if callable(before):
                before(number, frame)

        if callable(before):  # else it is ignored, or gunicorn does not end by it
            signal.signal(number, end)


def on_exit(_server: Any) -> None:
    """Wait until every run has ended; one that a last request has started is ended too."""
    give_up = time.monotonic() + _PATIENCE
    while _end_runs() and time.monotonic() < give_up:
        time.sleep(_PAUSE)


def _end_runs() -> set[int]:
    """Ask each run once to end, and return those that go on."""
    runs = _runs()
    for pid in runs - _asked:
        _asked.add(pid)
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
    return runs


def _runs() -> set[int]:
    """Return the processes that wait for a run each: `detached.py` passes on what they are told."""
    mark = f"{MARK}={os.environ.get(MARK)}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if any(word.endswith(b"/detached.py") for word in words[:4]):
                found |= {int(folder.name)} if mark in (folder / "environ").read_bytes().split(b"\0") else set()
        except OSError:  # it has ended, or is another user's
            continue
    return found
