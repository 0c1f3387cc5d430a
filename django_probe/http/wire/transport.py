"""The library's connections, with the times of their parts and an end in time; and what its errors mean, in a sentence.

A time limit of a socket is for each read alone: an answer that comes byte by byte would never be over.
"""

from __future__ import annotations

import io
import re
import ssl
import time
from contextlib import contextmanager
from functools import partial
from http.client import (
    BadStatusLine,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    LineTooLong,
    RemoteDisconnected,
)
from typing import TYPE_CHECKING, Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import InvalidHeader, LocationParseError

from django_probe.http.response import Times
from django_probe.http.wire.bodies import BrokenBodyError
from django_probe.http.wire.connecting import UnreachableError, certificate_end, connect, left, trust

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

_AT_ONCE: Final = 16
"""Connections to one server that are kept; more are made where more threads ask."""
_SWITCHING: Final = 101
_FINAL: Final = 200
_BROKEN: Final = ("MissingHeaderBodySeparatorDefect", "FirstHeaderLineIsContinuationDefect")
_LONGEST: Final = 200
_MOST_SHOWN: Final = 80
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.\d [1-9]\d\d(?: [^\n]*)?\r?\n")
_LENGTH: Final = re.compile(r"\d{1,18}", re.ASCII)


class BadAnswerError(HTTPException):
    """What came is not as HTTP has it; the message is a clause."""


class StaleError(ConnectionError):
    """A connection that was used before had been closed meanwhile: nothing of an answer came."""


class _InTime(io.RawIOBase):
    """The bytes of a socket, each read of which has what is left of the time."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock, self._until = sock, until
        self._bytes = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._until:
            raise TimeoutError
        self._sock.settimeout(left(self._until))
        try:
            return self._bytes.readinto(buffer)
        except ssl.SSLEOFError:
            raise BrokenBodyError("it tells no length, and TLS ended without saying that this was all") from None

    def needs_an_end(self) -> None:
        """Take the end of the connection no longer for that of what is sent, unless TLS says so (RFC 9112, 9.8)."""
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.suppress_ragged_eofs = False  # type: ignore[attr-defined] # typeshed lacks it

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _Lines(io.BufferedReader):
    """What is read of an answer; its head is refused where readers could take it for different ones, or it is cut off.

    The library takes a head that ends anywhere for a whole one, `2_00` for a status, and a CR for the end of a line.
    """

    in_head = True
    is_first = True

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        if not self.in_head or len(line) == size:  # a line that is too long: the library says so
            return line
        is_first, self.is_first = self.is_first, False
        if is_first and line.startswith(b"HTTP/") and not _STATUS_LINE.fullmatch(line):
            raise BadStatusLine(line.decode("latin-1"))
        if not line.endswith(b"\n") and (line or not is_first):
            raise BadAnswerError("its headers are cut off")
        if b"\0" in line or b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
            raise BadAnswerError("there is a NUL or a CR within one of its headers")
        return line


class _Answer(HTTPResponse):
    """An answer that ends in time, and that is refused where two readers could take it for different ones."""

    fp: _Lines

    def __init__(self, sock: socket.socket, *arguments: Any, until: float, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self._in_time = _InTime(sock, until)
        self.fp = _Lines(self._in_time)

    def begin(self) -> None:
        lines = self.fp
        super().begin()
        while self.status < _FINAL:  # early hints, say; the library knows 100 alone
            if self.status == _SWITCHING:
                raise BadAnswerError("it switches to another protocol, for which nobody asked")
            self.headers = self.msg = None  # type: ignore[assignment] # as before the first
            lines.is_first = True
            super().begin()
        lines.in_head = False
        if any(type(defect).__name__ in _BROKEN for defect in self.msg.defects):
            raise BadAnswerError("one of its headers is none")
        coding = ", ".join(self.headers.get_all("Transfer-Encoding", ()))
        if coding and coding.strip().lower() != "chunked":
            raise BadAnswerError(f"its Transfer-Encoding is {coding[:_MOST_SHOWN]!r}, for which nobody asked")
        lengths = {length.strip() for line in self.headers.get_all("Content-Length", ()) for length in line.split(",")}
        if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
            raise BadAnswerError(f"its Content-Length is {', '.join(sorted(lengths))[:_MOST_SHOWN]!r}, not one number")
        if self.length is None and not self.chunked:
            self._in_time.needs_an_end()


class _Timed:
    """A connection that keeps the times of its parts in `times`."""

    times: Times
    _dns_host: str
    port: int
    timeout: Any
    response_class: Any
    _until = 0.0
    _began = 0.0
    _fresh = False

    def _new_conn(self) -> socket.socket:
        self.times, self._fresh = Times(), True
        self._until = time.monotonic() + self.timeout
        return connect(self._dns_host, self.port, self.timeout, self.times)

    def request(self, *arguments: Any, **options: Any) -> None:
        if self._fresh:  # it was just connected, with TLS
            self.timeout = left(self._until)
        elif self._began:  # it is used again, and has nothing to look up
            self.times = Times()
        with self._stale():
            super().request(*arguments, **options)  # type: ignore[misc] # of the library's class beside it
        self._began = time.monotonic()

    def getresponse(self) -> Any:
        self.response_class = partial(_Answer, until=time.monotonic() + self.timeout)
        with self._stale():
            response = super().getresponse()  # type: ignore[misc] # as above
        self._fresh = False
        self.times.first_byte = time.monotonic() - self._began
        return response

    @contextmanager
    def _stale(self) -> Iterator[None]:
        try:
            yield
        except ConnectionError as error:
            if self._fresh:
                raise
            raise StaleError(*error.args) from error


class _Plain(_Timed, HTTPConnection):
    pass


class _Secure(_Timed, HTTPSConnection):
    certificate_ends = None

    def connect(self) -> None:
        began = time.monotonic()
        super().connect()
        self.times.tls = time.monotonic() - began - (self.times.dns or 0.0) - (self.times.connect or 0.0)
        self.certificate_ends = certificate_end(self.sock)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def new_pools(scheme: str) -> urllib3.PoolManager:
    """Return pools of connections for a scheme; with TLS they verify certificate and name."""
    secure: dict[str, Any] = {"ssl_context": trust()} if scheme == "https" else {}
    pools = urllib3.PoolManager(maxsize=_AT_ONCE, **secure)
    pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return pools


_MEANINGS: Final[tuple[tuple[Any, str], ...]] = (
    (UnreachableError, "{error}"),
    (BrokenBodyError, "no whole answer: {said}"),
    ((BadAnswerError, InvalidHeader), "no answer of HTTP: {said}"),
    (ssl.SSLCertVerificationError, "its certificate was refused: {error.verify_message}"),
    (ssl.SSLError, "no TLS: {error.reason}"),
    ((TimeoutError, urllib3.exceptions.TimeoutError), "no answer within {timeout:g} s"),
    ((RemoteDisconnected, StaleError), "no answer: the connection was closed before one came"),
    (ConnectionError, "no answer: {error.strerror}"),
    (IncompleteRead, "its body ended before all of it had come"),
    (LineTooLong, "no answer of HTTP: a line of it is longer than 64 KiB"),
    (BadStatusLine, "no answer of HTTP: it begins with {said!r}"),
    (LocationParseError, "there is no such URL"),
    (HTTPException, "no answer of HTTP: {said}"),
)
"""What each kind of error means, the first that is found."""


def is_stale(error: BaseException) -> bool:
    """Return whether an error is that of a connection which had been closed before it was used again."""
    return any(isinstance(cause, StaleError) for cause in _causes(error))


def why(error: BaseException, timeout: float) -> str:
    """Return why there is no answer: what is at the bottom of the library's exceptions, as a clause."""
    causes = list(_causes(error))
    for cause in causes:
        for kinds, meaning in _MEANINGS:
            if isinstance(cause, kinds):
                return meaning.format(error=cause, said=_line(cause), timeout=timeout)
    said = _line(causes[-1])
    return f"no answer: {type(causes[-1]).__name__}{f': {said}' if said else ''}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:_LONGEST]


def _causes(error: Any) -> Iterator[BaseException]:
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        yield error
        inside = [each for each in (getattr(error, "reason", None), *error.args) if isinstance(each, BaseException)]
        error = inside[0] if inside else error.__cause__ or error.__context__
