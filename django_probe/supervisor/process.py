"""The application's process: started with an offer, watched to its end, and nothing of it left behind."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django_probe.execution.system import linux
from django_probe.execution.system.endings import ENDED_BY
from django_probe.process import handshake
from django_probe.reports.delivery import streams
from django_probe.reports.delivery.files import settle
from django_probe.results import ExitCode
from django_probe.supervisor.printed import Printed
from django_probe.supervisor.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django_probe.supervisor.application import Application

PASSED_ON: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_FIRST_SPARE: Final = 10
"""The least number of a descriptor of the offer: shells and scripts use those below."""
_SAID_ALL: Final = 10.0
"""Seconds that the process has to end when it has said how the run ended."""
_LEAVES: Final = 3.0
"""Seconds that an application which still loads has to end by one of those: it may ignore them, or C code hold it."""
_SWEEP: Final = 5.0


@dataclass(slots=True)
class Ended:
    """How the process ended: `status` as `os.waitpid` has it, `word` the last thing that the command said.

    `arguments` are those that the command began with, as `handshake.told` has them.
    `printed` is the end of what was printed while it loaded, secrets and all. `signals` came to the supervisor, in this
    order. `overdue` is whether the deadline passed before the command had begun.
    """

    status: int = 0
    begun: bool = False
    arguments: list[str] = field(default_factory=list)
    word: dict[str, Any] = field(default_factory=dict)
    signals: list[signal.Signals] = field(default_factory=list)
    overdue: bool = False
    printed: bytes = b""


def supervise(application: Application, arguments: Sequence[str], started: float, deadline: float | None) -> Ended:
    """Run the application in a process of its own, and tell how it ended. In that process this does not return.

    `started` is when this process began, and `deadline` how many seconds after that the command has to have begun.
    Raise OSError where no process can be started.
    """
    closed = streams.fill()
    for stream in (sys.stdout, sys.stderr):
        settle(stream)
    linux.adopt_orphans(True)  # noqa: FBT003 (the kernel's own signature)
    kept = linux.children()
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    # Were SIGCHLD ignored, the kernel would throw away how processes ended.
    signals = Signals([*_passed_on(), signal.SIGCHLD])
    token = os.urandom(16).hex()
    supervisor = os.getpid()
    pid = linux.fork()
    if pid == 0:
        try:
            linux.die_with_parent(supervisor)
            mine.close()
            os.close(read_end)
            _offer(token, theirs, write_end, closed, started)
            signals.restore()
        except OSError as error:  # this process must not go on as a second supervisor
            message = f"it could not be started: {error.strerror or error}; it needs more open files (ulimit -n)"
            with contextlib.suppress(OSError):
                theirs.send(json.dumps({"token": token, "kind": "broke", "message": message}).encode())
            os._exit(ExitCode.CLOSED)
        be(application, arguments)
    theirs.close()
    os.close(write_end)
    watch = _Watch(pid, mine, signals, token=token, printed=Printed(read_end), kept=kept)
    return watch.run(handshake.told(arguments[1:]), None if deadline is None else started + deadline)


def _passed_on() -> list[signal.Signals]:
    """Return the signals to pass on: blocked ones would come here although `nohup` had SIGHUP ignored."""
    return [each for each in PASSED_ON if each != signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN]


def _offer(token: str, line: socket.socket, pipe: int, closed: set[int], started: float) -> None:
    """Leave the offer in the environment, and let everything that is printed go into the pipe."""
    import fcntl  # noqa: PLC0415 (in the new process alone)

    spare = [
        -1 if number in closed else fcntl.fcntl(number, fcntl.F_DUPFD, _FIRST_SPARE) for number in (line.fileno(), 1, 2)
    ]
    line.close()
    inode = os.fstat(spare[0]).st_ino
    offer = handshake.Offer(token, spare[0], inode, spare[1], spare[2], started, os.getpid(), _folder())
    handshake.leave(offer)
    os.dup2(pipe, 1)
    os.dup2(pipe, 2)
    os.close(pipe)


def _folder() -> str:
    """Return the folder that this process is in; empty where it was removed."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""


def be(application: Application, arguments: Sequence[str]) -> NoReturn:
    """Be the application, and end as it ends."""
    if sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # else os._exit() would lose the lines
    try:
        application.run(arguments)
    except Exception as error:  # noqa: BLE001 (as Python itself ends, without the frames that are not the project's)
        trace = error.__traceback__
        while trace and trace.tb_frame.f_globals.get("__package__") == __package__:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)
    sys.exit()


class _Watch:
    """Watches one process to its end."""

    def __init__(
        self, pid: int, line: socket.socket, signals: Signals, *, token: str, printed: Printed, kept: set[int]
    ) -> None:
        self._pid = pid
        self._line = line
        self._signals = signals
        self._token = token
        self._printed = printed
        self._kept = kept
        self._given: list[str] = []
        self._until: float | None = None
        self._ended = Ended()
        self._over = False
        self._deaf = False
        self._patience: float | None = None
        line.setblocking(False)  # noqa: FBT003 (Python's own signature)

    def run(self, given: list[str], until: float | None) -> Ended:
        """Watch, end what is left, and tell; `given` is what the command has to begin with, before `until`."""
        self._given, self._until = given, until
        with selectors.PollSelector() as selector:
            self._watch(selector)
        self._hear()
        self._line.close()
        # Whatever the application started, however it hid, is a child of this process by now.
        linux.end_children(self._kept, _SWEEP)
        self._printed.finish()
        self._ended.printed = self._printed.end()
        return self._ended

    def _watch(self, selector: selectors.PollSelector) -> None:
        for descriptor in self._signals.descriptors:
            selector.register(descriptor, selectors.EVENT_READ, self._on_signals)
        selector.register(self._line, selectors.EVENT_READ, self._hear)
        selector.register(self._printed.pipe, selectors.EVENT_READ, self._printed.take)
        while not self._over:
            self._turn(selector, self._printed.pipe, 2)
            for key, _ in selector.select(self._seconds()):
                react: Callable[[], None] = key.data
                react()
            if self._seconds() == 0.0:
                self._overdue()

    def _turn(self, selector: selectors.PollSelector, pipe: int, stderr: int) -> None:
        """Wait for the pipe, or while something is held, for who reads standard error."""
        wanted = None if self._printed.at_end and not self._printed.behind else pipe
        wanted = stderr if self._printed.behind else wanted
        unwanted: list[Any] = [pipe, stderr] if wanted is None else [stderr if wanted == pipe else pipe]
        if self._deaf:
            unwanted.append(self._line)
        for descriptor in unwanted:
            if descriptor in selector.get_map():
                selector.unregister(descriptor)
        if wanted is not None and wanted not in selector.get_map():
            event = selectors.EVENT_READ if wanted == pipe else selectors.EVENT_WRITE
            selector.register(wanted, event, self._printed.take)

    def _seconds(self) -> float | None:
        """Return how long nothing has to happen; None where there is no limit."""
        limit = self._until if self._patience is None else self._patience
        if self._patience is None and self._ended.begun:
            return None
        return None if limit is None else max(0.0, limit - time.clock_gettime(time.CLOCK_BOOTTIME))

    def _overdue(self) -> None:
        self._ended.overdue = self._patience is None
        self._until = self._patience = None
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _on_signals(self) -> None:
        for number, from_kernel in self._signals.come():
            if number == signal.SIGCHLD:
                self._reap()
                continue
            self._ended.signals.append(number)
            if number in ENDED_BY and not self._ended.begun and self._patience is None:
                self._patience = time.clock_gettime(time.CLOCK_BOOTTIME) + _LEAVES
            with contextlib.suppress(ProcessLookupError):
                # What the kernel sends for a terminal it sends to the whole group: a second one would mean
                # that somebody asked twice, and does not want to wait for cleanups.
                if not self._over and (not from_kernel or os.getpgid(self._pid) != os.getpgrp()):
                    os.kill(self._pid, number)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._pid:
                    self._ended.status = ended[1]
                    self._over = True

    def _hear(self) -> None:
        """Take what the command says; whatever does not carry the token is no word of its."""
        while True:
            try:
                content = self._line.recv(handshake.MOST)
            except BlockingIOError:
                return
            except OSError:
                content = b""
            if not content:  # nobody has the other end any more
                self._deaf = True
                return
            try:
                word = json.loads(content)
            except ValueError:
                continue
            if not isinstance(word, dict) or word.pop("token", None) != self._token:
                continue
            if word.get("kind") == "began":
                self._begun(word.get("arguments"))
            else:
                self._ended.word = word
                self._patience = time.clock_gettime(time.CLOCK_BOOTTIME) + _SAID_ALL

    def _begun(self, arguments: Any) -> None:
        """Let the command go on, unless it was to end before, or has begun something else than it was to."""
        self._ended.arguments = arguments if isinstance(arguments, list) else []
        self._ended.begun = not any(number in ENDED_BY for number in self._ended.signals)
        if not self._ended.begun or self._ended.arguments != self._given:
            self._kill()
            return
        self._printed.take()
        with contextlib.suppress(OSError):
            self._line.send(b"!")
