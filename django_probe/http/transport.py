"""The library's connections, with the times of their parts and an end in time; and what its errors mean, in a sentence.

A time limit of a socket is for each read alone: an answer that comes byte by byte would never be over.
"""

from __future__ import annotations

import io
import ssl
import time
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
from urllib3.exceptions import DecodeError, InvalidHeader, LocationParseError

from django_probe.http.bodies import BrokenBodyError
from django_probe.http.connecting import UnreachableError, certificate_end, connect, left, trust
from django_probe.http.response import Times

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

_AT_ONCE: Final = 16
"""Connections to one server that are kept; more are made where more threads ask."""
_SWITCHING: Final = 101
_FINAL: Final = 200
_BROKEN: Final = ("MissingHeaderBodySeparatorDefect", "FirstHeaderLineIsContinuationDefect")
_LONGEST: Final = 200


class BadAnswerError(HTTPException):
    """What came is not as HTTP has it; the message is a clause."""


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
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that ends in time, and that is refused where two readers could take it for different ones."""

    def __init__(self, sock: socket.socket, *arguments: Any, until: float, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_InTime(sock, until))

    def begin(self) -> None:
        super().begin()
        while self.status < _FINAL:  # early hints, say; the library knows 100 alone
            if self.status == _SWITCHING:
                raise BadAnswerError("it switches to another protocol, for which nobody asked")
            self.headers = self.msg = None  # type: ignore[assignment] # as before the first
            super().begin()
        if any(type(defect).__name__ in _BROKEN for defect in self.msg.defects):
            raise BadAnswerError("one of its headers is none")
        if (coding := self.headers.get("Transfer-Encoding")) is not None and coding.strip().lower() != "chunked":
            raise BadAnswerError(f"its Transfer-Encoding is {coding[:_LONGEST]!r}, for which nobody asked")
        lengths = {length.strip() for line in self.headers.get_all("Content-Length", ()) for length in line.split(",")}
        if len(lengths) > 1 or any(not (length.isascii() and length.isdigit()) for length in lengths):
            raise BadAnswerError(f"its Content-Length is {', '.join(sorted(lengths))[:_LONGEST]!r}, not one number")


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
        super().request(*arguments, **options)  # type: ignore[misc] # of the library's class beside it
        self._fresh = False
        self._began = time.monotonic()

    def getresponse(self) -> Any:
        self.response_class = partial(_Answer, until=time.monotonic() + self.timeout)
        response = super().getresponse()  # type: ignore[misc] # as above
        self.times.first_byte = time.monotonic() - self._began
        return response


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


def plain_pools() -> urllib3.PoolManager:
    """Return pools of connections without TLS."""
    pools = urllib3.PoolManager(maxsize=_AT_ONCE)
    pools.pool_classes_by_scheme = {"http": _PlainPool}
    return pools


def secure_pools() -> urllib3.PoolManager:
    """Return pools of connections with TLS, which verify certificate and name."""
    pools = urllib3.PoolManager(maxsize=_AT_ONCE, ssl_context=trust())
    pools.pool_classes_by_scheme = {"https": _SecurePool}
    return pools


_MEANINGS: Final[tuple[tuple[Any, str], ...]] = (
    (UnreachableError, "{error}"),
    (BrokenBodyError, "no whole answer: {said}"),
    ((BadAnswerError, InvalidHeader), "no answer of HTTP: {said}"),
    (ssl.SSLCertVerificationError, "its certificate was refused: {error.verify_message}"),
    (ssl.SSLError, "no TLS: {error.reason}"),
    ((TimeoutError, urllib3.exceptions.TimeoutError), "no answer within {timeout:g} s"),
    (RemoteDisconnected, "no answer: the connection was closed before one came"),
    (ConnectionError, "no answer: {error.strerror}"),
    (IncompleteRead, "its body ended before all of it had come"),
    (LineTooLong, "no answer of HTTP: a line of it is longer than 64 KiB"),
    (BadStatusLine, "no answer of HTTP: it begins with {said!r}"),
    (DecodeError, "its body is not as its Content-Encoding says"),
    (LocationParseError, "there is no such URL"),
)
"""What each kind of error means, the first that is found."""


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
