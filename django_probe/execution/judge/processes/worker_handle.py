"""The judge's hold on one worker: its pipes, its process, what it was given and what it runs now."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from collections import deque
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_probe import execution
from django_probe.execution.judge.processes.output import Output, masked
from django_probe.execution.protocol import INTERRUPT, LAST_CALL, OF_WORKERS, Channel
from django_probe.execution.secrets.confided import Confided
from django_probe.execution.system import stacks
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from django_probe.execution.judge.work import Unit

HELLO: Final = 10.0
"""Seconds that a forked worker has to say hello."""
DESCRIPTORS: Final = 5
"""How many descriptors the judge has open for a worker: socket, output, stacks, what was overheard, process."""
_ANSWER: Final = 1.0
GOODBYE: Final = 2.5
"""Seconds that a worker has once it said goodbye, or was told that there is no more work: it may send what its
project's telemetry still holds, for 2 s."""
_CLEANUP: Final = 5.0
_DEATH: Final = 2.0
_LAST_WORDS: Final = 2.5
_DEAF: Final = 0.5
_WORKER: Final = re.escape(str(Path(execution.__file__).with_name("worker")))
_CALLER: Final = rf'"{_WORKER}/(executor\.py"|hearing/watched\.py", line \d+ in run_watched$)'
"""How a dumped stack names what of the worker calls the probe."""


class Stage(Enum):
    """Where a worker is on its way from the fork to its end."""

    STARTING = auto()
    SERVING = auto()
    LEAVING = auto()
    INTERRUPTED = auto()
    CLEANING_UP = auto()
    DUMPING = auto()
    LAST_CALL = auto()
    KILLED = auto()


class WorkerHandle:
    """One worker. `act_at` is when its stage is over, on the monotonic clock; `since` when its current work began.

    `asked` is the number of the message that asked for it, and maybe for others;
    `used` is whether it was given work, `ended` how many probes and groups it has ended, `last` the label of the last.
    """

    def __init__(self, now: float, asked: int = 0) -> None:
        mine, theirs = Original.socketpair()
        self.channel = Channel(mine, OF_WORKERS)
        self.output = Output()
        self._stacks = stacks.Stacks()
        self._confided = Confided()
        self._theirs = theirs
        self.pid: int | None = None
        self.pidfd: int | None = None
        self.asked = asked
        self.stage = Stage.STARTING
        self.act_at: float = now + HELLO
        self.since = now
        self.units: deque[Unit] = deque()
        self.fixture: tuple[str, list[int]] | None = None
        self.used = False
        self.ended = 0
        self.last = ""
        self.left = False
        self.said_bye = False
        self.closed = False
        self.ahead = 1
        self.why = ""
        self.timeout = 0.0
        self.targets: list[int | str] = []
        self._dump_until = 0.0
        self._answered = False

    def starting(self, now: float) -> None:
        """Give the worker its time to say hello from now on."""
        self.act_at = now + HELLO

    def descriptors(self) -> list[int]:
        """Return the descriptors that the worker gets: socket, output, stacks, what was overheard."""
        return [self._theirs.fileno(), self.output.write_end, self._stacks.descriptor, self._confided.descriptor]

    def handed_over(self) -> None:
        """Close what only the worker has from now on."""
        self._theirs.close()
        self.output.hand_over()

    def hello(self, pid: int, token: str, *, now: float) -> None:
        """Take the worker's hello: it is this process's child, ready for work."""
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self.output.token = token.encode("ascii")
        self.since = now
        self.stage = Stage.SERVING

    @property
    def free(self) -> bool:
        """Whether the worker may get work."""
        return self.stage is Stage.SERVING and not self.left and not self.channel.closed

    @property
    def current(self) -> int | str | None:
        """What runs now: a fixture's label, the index of a probe, or nothing."""
        if self.fixture:
            return self.fixture[0]
        return self.units[0].probes[0] if self.units and self.units[0].probes else None

    def give(self, units: list[Unit], now: float) -> None:
        """Send units; a worker that is gone is noticed by its end, not here."""
        if not self.units:
            self.since = now
        self.used = True
        self.units.extend(units)
        with contextlib.suppress(OSError):
            self.channel.send("run", [list(unit.probes) for unit in units])

    def interrupt(self, target: int | str | None, why: str, now: float, timeout: float = 0.0) -> None:
        """Raise in what runs now (`target`, or whatever it is where None), so that it can clean up.

        `why` is what ended it; `timeout` the seconds that it had, where it is its own time that is over.
        """
        self.why = why
        self.timeout = timeout
        self.stage = Stage.INTERRUPTED
        self.act_at = now + _ANSWER
        with contextlib.suppress(OSError):
            self.channel.send("stop", target)
        self._signal(INTERRUPT)

    def cleaning_up(self, now: float) -> None:
        """Give the worker its time to clean up, now that it said what runs was interrupted."""
        if self.fixture:
            self.targets = [self.fixture[0], *self.fixture[1]]
        elif self.current is not None:
            self.targets = [self.current]
        self.stage = Stage.CLEANING_UP
        self._answered = True
        self.act_at = now + _CLEANUP

    def overdue(self, now: float) -> None:
        """Go on to the next stage: have the worker dump its stack, wait for that, give the last call, kill it."""
        if self.stage in (Stage.LEAVING, Stage.LAST_CALL):
            self.kill(now)
        elif self.stage is not Stage.DUMPING:
            if self.pidfd is not None:
                self._stacks.ask(self.pidfd)
            self.stage = Stage.DUMPING
            self._dump_until = now + stacks.LONGEST
            self.act_at = now + stacks.STEP
        elif self._stacks.whole or now >= self._dump_until:
            self.last_call(now)
        else:
            self.act_at = now + stacks.STEP

    def last_call(self, now: float) -> None:
        """Have every process of the worker's group end what it runs at databases, and then itself."""
        self.stage = Stage.LAST_CALL
        self.act_at = now + (_LAST_WORDS if self._answered else _DEAF)
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, LAST_CALL)
                os.killpg(self.pid, signal.SIGCONT)  # what is stopped would not hear it

    def kill(self, now: float) -> None:
        """End the worker and every process of its group."""
        self.stage = Stage.KILLED
        self.act_at = now + _DEATH
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._signal(signal.SIGKILL)  # it may not have been a group's leader yet, or be one's no longer

    def _signal(self, number: int) -> None:
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it may have become another user's
                signal.pidfd_send_signal(self.pidfd, number)

    def leaving(self, why: str, now: float, seconds: float = _ANSWER) -> None:
        """Give the worker a moment to end by itself; `why` says what is wrong if it did not say goodbye."""
        self.why = why
        self.stage = Stage.LEAVING
        self.act_at = now + seconds

    def hang_up(self, now: float) -> None:
        """Tell the worker that there is no more work: it closes what it has open, and ends by itself."""
        with contextlib.suppress(OSError):
            self.channel.sock.shutdown(socket.SHUT_WR)
        self.leaving("", now, GOODBYE)

    def stack(self) -> str:
        """Return the stack that the worker dumped before it was killed, down to where the probe was called; or nothing.

        What `faulthandler` writes begins with the innermost call.
        """
        told: list[str] = []
        ours = False
        for line in self._stacks.text().splitlines():
            ours = line.startswith("  ") and (ours or re.search(_CALLER, line) is not None)
            if not ours:
                told.append(line)
        return "\n".join(told)

    def printed(self) -> str:
        """Return what was printed since something last ended, without the secrets that the worker overheard."""
        return masked(self.output.rest(), self._confided.secrets())

    def reap(self) -> tuple[int, int]:
        """Wait for the worker, which has ended, and give its pid and status as `os.waitpid` does."""
        assert self.pid is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # what it left behind; its pid is not free before the wait
        return Original.waitpid(self.pid, 0)

    def close(self) -> None:
        """Close the judge's descriptors."""
        self.closed = True
        self.channel.close()
        self.output.close()
        self._stacks.close()
        self._confided.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
