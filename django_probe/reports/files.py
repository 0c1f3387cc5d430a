"""Ways to bring bytes to where a path points: beside it and renamed, in place, or by a descriptor."""

from __future__ import annotations

import errno
import os
import secrets
import select
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_PATIENCE: Final = 2.0
"""Seconds that a reader of a pipe may take nothing before it is given up: the gate answers all the same."""


def replace(path: str, content: bytes) -> None:
    """Write `content` beside `path` and rename it, so that nobody reads half of it; may raise OSError."""
    temporary = _beside(path)
    descriptor = os.open(temporary, _NEW, 0o666)  # the umask makes of it what open() would
    try:
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_replaceable(path: str) -> None:
    """Do what `replace` will do as far as it leaves no trace; raises the OSError that it would.

    Permission bits say nothing to root and nothing of a read-only file system: only trying does.
    """
    temporary = _beside(path)
    os.close(os.open(temporary, _NEW, 0o666))
    Path(temporary).unlink()


def _beside(path: str) -> str:
    # A name of its own, not `path` and a suffix: that may be longer than a name can be.
    return str(Path(path).with_name(f".probe-{secrets.token_hex(8)}.tmp"))


def write_in_place(path: str, content: bytes) -> None:
    """Write over what is at `path`, which stays the same (a mount, a device, a pipe); may raise OSError."""
    # O_NONBLOCK: to open a pipe that nobody reads would wait for ever.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags, 0o666)
    try:
        write_all(descriptor, content)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`; OSError where that fails, or where the reader of a pipe stands still."""
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            if not select.select([], [descriptor], [], _PATIENCE)[1]:
                raise OSError(errno.ETIMEDOUT, "nobody reads the other end of the pipe") from None


def let_go(stream: TextIO) -> None:
    """Give what a broken stream still holds to /dev/null.

    Python flushes it once more at exit, and where that fails, exits with 120 in place of the verdict.
    """
    try:
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        return  # it has no descriptor, or is closed: then there is nothing to flush


def own_descriptor(status: os.stat_result) -> int | None:
    """Give 1 or 2 where the file of `status` is what our standard output or error goes to.

    /dev/stdout is such a file. Opened anew it would begin at the start of a log that is being appended to,
    and a socket could not be opened at all: it is written through the descriptor that is open.
    """
    for descriptor in (1, 2):
        try:
            if os.path.samestat(os.fstat(descriptor), status):
                return descriptor
        except OSError:
            continue  # it is closed
    return None


def is_regular(status: os.stat_result) -> bool:
    """Whether the file of `status` is an ordinary one, which can be removed and replaced."""
    return stat.S_ISREG(status.st_mode)
