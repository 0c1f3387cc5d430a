"""Asks over HTTP: one pool of connections and one jar of cookies, redirects, and the times of an exchange's parts."""

from __future__ import annotations

import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import replace
from email.message import Message
from http.client import HTTPException
from http.cookiejar import CookieJar, DefaultCookiePolicy, parse_ns_headers  # type: ignore[attr-defined] # typeshed lacks it
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from django_probe.http.masks import of_json, secrets, without_secrets
from django_probe.http.response import Headers, NoAnswerError, Question, Response, Times
from django_probe.http.wire import bodies
from django_probe.http.wire.connecting import trust
from django_probe.http.wire.transport import is_stale, new_pools, why
from django_probe.process.overheard import overhear

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from http.cookiejar import Cookie
    from urllib.parse import SplitResult

_MOST_REDIRECTS: Final = 10
_MOST_SECRETS: Final = 1000
"""Of one answer, that are masked elsewhere."""
_LONGEST_URL: Final = 200
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_KEEPS_METHOD: Final = (307, 308)
_ASKED_AGAIN: Final = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")
"""Methods that mean the same when they are sent twice (RFC 9110, 9.2.2)."""
_PORTS: Final = {"http": 80, "https": 443}
_OURS: Final = {
    "User-Agent": "django-probe",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",  # a cache's answer would be an old release's
}


def prepare(urls: Iterable[str]) -> None:
    """Do what Python does for the first question that it asks, once for all processes that are forked later.

    It compiles expressions, and imports how names are encoded. If TLS may be asked for, it reads which certificates
    are trusted.
    """
    urllib.request.Request("http://localhost/").host.encode("idna")
    if not all(url.startswith("http://") for url in urls):
        trust()


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return what has to be the same of two URLs for what is secret between us and the one to go to the other."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


class Browser:
    """Asks one question after the other, with one pool of connections and one jar of cookies; a context manager."""

    def __init__(self) -> None:
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._making = Lock()
        self._jar = _Jar()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        with self._making:
            for pools in self._pools.values():
                pools.clear()

    @contextmanager
    def _pools_for(self, method: str, scheme: str) -> Iterator[urllib3.PoolManager]:
        """Yield what has connections for a request.

        One that means something else when it is sent twice gets a new connection. The server may have closed one that
        is used again, and then nobody knows whether it heard the request.
        """
        with self._making:
            pools = self._pools.get(scheme) if method in _ASKED_AGAIN else None
            if pools is None:
                pools = new_pools(scheme)
                is_kept = self._pools.setdefault(scheme, pools) is pools
            else:
                is_kept = True
        try:
            yield pools
        finally:
            if not is_kept:
                pools.clear()

    @property
    def cookies(self) -> set[str]:
        """The values of all cookies that came, those that are gone by now too."""
        return self._jar.values.copy()

    def cookie(self, name: str, url: str) -> str | None:
        """Return the value of the cookie of that name that goes to the host of a URL; None where it has none.

        Of several, that for the URL's own path, and for the longest one, counts.
        """
        return self._jar.value(name, urllib.request.Request(url))  # noqa: S310 (never opened, as below)

    def ask(self, question: Question) -> Response:
        """Return the answer, of the last redirect where they are followed; NoAnswerError where there is none."""
        began = time.monotonic()
        times = Times()
        ends = []
        for redirects in range(_MOST_REDIRECTS + 1):
            left = began + question.timeout - time.monotonic()
            try:
                answer = self._exchange(question, left, times)
            except NoAnswerError as error:
                where = f"redirected to {_bare(question.url)}: " if redirects else ""
                raise NoAnswerError(f"{where}{error}", error.times) from None
            times = answer.times
            ends += [answer.certificate_ends] if answer.certificate_ends else []
            if not question.follow or answer.status not in _REDIRECTS:
                times.whole = time.monotonic() - began
                return replace(answer, certificate_ends=min(ends, default=None))
            if not answer.headers.get("location"):
                raise NoAnswerError(f"status {answer.status}, which redirects, and no Location to go to", times)
            question = _redirected(question, answer)
        raise NoAnswerError(f"more than {_MOST_REDIRECTS} redirects, the last to {_bare(question.url)}", times)

    def _exchange(self, question: Question, left: float, times: Times) -> Response:
        if left <= 0:
            raise NoAnswerError(f"no answer within {question.timeout:g} s", times)
        until = time.monotonic() + left
        overhear({*secrets(question), *self.cookies})
        parts = urlsplit(question.url)
        try:
            url = _as_asked(parts)
        except UnicodeError as error:
            raise NoAnswerError(f"no host can have the name {parts.hostname}: {error}", times) from None
        headers = {**_OURS, **_authorization(parts), **question.headers}
        body = question.body
        if question.form is not None:
            body = urlencode(question.form, doseq=True)
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        asked = urllib.request.Request(url, headers=headers, method=question.method)  # noqa: S310 (never opened: it is what the jar reads)
        self._jar.add_cookie_header(asked)
        if "Cookie" in asked.unredirected_hdrs:
            headers["Cookie"] = asked.unredirected_hdrs["Cookie"]
        response: Any = None
        try:
            with self._pools_for(question.method, parts.scheme) as pools:
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
                connection = response.connection
                times, ends = connection.times, getattr(connection, "certificate_ends", None)
                self._jar.extract_cookies(_Cookies(response.headers.getlist("Set-Cookie")), asked)  # type: ignore[arg-type] # it asks for no more
                content, cut = bodies.read(response)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            if response:
                response.close()
            if is_stale(error) and question.method in _ASKED_AGAIN:
                return self._exchange(question, until - time.monotonic(), times)
            raise NoAnswerError(why(error, question.timeout), times) from error
        came = Response(
            status=response.status,
            headers=Headers(response.headers.iteritems()),
            body=content,
            url=url,
            cut=cut,
            times=times,
            certificate_ends=ends,
            asked=f"{question.method} {without_secrets(question.url)}",
        )
        overhear({*self.cookies, *islice(of_json(came), _MOST_SECRETS)})
        return came


class _Jar(CookieJar):
    """A jar that knows the value of every cookie that it ever had.

    Threads may look at the values: to go through a jar, no thread may put a cookie in meanwhile.
    """

    def __init__(self) -> None:
        self._rules = DefaultCookiePolicy()
        super().__init__(self._rules)
        self.values: set[str] = set()

    def set_cookie(self, cookie: Cookie) -> None:
        """Take a cookie."""
        super().set_cookie(cookie)
        if cookie.value:
            self.values.add(cookie.value)

    def value(self, name: str, asked: urllib.request.Request) -> str | None:
        """Return the value of a cookie for a host."""
        found = [
            cookie
            for cookie in self
            if cookie.name == name and self._rules.domain_return_ok(cookie.domain, asked) and not cookie.is_expired()
        ]
        found.sort(key=lambda cookie: (self._rules.path_return_ok(cookie.path, asked), len(cookie.path)))
        return found[-1].value if found else None


class _Cookies:
    """What the jar reads of an answer: the cookies that it can read. For others it would warn of a bug of its own."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._message = Message()
        for line in lines:
            with suppress(Exception):
                parse_ns_headers([line])
                self._message["Set-Cookie"] = line

    def info(self) -> Message:
        """Return the headers."""
        return self._message


def _as_asked(parts: SplitResult) -> str:
    """Return a URL without user, password and fragment, its host as name servers know it; UnicodeError if none can."""
    host = parts.netloc.rpartition("@")[2]
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    return parts._replace(netloc=host, fragment="").geturl()


def _redirected(question: Question, answer: Response) -> Question:
    """Return the question that a redirect asks; what was sent for one host alone is not sent to another."""
    times = answer.times
    if len(several := {*answer.headers.all("location")}) > 1:
        raise NoAnswerError(f"it redirects to {len(several)} places at once", times)
    location = _as_sent(*several)
    try:
        url = urljoin(question.url, location)
        after = urlsplit(url)
        elsewhere = origin(url) != origin(question.url)
    except ValueError as error:  # a port out of range, or a bracket that is not closed
        raise NoAnswerError(f"it redirects to {_bare(location)}, which is no URL: {error}", times) from None
    if after.scheme not in _PORTS or not after.hostname:
        raise NoAnswerError(f"it redirects to {_bare(url)}, which is no URL of HTTP", times)
    if answer.status not in _KEEPS_METHOD and question.method != "HEAD":
        question = replace(question, method="GET", form=None, body=None, headers=_without_type(question))
    if elsewhere and (question.form is not None or question.body is not None):
        raise NoAnswerError(f"it redirects to {_bare(url)}, another server, to which no body is sent on", times)
    return replace(question, url=url, headers={} if elsewhere else question.headers)


def _without_type(question: Question) -> dict[str, str]:
    """Return the headers of a question that has no body any more."""
    return {name: value for name, value in question.headers.items() if name.lower() != "content-type"}


def _as_sent(location: str) -> str:
    """Return a header in the encoding that browsers take URLs to be in, of which the library knows nothing."""
    try:
        return location.encode("latin-1").decode()
    except UnicodeError:
        return location


def _bare(url: str) -> str:
    """Return a URL without its user, password and parameters, cut to what fits in a line."""
    scheme, mark, rest = url.partition("?")[0].partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"[:_LONGEST_URL]


def _authorization(parts: Any) -> dict[str, str]:
    """Return the header for the user info of a URL, as browsers do (RFC 7617)."""
    if parts.username is None:
        return {}
    made = urllib3.make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    return {"Authorization": made["authorization"]}
