"""What the processes of a run say to each other: JSON arrays, one a line, the kind of message first.

JSON and not pickle: the judge must be able to read what a process that ran probe code wrote and be harmed by none
of it.

From the loader: `module` (label, name) before each import, `usage` (message), `broken` (message, details), `changed`
(modules whose import changed the process), `selected` (total, digest, warnings), `probes` (a batch), `loaded` (one
more warning, or nothing). To the loader: a byte, with the four descriptors of each worker that it is to fork.

To a worker: `run` (units of indices), `stop` (index, fixture's label or None). From a worker: `hello` (pid, token),
`fixture` (label, indices that depend on it), `fixture_done`, `interrupted`, `result` (index, outcome, began, duration,
message, details, logs, attachments, secrets that its output may have), `passed` (index, began, duration) where there is
nothing else to say, `fixture_problem` (label, then as `result`), `done` after a unit with fixtures, `bye`. Both times
are whole microseconds, which are written and read faster than fractions.
"""

from __future__ import annotations

import select
import signal
import socket
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django_probe.process.originals import Original

if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812 (as `socket.socket`, the module has this name too)
    from collections.abc import Iterator

Message: TypeAlias = list[Any]
INTERRUPT: Final = getattr(signal, "SIGRTMIN", 0) + 6
"""The signal that makes a worker read, while a probe runs, whether `stop` is meant for it."""
MICROSECONDS: Final = 1_000_000
"""In a second."""
LAST_CALL: Final = getattr(signal, "SIGRTMIN", 0) + 8
"""The signal that tells a process of the run that it is killed next; see `worker.last_call`."""
MOST_AT_ONCE: Final = 4
"""Workers that the loader is asked for with one message: one process forks them all. With more of them the first
would wait longer, because none begins before that process has ended."""
_CHUNK = 1 << 18
OF_WORKERS: Final = 1 << 25
"""Bytes that a message of a worker may have: several times those of all that a probe may say and attach."""
_LONGEST: Final = 1 << 28


class Channel:
    """One end of a stream socket that carries messages; `closed` once the other end is gone.

    What is no message, or has more than `longest` bytes, closes it as well, and `garbled` says so: somebody else wrote
    there.
    """

    def __init__(self, sock: Socket, longest: int = _LONGEST) -> None:
        sock.settimeout(None)  # the project may have set a default for its own
        self.sock = sock
        self.closed = False
        self.garbled = False
        self._longest = longest
        self._begun = bytearray()
        self._inbox: list[Message] = []

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self.sock.fileno()

    def send(self, *message: object) -> None:
        """Send a message; OSError where the other end is gone."""
        self.sock.sendall(f"{Original.encode(message)}\n".encode("ascii"))

    def send_passed(self, index: int, began: int, duration: int) -> None:
        """Send `passed`, as `send` would and sooner: of most runs most messages are this one."""
        self.sock.sendall(b'["passed",%d,%d,%d]\n' % (index, began, duration))

    def receive(self) -> Message | None:
        """Wait for a message; None once the other end is gone."""
        while not self._inbox and not self.closed:
            self._inbox.extend(self._read(0))
        return self._inbox.pop(0) if self._inbox else None

    def poll(self) -> list[Message]:
        """Return the messages that are here now, without waiting; they are taken."""
        self._inbox.extend(self._read(socket.MSG_DONTWAIT))
        messages, self._inbox = self._inbox, []
        return messages

    @property
    def readable(self) -> bool:
        """Whether something is here that was not read yet, be it the other end's end."""
        poll = Original.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def keep(self, messages: list[Message]) -> None:
        """Put back messages that `poll` gave, for `receive`."""
        self._inbox[:0] = messages

    def _read(self, flags: int) -> Iterator[Message]:
        try:
            chunk = self.sock.recv(_CHUNK, flags)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.closed = True
        *lines, begun = chunk.split(b"\n")
        if lines and self._begun:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += begun
        if len(self._begun) > self._longest:
            self._begun.clear()
            self.closed = self.garbled = True
        try:
            for line in lines:
                kind, *rest = Original.decode(line.decode("ascii"))
                yield [kind, *rest]
        except (ValueError, TypeError, RecursionError):
            self.closed = self.garbled = True

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        self.sock.close()
