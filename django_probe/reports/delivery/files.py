"""Writes bytes to a path: to a new file that is renamed, in place, or through a descriptor."""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
PATIENCE: Final = 2.0
"""Seconds without progress after which a pipe's reader is given up: the gate answers all the same."""
_STANDSTILL: Final = 0.1
"""Seconds: a reader that takes something more often than this is slow, but does not stand still."""


def replace(path: str, content: bytes) -> None:
    """Write `content` beside `path` and rename it, so that nobody reads half of it; may raise OSError."""
    temporary = _beside(path)
    descriptor = Original.open(temporary, _NEW, 0o666)  # the umask applies as it does to open()
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
    """Do what `replace` will do as far as that leaves no trace, and raise the OSError that it would.

    Permission bits do not tell: root ignores them, and a file system may be read-only. Only trying tells.
    """
    temporary = _beside(path)
    Original.close(Original.open(temporary, _NEW, 0o666))
    Path(temporary).unlink()


def _beside(path: str) -> str:
    # Not `path` with a suffix: that may be longer than a name can be.
    return str(Path(path).with_name(f".probe-{os.urandom(8).hex()}.tmp"))


def write_in_place(path: str, content: bytes) -> None:
    """Write over what is at `path` without replacing it (a mount, a device, a pipe); may raise OSError."""
    # O_NONBLOCK: opening a pipe that nobody reads would wait for ever.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = Original.open(path, flags, 0o666)
    try:
        write_all(descriptor, content)
    finally:
        Original.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`. Raise OSError if that fails or the reader of a pipe stands still."""
    if write_some(descriptor, content, PATIENCE):
        raise OSError(errno.ETIMEDOUT, "nobody reads the other end of the pipe")


def write_some(descriptor: int, content: bytes, patience: float) -> bytes:
    """Write what is taken, and return the rest; a reader may stand still for `patience` seconds in total."""
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
                    # No more than a writable pipe has room for: the descriptor may block, because others share it.
                    rest = rest[Original.write(own, rest[: select.PIPE_BUF]) :]
                    continue
            except BlockingIOError:  # another writer was faster, or a terminal has less room
                Original.sleep(min(patience, _STANDSTILL))
            if (patience := patience - _STANDSTILL) <= 0:
                break
    return content if len(rest) == len(content) else bytes(rest)


def has_reader(descriptor: int) -> bool:
    """Return whether a reader may be slow there: it is a pipe, a socket or a terminal."""
    mode = Original.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


@contextmanager
def _not_blocking(descriptor: int) -> Iterator[int]:
    """Open what is behind `descriptor` again, not blocking: changing that one would change it for a shell too."""
    try:
        own = Original.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:  # it is a socket, another user's, or nobody has the other end open
        yield descriptor
        return
    try:
        yield own
    finally:
        Original.close(own)


def descriptor_of(stream: TextIO | None) -> int | None:
    """Return the descriptor of `stream`; None where it is in memory, as `call_command()` may be given one, or none."""
    try:
        return stream.fileno() if stream is not None else None
    except (AttributeError, OSError, ValueError):  # what settings put in its place may be no file
        return None


def settle(stream: TextIO | None) -> None:
    """Write what `stream` holds, or drop that if it breaks or nobody reads: then Python can exit with our code."""
    if stream is None:  # Python's own sign that the descriptor was closed from the start
        return
    try:
        flush(stream)
    except (OSError, ValueError):
        let_go(stream)


def relieve(stream: TextIO | None) -> None:
    """Write what `stream` holds, or throw it away: the stream stays, and its next flush waits for nobody."""
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
    """Write what `stream` holds. Raise OSError if that fails or the reader of a pipe stands still."""
    descriptor = descriptor_of(stream)
    if descriptor is not None and has_reader(descriptor):
        writable = Original.poll()
        writable.register(descriptor, select.POLLOUT)
        if not writable.poll(PATIENCE * 1000):
            raise OSError(errno.ETIMEDOUT, "nobody reads the other end of the pipe")
    stream.flush()


def pour(stream: TextIO | None, content: bytes) -> None:
    """Write what `stream` holds and then all of `content`. Raise OSError if that fails, and drop what is left."""
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
    """Discard what a broken stream still holds, to /dev/null.

    Python flushes it once more at exit. If that fails, it exits with 120 in place of the verdict.
    """
    try:
        null = Original.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        Original.dup2(null, stream.fileno())
        Original.close(null)
    except (OSError, ValueError):
        return  # it has no descriptor, or is closed: then there is nothing to flush


def own_descriptor(status: os.stat_result, stdout: int = 1) -> int | None:
    """Return `stdout` or 2 if our standard output or error goes to the file of `status`.

    /dev/stdout is such a file. Opened anew, it would overwrite the start of a log that others append to, and a
    socket cannot be opened at all. So it is written through the open descriptor.
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
