"""Asks the live system as one visitor, and keeps what was asked and what came."""

from __future__ import annotations

import json as json_library
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict
from unittest import SkipTest
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

from django_probe.http import evidence, release
from django_probe.http.evidence import Exchange, Exchanges
from django_probe.http.masks import masking, printable, secrets
from django_probe.http.response import NoAnswerError, Question, Response, is_header
from django_probe.policy.declared.values import parse_base, parse_url
from django_probe.terms import parse_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Unpack

    from django_probe.http.release import Differences, Release
    from django_probe.http.response import Times

_WAIT: Final = 50.0
"""Seconds that a session waits for its release: a probe with `@probe(timeout="60s")` hears what was seen meanwhile."""
_BAD_FROM: Final = 500
_NO_SERVER: Final = (
    "headers of a session go to the server of its base alone, and it has none: give `base`, set PROBE_BASE_URL, "
    "or give the headers with the request"
)
_NO_URL: Final = "PROBE_BASE_URL: not set, in the settings or the environment; give the URL that comes before {path}"

__unittest = True
"""Whoever tells a failure leaves the frames of this module out, as those of unittest: an answer that did not come."""


class Options(TypedDict, total=False):
    """What a request takes beside its path.

    `params` are added to the query. `data` are the fields of a form, or a body as it is sent; `json` is sent as JSON.
    `headers` are sent with this request alone, and `follow=False` follows no redirect. `timeout` is a duration.
    """

    params: Mapping[str, object] | None
    data: Mapping[str, object] | str | bytes | None
    json: Any
    headers: Mapping[str, str] | None
    follow: bool
    timeout: float | str | None


class Session:
    """Asks over HTTP as one visitor, with one pool of connections and one jar of cookies; a context manager.

    `base` is the URL before each path, that of PROBE_BASE_URL where none is given. With `release`, the session waits
    until the release of the run answers at `base`, and takes answers of no other. `timeout` is a duration, for one
    answer with its redirects. `headers` are sent with each request to the server of `base`, and to no other.
    Raise ValueError for what is none of these. Threads may share a session.
    """

    def __init__(
        self,
        base: str | None = None,
        *,
        release: bool = False,
        timeout: float | str = 10.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        try:
            from django_probe.http.wire import asking  # noqa: PLC0415 (see the package's docstring)
        except ModuleNotFoundError as error:
            raise ImproperlyConfigured(
                f"django_probe.http needs {error.name}; install django-probe-gate[checks]"
            ) from None
        self._asking = asking
        self._given_base = None if base is None else parse_base(base)
        self._timeout = parse_timeout(timeout)
        self._headers = _sendable(headers)
        self._waits = release
        self._in_vain = ""
        self._release: Release | None = None
        self._waiting = threading.Lock()
        self._browser = asking.Browser()
        self._exchanges = Exchanges()
        self._is_closed = False

    def get(self, path: str, **options: Unpack[Options]) -> Response:
        """Ask with GET; for this and the others see `request`."""
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Unpack[Options]) -> Response:
        """Ask with HEAD."""
        return self.request("HEAD", path, **options)

    def post(self, path: str, **options: Unpack[Options]) -> Response:
        """Ask with POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Unpack[Options]) -> Response:
        """Ask with PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Unpack[Options]) -> Response:
        """Ask with PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Unpack[Options]) -> Response:
        """Ask with DELETE."""
        return self.request("DELETE", path, **options)

    def request(self, method: str, path: str, **options: Unpack[Options]) -> Response:
        """Return the answer, of whatever status; `path` is one after `base`, or a URL.

        Raise NoAnswerError, with one sentence, where none comes in time that can be judged, or none of the release;
        ValueError for what cannot be asked, and ImproperlyConfigured where a path, or the session's headers, have no
        base, or a session that waits for a release has none to wait for.
        """
        if self._is_closed:
            raise ValueError("the session is closed")
        question = self._question(method, path, **options)
        if self._waits:
            self._wait()
        self._exchanges.expect(question)
        try:
            answer = self._browser.ask(question)
        except NoAnswerError as error:
            raise self._kept(Exchange(question, None, error.times, str(error))) from None
        if problems := self._release.differences(answer) if self._release else []:
            raise self._kept(Exchange(question, answer, answer.times, "; ".join(problems)))
        self._exchanges.add(Exchange(question, answer, answer.times))
        return answer

    def evidence(self) -> str:
        """Return what was asked and what came, without secrets: the last requests, each with a line for a shell."""
        return self._exchanges.told(self._masking())

    def masked(self, text: str) -> str:
        """Return a text without the secrets that were sent, and without the cookies that came."""
        return self._masking()(text)

    def close(self) -> None:
        """Close every connection."""
        self._is_closed = True
        self._browser.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
        self.explain(error)

    def explain(self, error: BaseException | None) -> None:
        """Add to an exception, as a note, what was asked and what came."""
        if not self._exchanges or not isinstance(error, Exception) or isinstance(error, SkipTest):
            return
        note = f"\n{self.evidence()}"  # a note's first line is in the message of the result, and this one has it all
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    @property
    def base(self) -> str | None:
        """The URL before each path, None where there is none."""
        if self._given_base is not None:
            return self._given_base
        written = release.setting("PROBE_BASE_URL")
        try:
            return None if written is None else parse_base(written)
        except ValueError as error:
            raise ImproperlyConfigured(f"PROBE_BASE_URL: {error}") from None

    def _question(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | str | bytes | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = True,
        timeout: float | str | None = None,
    ) -> Question:
        base = self.base if path.startswith("/") or self._headers else None
        url = self._url(path, base)
        if self._headers and base is None:
            raise ImproperlyConfigured(_NO_SERVER)
        if params:
            parts = urlsplit(url)
            url = parts._replace(query="&".join(filter(None, [parts.query, urlencode(params, doseq=True)]))).geturl()
        if data is not None and json is not None:
            raise ValueError("data and json: a request has one body")
        is_ours = base is not None and self._asking.origin(base) == self._asking.origin(url)
        sent = {**(self._headers if is_ours else {}), **_sendable(headers)}
        body = None if isinstance(data, Mapping) else data
        if json is not None:
            body = json_library.dumps(json, allow_nan=False)
            sent = {"Content-Type": "application/json", **sent}
        return Question(
            url,
            method.upper(),
            sent,
            form=data if isinstance(data, Mapping) else None,
            body=body,
            follow=follow,
            timeout=self._timeout if timeout is None else parse_timeout(timeout),
        )

    def _url(self, path: str, base: str | None) -> str:
        if not path.startswith("/"):
            return parse_url(path)
        if base is None:
            raise ImproperlyConfigured(_NO_URL.format(path=path))
        return parse_url(f"{base.rstrip('/')}{path}")

    def _wait(self) -> None:
        """Wait, once, until the release of the run answers; what came of a wait in vain is raised again at once."""
        with self._waiting:
            if not self._waits:
                return
            if self._in_vain:
                raise AssertionError(self._in_vain)
            try:
                awaited = release.required()
            except ImproperlyConfigured as error:
                raise ImproperlyConfigured(f"Session(release=True): {error}") from None
            question = self._question("GET", self.base or "/")

            def ask(other: Differences, most: float) -> Response:
                return self._good(replace(question, timeout=min(question.timeout, most)), other)

            try:
                release.wait(ask, awaited, _WAIT)
            except AssertionError as error:
                self._in_vain = str(error)
                raise
            self._release = awaited
            self._waits = False

    def _good(self, question: Question, other: Differences) -> Response:
        """Return an answer that came over a new connection; AssertionError where it is bad, or differs."""
        with self._asking.Browser() as browser:

            def bad(problems: Sequence[str], answer: Response | None, times: Times) -> AssertionError:
                masked = masking({*secrets(question), *browser.cookies})
                return AssertionError(evidence.told(evidence.safe(question), problems, answer, times, masked=masked))

            try:
                answer = browser.ask(question)
            except NoAnswerError as error:
                raise bad([str(error)], None, error.times) from None
            problems = other(answer)
            if answer.status >= _BAD_FROM:
                problems = [*problems, f"status {answer.status}, not below {_BAD_FROM}"]
            if problems:
                raise bad(problems, answer, answer.times)
            return answer

    def _kept(self, exchange: Exchange) -> NoAnswerError:
        """Keep an exchange, and return the error for its problem."""
        self._exchanges.add(exchange)
        said = self.masked(printable(f"{evidence.safe(exchange.asked)}: {exchange.problem}"))
        return NoAnswerError(said, exchange.times)

    def _masking(self) -> Callable[[str], str]:
        return self._exchanges.masking(self._browser.cookies)


def _sendable(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return headers that can be sent; ValueError, without the value, where HTTP has no such header."""
    sent = dict(headers or {})
    for name, value in sent.items():
        if not is_header(name, value):
            raise ValueError(f"header {name!r}: it takes one line of Latin-1, under a name of ASCII")
    return sent
