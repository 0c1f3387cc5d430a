"""What answers in these tests: a server of plain sockets that says, byte for byte, what it is told."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress

import pytest

OK = b"HTTP/1.1 200 OK\r\n"


class Server:
    """Answers each request with the next of its answers, the last again and again; `asked` has what came.

    An answer is bytes, after which the connection is closed, or a function that is called with the connection.
    """

    def __init__(self, listener, answers):
        """Answer at a socket that listens."""
        self.answers = list(answers)
        self.asked = []
        self.over = threading.Event()
        self.secured = lambda connection: connection  # that of TLS, where it is spoken
        self.says_end = False
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def serve(self):
        """Take connections until the socket is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            threading.Thread(target=self._answer, args=(connection, answer), daemon=True).start()

    def _answer(self, connection, answer):
        with suppress(OSError), self.secured(connection) as secured:
            self.asked.append(_request(secured))
            if callable(answer):
                answer(secured)
            else:
                secured.sendall(answer)
            if self.says_end:
                secured.unwrap()

    def each(self, part, before=b""):
        """Return an answer that never ends: `before`, then `part` again and again, with a little time between."""

        def answer(connection):
            connection.sendall(before)
            while not self.over.wait(0.01):
                connection.sendall(part)

        return answer


def _request(connection):
    """Read one request, with its body where its length is told."""
    came = b""
    while b"\r\n\r\n" not in came:
        more = connection.recv(1 << 16)
        if not more:
            return came.decode("latin-1")
        came += more
    head, _, body = came.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(1 << 16)
    return (head + b"\r\n\r\n" + body).decode("latin-1")


@contextmanager
def serving(*answers):
    """Answer so, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener, answers)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture
def serve():
    """What starts a server that answers so."""
    started = []

    def start(*answers):
        manager = serving(*answers)
        started.append(manager)
        return manager.__enter__()

    yield start
    for manager in started:
        manager.__exit__(None, None, None)


class Clock:
    """A clock, in place of the module `time`, that goes on while somebody sleeps, and at no other time."""

    def __init__(self):
        """Begin at nought."""
        self.now = 0.0

    def monotonic(self):
        """Return the seconds until now."""
        return self.now

    def sleep(self, seconds):
        """Let these seconds be over."""
        self.now += seconds


def page(body=b"ok", *headers, status=b"200 OK"):
    """Return a whole answer with a length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)
