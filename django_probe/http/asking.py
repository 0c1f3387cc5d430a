"""Asks over HTTP: one pool of connections and one jar of cookies, redirects, and the times of an exchange's parts."""

from __future__ import annotations

import ssl
import time
import urllib.request
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from django_probe.http.connecting import UnreachableError, certificate_end, connect, trust
from django_probe.http.response import Response, Times

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator, Mapping

_MOST_BODY: Final = 2 << 20
_CHUNK: Final = 1 << 16
_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_KEEPS_METHOD: Final = (307, 308)
_OURS: Final = {
    "User-Agent": "django-probe",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",  # a cache's answer would be an old release's
}


class NoAnswerError(Exception):
    """Nothing came that could be judged; `times` are those of the parts that there were."""

    def __init__(self, message: str, times: Times) -> None:
        super().__init__(message)
        self.times = times


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: `timeout` is in seconds, for all of it."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    follow: bool = True
    timeout: float = 10.0


class _Timed:
    """A connection that keeps the times of its parts in `times`."""

    times: Times
    _dns_host: str
    port: int
    timeout: Any
    _began = 0.0
    _fresh = False

    def _new_conn(self) -> socket.socket:
        self.times, self._fresh = Times(), True
        return connect(self._dns_host, self.port, self.timeout, self.times)

    def request(self, *arguments: Any, **options: Any) -> None:
        if self._began and not self._fresh:  # it is used again, and has nothing to look up
            self.times = Times()
        self._fresh = False
        super().request(*arguments, **options)  # type: ignore[misc] # of the library's class beside it
        self._began = time.monotonic()

    def getresponse(self) -> Any:
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


def prepare(urls: Iterable[str]) -> None:
    """Read the certificates that are trusted, once for all processes that are forked later, if TLS may be asked for."""
    if not all(url.startswith("http://") for url in urls):
        trust()


class Browser:
    """Asks one question after the other, with one pool of connections and one jar of cookies; a context manager."""

    def __init__(self) -> None:
        self._plain = urllib3.PoolManager()
        self._plain.pool_classes_by_scheme = {"http": _PlainPool}
        self._jar = CookieJar()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._plain.clear()
        if "_secure" in self.__dict__:
            self._secure.clear()

    @cached_property
    def _secure(self) -> urllib3.PoolManager:
        pools = urllib3.PoolManager(ssl_context=trust())
        pools.pool_classes_by_scheme = {"https": _SecurePool}
        return pools

    def ask(self, question: Question) -> Response:
        """Return the answer, of the last redirect where they are followed; NoAnswerError where there is none."""
        began = time.monotonic()
        times = Times()
        ends = []
        for _ in range(_MOST_REDIRECTS + 1):
            left = began + question.timeout - time.monotonic()
            answer = self._exchange(question, left, times)
            times = answer.times
            ends += [answer.certificate_ends] if answer.certificate_ends else []
            location = answer.headers.get("location")
            if not question.follow or answer.status not in _REDIRECTS or not location:
                times.whole = time.monotonic() - began
                return replace(answer, certificate_ends=min(ends, default=None))
            question = _redirected(question, answer.status, location, times)
        raise NoAnswerError(f"more than {_MOST_REDIRECTS} redirects, the last to {_bare(question.url)}", times)

    def _exchange(self, question: Question, left: float, times: Times) -> Response:
        if left <= 0:
            raise NoAnswerError(f"no answer within {question.timeout:g} s, redirects included", times)
        parts = urlsplit(question.url)
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
        headers = {**_OURS, **_authorization(parts), **question.headers}
        body = None
        if question.form is not None:
            body = urlencode(question.form)
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        asked = urllib.request.Request(url, headers=headers, method=question.method)  # noqa: S310 (never opened: it is what the jar reads)
        self._jar.add_cookie_header(asked)
        if "Cookie" in asked.unredirected_hdrs:
            headers["Cookie"] = asked.unredirected_hdrs["Cookie"]
        until = time.monotonic() + left
        try:
            pools = self._secure if parts.scheme == "https" else self._plain
            response = pools.urlopen(
                question.method,
                url,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=left),
            )
            connection: Any = response.connection
            times, ends = connection.times, getattr(connection, "certificate_ends", None)
            self._jar.extract_cookies(response, asked)  # type: ignore[arg-type]
            content, cut = _read(response, until)
        except (HTTPError, OSError, ValueError) as error:
            raise NoAnswerError(_why(error, question.timeout), times) from error
        return Response(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
            url=url,
            cut=cut,
            times=times,
            certificate_ends=ends,
        )


def _read(response: urllib3.BaseHTTPResponse, until: float) -> tuple[bytes, bool]:
    content = bytearray()
    # What is there by now, and no more: a body that drips would else hold it for a whole chunk.
    while chunk := response.read1(_CHUNK):
        content += chunk
        if time.monotonic() > until:
            response.close()
            raise TimeoutError
        if len(content) > _MOST_BODY:
            response.close()
            return bytes(content[:_MOST_BODY]), True
    response.release_conn()
    return bytes(content), False


def _redirected(question: Question, status: int, location: str, times: Times) -> Question:
    """Return the question that a redirect asks; what was sent for one host alone is not sent to another."""
    try:
        url = urljoin(question.url, location)
        before, after = urlsplit(question.url), urlsplit(url)
        elsewhere = (after.scheme, after.hostname, after.port) != (before.scheme, before.hostname, before.port)
    except ValueError as error:  # a port out of range, or a bracket that is not closed
        raise NoAnswerError(f"it redirects to {_bare(location)}, which is no URL: {error}", times) from None
    if after.scheme not in ("http", "https"):
        raise NoAnswerError(f"it redirects to {_bare(url)}, which is no URL of HTTP", times)
    if elsewhere:
        question = replace(question, headers={})
    if status not in _KEEPS_METHOD and question.method != "HEAD":
        question = replace(question, method="GET", form=None)
    return replace(question, url=url)


def _bare(url: str) -> str:
    """Return a URL without its user, password and parameters, cut to what fits in a line."""
    scheme, mark, rest = url.partition("?")[0].partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"[:200]


def _authorization(parts: Any) -> dict[str, str]:
    """Return the header for the user info of a URL, as browsers do (RFC 7617)."""
    if parts.username is None:
        return {}
    made = urllib3.make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    return {"Authorization": made["authorization"]}


def _why(error: BaseException, timeout: float) -> str:
    """Return why there is no answer: what is at the bottom of the library's exceptions."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, UnreachableError):
            return str(cause)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate was refused: {cause.verify_message}"
        if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError):
            return f"no answer within {timeout:g} s"
    last = causes[-1]
    said = " ".join(str(last).split())[:200]
    return f"no answer: {type(last).__name__}{f': {said}' if said else ''}"


def _causes(error: Any) -> Iterator[BaseException]:
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        yield error
        inside = [each for each in (getattr(error, "reason", None), *error.args) if isinstance(each, BaseException)]
        error = inside[0] if inside else error.__cause__ or error.__context__
