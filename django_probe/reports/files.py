"""Ways to bring bytes to where a path points: beside it and renamed, in place, or by a descriptor."""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_probe.originals import Original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
PATIENCE: Final = 2.0
"""Seconds that a reader of a pipe may take nothing before it is given up: the gate answers all the same."""
_STANDSTILL: Final = 0.1
"""A reader that takes something more often than this is slow, and does not stand still."""


def replace(path: str, content: bytes) -> None:
    """Write `content` beside `path` and rename it, so that nobody reads half of it; may raise OSError."""
    temporary = _beside(path)
    descriptor = Original.open(temporary, _NEW, 0o666)  # the umask makes of it what open() would
    try:
        try:
            write_all(descriptor, content)
        finally:
            Original.close(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_replaceable(path: str) -> None:
    """Do what `replace` will do as far as it leaves no trace; raises the OSError that it would.

    Permission bits say nothing to root and nothing of a read-only file system: only trying does.
    """
    temporary = _beside(path)
    Original.close(Original.open(temporary, _NEW, 0o666))
    Path(temporary).unlink()


def _beside(path: str) -> str:
    # A name of its own, not `path` and a suffix: that may be longer than a name can be.
    return str(Path(path).with_name(f".probe-{os.urandom(8).hex()}.tmp"))


def write_in_place(path: str, content: bytes) -> None:
    """Write over what is at `path`, which stays the same (a mount, a device, a pipe); may raise OSError."""
    # O_NONBLOCK: to open a pipe that nobody reads would wait for ever.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = Original.open(path, flags, 0o666)
    try:
        write_all(descriptor, content)
    finally:
        Original.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`; OSError where that fails, or where the reader of a pipe stands still."""
    if write_some(descriptor, content, PATIENCE):
        raise OSError(errno.ETIMEDOUT, "nobody reads the other end of the pipe")


def write_some(descriptor: int, content: bytes, patience: float) -> bytes:
    """Write what is taken, and give the rest; a reader may stand still for `patience` seconds, all together."""
    rest = memoryview(content)
    if not has_reader(descriptor):
        while rest:
            rest = rest[Original.write(descriptor, rest) :]
        return b""
    with _not_blocking(descriptor) as own:
        writable = Original.poll()
        writable.register(own, select.POLLOUT)
        while rest:
            try:
                if writable.poll(min(patience, _STANDSTILL) * 1000):
                    # Not more than a pipe that is writable has room for, where it is not ours alone to unblock.
                    rest = rest[Original.write(own, rest[: select.PIPE_BUF]) :]
                    continue
            except BlockingIOError:  # somebody else was faster, or a terminal has room for less
                Original.sleep(min(patience, _STANDSTILL))
            if (patience := patience - _STANDSTILL) <= 0:
                break
    return content if len(rest) == len(content) else bytes(rest)


def has_reader(descriptor: int) -> bool:
    """Return whether somebody takes, or does not take, what is written there: it is a pipe, a socket or a terminal."""
    mode = Original.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


@contextmanager
def _not_blocking(descriptor: int) -> Iterator[int]:
    """Open what is behind `descriptor` once more: to make that one not block would make it so for others, a shell's."""
    try:
        own = Original.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:  # it is a socket, another user's, or nobody has the other end open
        yield descriptor
        return
    try:
        yield own
    finally:
        Original.close(own)


def descriptor_of(stream: TextIO) -> int | None:
    """Return the descriptor of `stream`; None where it is in memory, as `call_command()` may be given one."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def settle(stream: TextIO | None) -> None:
    """Write what `stream` holds, or let go of it where it breaks or nobody reads: Python may then end as it is told."""
    if stream is None:  # Python's own sign that the descriptor was closed from the start
        return
    try:
        flush(stream)
    except (OSError, ValueError):
        let_go(stream)


def relieve(stream: TextIO | None) -> None:
    """Write what `stream` holds, or throw it away: it stays as it is, and to flush it once more waits for nobody."""
    if stream is None:
        return
    try:
        flush(stream)
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            kept = Original.dup(stream.fileno())
            let_go(stream)
            stream.flush()
            Original.dup2(kept, stream.fileno())
            Original.close(kept)


def flush(stream: TextIO) -> None:
    """Write what `stream` holds; OSError where that fails, or where the reader of a pipe stands still."""
    descriptor = descriptor_of(stream)
    if descriptor is not None and has_reader(descriptor):
        writable = Original.poll()
        writable.register(descriptor, select.POLLOUT)
        if not writable.poll(PATIENCE * 1000):
            raise OSError(errno.ETIMEDOUT, "nobody reads the other end of the pipe")
    stream.flush()


def pour(stream: TextIO | None, content: bytes) -> None:
    """Write what `stream` holds and then all of `content`; OSError where that fails, and the stream is let go of."""
    if stream is None:  # Python's own sign that the descriptor was closed from the start
        raise OSError("standard output is closed")
    try:
        flush(stream)
        if (descriptor := descriptor_of(stream)) is None:
            stream.write(content.decode())
        else:
            write_all(descriptor, content)  # in UTF-8, whatever the locale
    except OSError:
        let_go(stream)
        raise


def let_go(stream: TextIO) -> None:
    """Give what a broken stream still holds to /dev/null.

    Python flushes it once more at exit, and where that fails, exits with 120 in place of the verdict.
    """
    try:
        null = Original.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        Original.dup2(null, stream.fileno())
        Original.close(null)
    except (OSError, ValueError):
        return  # it has no descriptor, or is closed: then there is nothing to flush


def own_descriptor(status: os.stat_result, stdout: int = 1) -> int | None:
    """Return `stdout` or 2 where the file of `status` is what our standard output or error goes to.

    /dev/stdout is such a file. Opened anew it would begin at the start of a log that is being appended to,
    and a socket could not be opened at all: it is written through the descriptor that is open.
    """
    for descriptor in (stdout, 2):
        try:
            if os.path.samestat(Original.fstat(descriptor), status):
                return descriptor
        except OSError:
            continue  # it is closed
    return None


def is_regular(status: os.stat_result) -> bool:
    """Return whether the file of `status` is an ordinary one, which can be removed and replaced."""
    return stat.S_ISREG(status.st_mode)
