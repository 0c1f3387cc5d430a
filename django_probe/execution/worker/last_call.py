"""What a process of the run does when it is about to end: its statements end with it, and those of its forks.

The judge says so by a signal, to the whole group, and kills what is left of that a moment later. A fork that a probe
made (`multiprocessing` makes such) inherits the handler, and knows the connections that it opened itself.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django_probe.execution.protocol import LAST_CALL
from django_probe.execution.system import linux
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from django_probe.execution.guard.guard import DatabaseGuard

_STATEMENTS: Final = 1.0
_FORKS: Final = 1.2
"""Seconds for statements to be cancelled, and for forks to end. The judge waits a little longer.

A fork has the time of its own statements: who is killed while it cancels one ends PgBouncer 1.18, and all its clients.
"""


def obey(guard: DatabaseGuard) -> None:
    """Let this process, and what it forks from now on, end at the judge's last call."""

    def end(_signum: int, _frame: object) -> None:
        guard.let_nothing_run(_STATEMENTS)
        linux.await_children(_FORKS)
        Original.end_process(1)

    Original.set_handler(LAST_CALL, end)


def give(guard: DatabaseGuard) -> None:
    """Cancel what this process runs at servers, and have its forks do so and end; then let nothing more begin."""
    if forked := linux.has_forked():  # what a fork that has ended had forked is in the group, too
        Original.set_handler(LAST_CALL, signal.SIG_IGN)
        with suppress(OSError):
            os.killpg(0, LAST_CALL)
    guard.let_nothing_run(_STATEMENTS)
    if forked:
        linux.await_group(_FORKS)
