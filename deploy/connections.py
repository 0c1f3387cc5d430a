"""One connection of a client: what has arrived of its request, and what it has not yet taken of its answer.

A thread gets a request when all of it is there, and leaves its answer here. So no thread waits for a client.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from gunicorn import http
from gunicorn.workers.gthread import TConn

if TYPE_CHECKING:
    import socket

# Bytes. A browser's head has some thousands at most, and so has each form of the pages.
MAX_HEAD: Final = 64 * 1024
MAX_BODY: Final = 1024 * 1024

_STEP: Final = 64 * 1024
# Gunicorn refuses a head with bare line feeds. It gets one at once, so that its answer comes at once.
_END: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*([0-9]+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CODED: Final = re.compile(rb"^transfer-encoding:", re.IGNORECASE | re.MULTILINE)
_EXPECTS: Final = re.compile(rb"^expect:[ \t]*100-continue[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class RefusedError(Exception):
    """A request that gets no thread; the message is the status and its reason."""


class Connection(TConn):
    """A connection as gunicorn's threads know it, whose `sock` never keeps them waiting.

    Only one side has it at a time: the worker's main thread, or the thread that answers a request.
    """

    def __init__(self, cfg: Any, stream: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, _Shelf(stream), client, server)
        stream.settimeout(0)
        self.stream = stream
        self.received = bytearray()
        self.ended = False  # the client sends no more
        self.keeps = True  # another request may come
        self.initialized = True  # TConn: there is nothing left to prepare in a thread
        self.parser = http.get_parser(cfg, self.sock, client)
        self._searched = 0  # how far the end of the head was looked for
        self._size: int | None = None  # bytes of the request that arrives, if its head is there

    @property
    def held(self) -> int:
        """Return how many bytes it keeps in memory."""
        return len(self.received) + self.sock.left

    def receive(self) -> None:
        """Read what has arrived. Raise OSError if the connection is broken."""
        try:
            data = self.stream.recv(_STEP)
        except BlockingIOError:
            return
        self.received += data
        self.ended = not data

    def take(self) -> bytes | None:
        """Return the next request if all of it is there. Raise RefusedError if it will not be waited for."""
        if self._size is None and (end := self._end_of_head()) is not None:
            self._size = end + _length_of_body(bytes(self.received[:end]))
            if len(self.received) < self._size and _EXPECTS.search(self.received, 0, end):
                self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._size is None or len(self.received) < self._size:
            return None
        request = bytes(self.received[: self._size])
        del self.received[: self._size]
        self._size, self._searched = None, 0
        self.sock.request = memoryview(request)
        return request

    def _end_of_head(self) -> int | None:
        found = _END.search(self.received, max(0, self._searched - 3))
        self._searched = len(self.received)
        if (found.end() if found else self._searched) > MAX_HEAD:
            raise RefusedError("431 Request Header Fields Too Large")
        return found.end() if found else None


def _length_of_body(head: bytes) -> int:
    if _CODED.search(head):
        # Django reads no body without a length, and asks for none.
        raise RefusedError("411 Length Required")
    digits = found[1].lstrip(b"0") if (found := _LENGTH.search(head)) else b""
    if len(digits) > len(str(MAX_BODY)) or int(digits or b"0") > MAX_BODY:
        raise RefusedError("413 Content Too Large")
    return int(digits or b"0")


class _Shelf:
    """What gunicorn's threads have in place of the socket: the request lies there, and the answer is put there."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._answer: deque[memoryview] = deque()
        self.request = memoryview(b"")
        self.left = 0  # bytes of the answer that the client has not taken

    def recv(self, size: int) -> bytes:
        """Return the next bytes of the request, and none at its end."""
        data, self.request = bytes(self.request[:size]), self.request[size:]
        return data

    def sendall(self, data: bytes) -> None:
        """Send what the client takes at once, and keep the rest. Raise OSError if the connection is broken."""
        self._answer.append(memoryview(data))
        self.left += len(self._answer[-1])
        self.push()

    def send(self, data: bytes) -> int:
        """Send as `sendall` does; return how many bytes that were: all of them."""
        self.sendall(data)
        return len(data)

    def push(self) -> None:
        """Send what the client takes now. Raise OSError if the connection is broken."""
        while self._answer:
            try:
                sent = self._stream.send(self._answer[0])
            except BlockingIOError:
                return
            self.left -= sent
            if sent < len(self._answer[0]):
                self._answer[0] = self._answer[0][sent:]
            else:
                self._answer.popleft()

    def gettimeout(self) -> float:
        """Return 0: nothing here waits."""
        return 0.0

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  (as a socket has it)
        """Do nothing: nothing here waits."""

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: nothing here waits."""

    def shutdown(self, how: int) -> None:
        """Do nothing: the worker's main thread ends the connection."""

    def close(self) -> None:
        """Do nothing: the worker's main thread ends the connection."""
