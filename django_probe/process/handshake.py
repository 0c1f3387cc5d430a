"""What the command says to the supervisor that started it, over a socket that only the two of them hold.

The supervisor (`django_probe.supervisor`) leaves an offer in the environment. The command takes it out again before
any probe is loaded. Each message carries the offer's token, so that a stray write to the socket is no message.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from django_probe.errors import UsageError
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROG: Final = "django-probe probe"
"""What somebody typed who has a supervisor."""
VARIABLE: Final = "PROBE_SUPERVISOR"
SUGGESTION: Final = "PROBE_SUGGESTION"
"""In which `django-probe suggest` names the descriptor that `probe_suggest` writes its policy to."""
MOST: Final = 1 << 17
"""Bytes that a message has at the most: the kernel's buffer for a socket is larger."""
_left: Final[list[str]] = []
"""The offer to this process: settings may empty the environment."""
_MOST_DETAILS: Final = 10_000
_MOST_ARGUMENTS: Final = 5_000
_PATIENCE: Final = 5.0


class Offer(NamedTuple):
    """What the supervisor hands over: descriptors, as numbers in the command's process.

    `line` is the socket, `stdout` and `stderr` are the supervisor's own streams, -1 where one was closed from the
    start. `started` is when the supervisor's process began, in seconds since the machine did. `process` is the one that
    the offer is made to. `folder` is the one that the supervisor was started in, empty where that has no name.
    """

    token: str
    line: int
    inode: int
    stdout: int
    stderr: int
    started: float
    process: int = 0
    folder: str = ""

    def text(self) -> str:
        """Return the offer as the environment carries it."""
        return json.dumps(self._asdict())


def told(arguments: Sequence[str]) -> list[str]:
    """Return the arguments as a message carries them: a digest in place of more than it has room for."""
    text = "\0".join(arguments)
    if len(text) <= _MOST_ARGUMENTS:
        return [*arguments]
    from hashlib import sha256  # noqa: PLC0415 (the supervisor has no other need of it)

    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return [*arguments[:1], f"... {len(arguments)} arguments, sha256 {digest}"]


def leave(offer: Offer) -> None:
    """Leave an offer to this process, and to the program that it may execute in place of its own."""
    os.environ[VARIABLE] = offer.text()
    _left[:] = [offer.text()]


def take() -> Line | None:
    """Return the line to the supervisor; None where no supervisor started this process, or it was taken before.

    The environment has no offer afterwards. Raise UsageError where this process has closed what it was offered.
    """
    text = os.environ.pop(VARIABLE, "") or "".join(_left)
    _left.clear()
    try:
        offer = Offer(**json.loads(text)) if text else None
    except (TypeError, ValueError):
        return None
    if offer and _has(offer):
        return Line(offer)
    if offer and offer.process == os.getpid():
        raise UsageError(
            "settings, manage.py or an app closed descriptors that are not their own, such as by os.closerange(): "
            "this command could not tell its verdict, and does not begin"
        )
    return None  # or it was handed on to another process, which has not the descriptors


def _has(offer: Offer) -> bool:
    """Return whether this process has what it was offered."""
    try:
        line = os.fstat(offer.line)
        for stream in (offer.stdout, offer.stderr):
            if stream >= 0:
                os.fstat(stream)
    except (OSError, TypeError):
        return False
    return stat.S_ISSOCK(line.st_mode) and line.st_ino == offer.inode


class Line:
    """The command's end of the line; no process that is forked or executed from here on has it."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._descriptors = [number for number in (offer.line, offer.stdout, offer.stderr) if number >= 0]
        for number in self._descriptors:
            os.set_inheritable(number, False)  # noqa: FBT003 (Python's own signature)
        os.register_at_fork(after_in_child=self._let_go)
        self.stdout: TextIO | None = None
        """The supervisor's standard output, where reports belong; None where it was closed from the start."""
        if offer.stdout >= 0:
            # Not os.fdopen(), in place of which a project may have put eventlet's.
            self.stdout = open(offer.stdout, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (as long as we live)

    @property
    def age(self) -> float:
        """Seconds since the supervisor's process began."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self._offer.started)

    @property
    def folder(self) -> str:
        """The folder that the supervisor was started in; empty where this process is in it still."""
        with contextlib.suppress(OSError):
            if Path.cwd() == Path(self._offer.folder):
                return ""
        return self._offer.folder

    def begin(self, arguments: Sequence[str]) -> None:
        """Say that the command began, with which arguments; then put standard error back.

        First the supervisor passes on what was printed.

        What is printed on standard output goes there as well: the supervisor's own holds reports alone.
        """
        self._send("began", arguments=told(arguments))
        answer = Original.poll()
        answer.register(self._offer.line, select.POLLIN)
        with contextlib.suppress(OSError):
            if answer.poll(_PATIENCE * 1000):
                Original.read(self._offer.line, 1)
        if self._offer.stderr >= 0:
            for stream in (1, 2):
                os.dup2(self._offer.stderr, stream)

    def ran(self, exit_code: int, record: Mapping[str, object] | None) -> None:
        """Say how the run ended: with which exit code, and what its record says of it; None where there is none."""
        self._send("ran", exit=exit_code, record=record)

    def listed(self, exit_code: int) -> None:
        """Say with which exit code `--list` ends."""
        self._send("listed", exit=exit_code)

    def refused(self) -> None:
        """Say that something was asked for that cannot be done: nothing ran, and the exit code is 2."""
        self._send("refused")

    def broke(self, message: str, details: str) -> None:
        """Say that the command itself failed, and how."""
        self._send("broke", message=message, details=details[-_MOST_DETAILS:])

    def _send(self, kind: str, **more: Any) -> None:
        message = Original.encode({"token": self._offer.token, "kind": kind, **more})
        with contextlib.suppress(OSError):  # without this word the supervisor closes the gate
            Original.write(self._offer.line, message.encode())

    def _let_go(self) -> None:
        """Close, in a process that was just forked, what only the command is to have; once, for numbers come again."""
        for number in self._descriptors:
            with contextlib.suppress(OSError):
                os.close(number)
        self._descriptors.clear()
