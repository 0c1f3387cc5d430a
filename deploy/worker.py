"""The worker of the container's server: gunicorn's threads, which slow clients cannot keep.

gthread hands a connection to a thread when it comes, and the thread waits for the request. Eight clients that send half
a request then hold all threads, and kubelet restarts the pod. Here the main thread does all the waiting.
"""

from __future__ import annotations

import errno
import resource
import selectors
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gunicorn.workers.gthread import ThreadWorker

from deploy.connections import Connection, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

# Seconds.
REQUEST_WITHIN: Final = 30  # from its first byte to its last
TAKES_WITHIN: Final = 30  # in which a client takes something of its answer
LINGER: Final = 2  # in which a client may close first, so that the answer is not lost with the connection

MOST_HELD: Final = 64 * 1024 * 1024  # bytes that all clients of a worker may leave in its memory
DESCRIPTORS: Final = 100  # that are not for connections: databases, files, pipes

_FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class PatientWorker(ThreadWorker):
    """Reads and writes in its main thread, and gives a thread nothing but whole requests.

    Who dawdles is dropped, and where there is no room for another connection, the one that has waited longest.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit != resource.RLIM_INFINITY:
            self.worker_connections = max(self.cfg.threads + 1, min(self.worker_connections, limit - DESCRIPTORS))
        self._waiting: dict[Connection, int] = {}  # the bytes that each holds, the longest wait first
        self._held = 0
        self._looked = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """End with one line and exit code 2 if the options want what this worker does not speak."""
        del log
        if cfg.is_ssl or cfg.proxy_protocol != "off" or cfg.protocol != "http" or "h2" in cfg.http_protocols:
            sys.stderr.write(
                "serve: this server speaks HTTP/1.1 alone; add --worker-class gthread for TLS, HTTP/2, "
                "the PROXY protocol or uWSGI's: then a proxy has to keep slow clients away\n"
            )
            sys.exit(2)

    def init_process(self) -> None:
        """Prepare the process and serve; see gunicorn's Worker."""
        # Where all threads wait for a database that is gone, kubelet still has its answers.
        self._kubelets = ThreadPoolExecutor(2)
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Take a new connection, and drop the one that waits longest if there is no room."""
        try:
            stream, client = listener.accept()
        except OSError as error:
            if error.errno in _FULL and self._waiting:
                self._drop(next(iter(self._waiting)))
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, stream, client, listener.getsockname())
        # At the limit gunicorn would take no connection any more.
        while self.nr_conns >= self.worker_connections and self._waiting:
            self._drop(next(iter(self._waiting)))
        self._wait(connection, selectors.EVENT_READ, self._read, REQUEST_WITHIN)

    def _wait(self, connection: Connection, event: int, step: Callable[[Connection], None], seconds: float) -> None:
        """Call `step` whenever the client has sent or taken something, and drop it after these seconds."""
        if not self.alive and event == selectors.EVENT_READ:
            seconds = min(seconds, LINGER)
        connection.timeout = time.monotonic() + seconds
        self._waiting[connection] = 0
        self.poller.register(connection.stream, event, partial(self._go_on, step, connection))
        self._weigh(connection)

    def _go_on(self, step: Callable[[Connection], None], connection: Connection, _stream: Any) -> None:
        if connection in self._waiting:  # it may have been dropped since it was seen
            step(connection)

    def _weigh(self, connection: Connection) -> None:
        """Count what a connection that waits holds in memory, and drop the largest ones if all hold too much."""
        self._held += connection.held - self._waiting[connection]
        self._waiting[connection] = connection.held
        while self._held > MOST_HELD:
            self._drop(max(self._waiting, key=self._waiting.__getitem__))

    def _leave(self, connection: Connection) -> None:
        if connection in self._waiting:
            self._held -= self._waiting.pop(connection)
            self.poller.unregister(connection.stream)

    def _drop(self, connection: Connection) -> None:
        self._leave(connection)
        self.nr_conns -= 1
        connection.stream.close()

    def _read(self, connection: Connection) -> None:
        first = not connection.received
        try:
            connection.receive()
        except OSError:
            self._drop(connection)
            return
        if first:
            connection.timeout = min(connection.timeout, time.monotonic() + REQUEST_WITHIN)
        if not self._hand_over(connection):
            if connection.ended:
                self._drop(connection)
            else:
                self._weigh(connection)

    def _hand_over(self, connection: Connection) -> bool:
        """Give a thread the request if all of it is there; return whether the main thread has no more to read."""
        try:
            request = connection.take()
        except RefusedError as refusal:
            answer = f"HTTP/1.1 {refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            connection.keeps = False
            with suppress(OSError):  # _answered finds it again
                connection.sock.sendall(answer.encode("ascii"))
            self._leave(connection)
            self._answered(connection)
            return True
        except OSError:  # it took no "100 Continue"
            self._drop(connection)
            return True
        if request is None:
            return False
        self._leave(connection)
        pool = self._kubelets if is_kubelets(_path(request)) else self.tpool
        pool.submit(self.handle, connection).add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, connection, done)
        )
        return True

    def finish_request(self, connection: Connection, done: Future[Any]) -> None:
        """Go on with a connection whose request was answered."""
        connection.keeps = not done.cancelled() and not done.exception() and done.result() is True
        self._answered(connection)

    def _answered(self, connection: Connection) -> None:
        """Wait for what comes after an answer: that it is taken, the next request, or the end."""
        try:
            connection.sock.push()
            if connection.sock.left:
                self._wait(connection, selectors.EVENT_WRITE, self._write, TAKES_WITHIN)
            elif not connection.keeps:
                connection.stream.shutdown(socket.SHUT_WR)
                connection.received.clear()
                self._wait(connection, selectors.EVENT_READ, self._linger, LINGER)
            elif not self._hand_over(connection):
                seconds = REQUEST_WITHIN if connection.received else self.cfg.keepalive
                self._wait(connection, selectors.EVENT_READ, self._read, seconds)
        except OSError:
            self._drop(connection)

    def _write(self, connection: Connection) -> None:
        before = connection.sock.left
        try:
            connection.sock.push()
        except OSError:
            self._drop(connection)
            return
        if not connection.sock.left:
            self._leave(connection)
            self._answered(connection)
        elif connection.sock.left < before:
            connection.timeout = time.monotonic() + TAKES_WITHIN
            self._weigh(connection)

    def _linger(self, connection: Connection) -> None:
        """Throw away what a client sends behind its last request, until it closes."""
        with suppress(OSError):
            connection.receive()
            if not connection.ended:
                connection.received.clear()
                return
        self._drop(connection)

    def murder_pending(self) -> None:
        """Drop who took too long. Gunicorn calls this whenever it has waited, and at least once a second."""
        now = time.monotonic()
        if now < self._looked + 1:
            return
        self._looked = now
        for connection in [waits for waits in self._waiting if waits.timeout <= now]:
            self._drop(connection)

    def _cap_keepalive(self, deadline: float) -> None:
        """Have no client that still sends hold a worker that stops. Gunicorn calls this when it stops."""
        for connection in self._waiting:
            if not connection.sock.left:
                connection.timeout = min(connection.timeout, deadline)


def is_kubelets(path: str) -> bool:
    """Return whether a path is one that kubelet asks for all the time."""
    from django_probe import conf  # noqa: PLC0415 (Django's settings are for those who answer requests)

    prefix = conf.url_prefix()
    return path.removesuffix("/") in (f"{prefix}live", f"{prefix}ready")


def _path(request: bytes) -> str:
    parts = request[:256].split(None, 2)
    return parts[1].decode("latin-1").partition("?")[0] if len(parts) > 1 else ""
