"""A process beside the command's own, which ends what workers started when that is killed.

The kernel ends a worker with the judge (`linux.die_with_parent`), but not what a probe started from it. That is in the
worker's process group, as is what an import started in the loader's: the guardian knows those groups.
"""

from __future__ import annotations

import os
import select
import signal
import struct
from contextlib import suppress
from typing import Final, NoReturn

from django_probe.execution.system import linux
from django_probe.process.originals import Original

_NUMBER: Final = struct.Struct("i")
_MANY: Final = _NUMBER.size * 1024
_OVER: Final = 0
_DEAF_TO: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Guardian:
    """The judge's hold on the guardian; what it is told before it is there, it hears then.

    It is a child of the judge's process like any other, and ended as such.
    """

    def __init__(self) -> None:
        self._read_end, self._pipe = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def start(self) -> None:
        """Fork it, from the process that it is to outlive; OSError where that is impossible."""
        judge = os.getpid()
        alive = os.pidfd_open(judge)  # here: once the judge is gone, its number is nobody's
        try:
            if linux.fork() == 0:
                _be_guardian(judge, alive, self._read_end)
        finally:
            os.close(alive)

    def watch(self, group: int) -> None:
        """Have this process group killed when the judge is gone."""
        self._tell(group)

    def forget(self, group: int) -> None:
        """Have it left alone: it is over, and its number may be another's soon."""
        self._tell(-group)

    def over(self) -> None:
        """Have it end by itself, once the processes that it watches have ended: no more will be started."""
        self._tell(_OVER)

    def _tell(self, number: int) -> None:
        with suppress(OSError):  # it is gone, or stopped
            Original.write(self._pipe, _NUMBER.pack(number))

    def close(self) -> None:
        """Close the pipe, in the judge's process or in one that was forked from it."""
        os.close(self._read_end)
        os.close(self._pipe)


def _be_guardian(judge: int, alive: int, pipe: int) -> NoReturn:
    """Hear which groups there are until the judge's process is gone, or says no more; then see to their end."""
    groups: set[int] = set()
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in _DEAF_TO:
            signal.signal(number, signal.SIG_IGN)
        _close_all_but(pipe, alive)
        poll = Original.poll()
        poll.register(pipe, select.POLLIN)
        poll.register(alive, select.POLLIN)
        more = True
        while more and os.getppid() == judge:
            ready = {descriptor for descriptor, _ in poll.poll()}
            more = _hear(pipe, groups) and alive not in ready
        if more:
            _hear(pipe, groups)  # the judge was gone between two looks, or before the first
        _end(groups, alive)
    finally:
        Original.end_process(0)


def _close_all_but(*kept: int) -> None:
    """Close what belongs to the command, its streams above all."""
    null = Original.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    low, high = sorted(kept)
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, os.sysconf("SC_OPEN_MAX"))


def _end(groups: set[int], alive: int) -> None:
    """Kill each group once its leader has ended, and all of them once the judge has."""
    poll = Original.poll()
    poll.register(alive, select.POLLIN)
    leaders: dict[int, int] = {}
    for group in groups:
        with suppress(OSError):  # it was reaped
            leaders[os.pidfd_open(group)] = group
    for leader in leaders:
        poll.register(leader, select.POLLIN)
    ready: set[int] = set()
    while leaders and alive not in ready:
        ready = {descriptor for descriptor, _ in poll.poll()}
        for leader in ready - {alive}:
            poll.unregister(leader)
            with suppress(OSError):
                signal.pidfd_send_signal(leader, 0)  # else the judge has reaped it, and killed its group before
                os.killpg(leaders[leader], signal.SIGKILL)
            groups.discard(leaders.pop(leader))
    if poll.poll(0):  # the judge: no leader is waited for, or it is the one that ended
        for group in groups:
            with suppress(OSError):
                os.killpg(group, signal.SIGKILL)


def _hear(pipe: int, groups: set[int]) -> bool:
    """Take what the judge said; return whether it may say more."""
    with suppress(BlockingIOError):
        while content := Original.read(pipe, _MANY):
            for (number,) in _NUMBER.iter_unpack(content):
                if number == _OVER:
                    return False
                if number > 0:
                    groups.add(number)
                else:
                    groups.discard(-number)
        return False
    return True
