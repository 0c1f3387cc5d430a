"""What a failure over HTTP says: in one line what differs, and below it what was asked and what came."""

from __future__ import annotations

import shlex
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from django_probe.http.masks import (
    HIDDEN,
    masking,
    of_url,
    printable,
    safe_header,
    safe_text,
    secrets,
    without_secrets,
)
from django_probe.policy.declared.secrets import says_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from django_probe.http.response import Question, Response, Times

_MOST_BODY: Final = 500
_MOST_LOOKED_AT: Final = 8 * _MOST_BODY
_CUT: Final = " [truncated]..."
"""Where this stands, the record looks for the beginning of a secret before it, as where unittest cuts a value."""
_HEADERS: Final = ("content-type", "location", "server")
_A_DAY: Final = 24 * 3600
_KEPT: Final = 10
"""Exchanges, the last ones, that are shown where a probe fails."""
_MOST_HEADERS: Final = 20


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked and what came; `answer` is None where none did, and `problem` what was wrong with it."""

    asked: Question
    answer: Response | None
    times: Times
    problem: str = ""


class Exchanges:
    """The last exchanges of a session, and the secrets of all its requests; threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: deque[Exchange] = deque(maxlen=_KEPT)
        self._count = 0
        self._secrets: set[str] = set()

    def __len__(self) -> int:
        return len(self._last)

    def expect(self, asked: Question) -> None:
        """Know the secrets of a question before it is sent: what comes to another one may have them."""
        known = {*secrets(asked)}
        with self._lock:
            self._secrets |= known

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange in the place of the oldest."""
        known = {*of_url(exchange.answer.url)} if exchange.answer else set()  # a redirect's
        with self._lock:
            self._secrets |= known
            self._last.append(exchange)
            self._count += 1

    def masking(self, more: Iterable[str]) -> Callable[[str], str]:
        """Return what masks the secrets of all requests, and more, in a text."""
        with self._lock:
            known = self._secrets.union(more)
        return masking(known)

    def told(self, masked: Callable[[str], str]) -> str:
        """Return what was asked and what came, the last requests, each with a line for a shell."""
        with self._lock:
            last, earlier = [*self._last], self._count - len(self._last)
        parts = [f"{earlier} earlier requests are left out"] if earlier else []
        for each in last:
            problems = [each.problem] if each.problem else []
            named = [*(each.answer.headers if each.answer else ())][:_MOST_HEADERS]
            parts.append(told(safe(each.asked), problems, each.answer, each.times, headers=named, masked=masked))
        return "\n".join(parts)


def told(
    asked: Question,
    problems: Sequence[str],
    answer: Response | None,
    times: Times,
    *,
    headers: Collection[str] = (),
    by_hand: str = "",
    masked: Callable[[str], str] = str,
) -> str:
    """Return what a failure says; `answer` is None where none came.

    `asked` is the question as it may be shown, `headers` are the names of those that are shown beside the usual ones,
    `by_hand` is a line for a shell, and `masked` takes secrets out of a text.
    """
    head = f"{asked}: {'; '.join(problems)}" if problems else str(asked)
    lines = [head, "", *came(asked, answer, times, headers=headers, masked=masked)]
    lines += ["the same by hand:", f"  {by_hand or curl(asked)}"]
    return masked("\n".join(map(printable, lines)))


def came(
    asked: Question,
    answer: Response | None,
    times: Times,
    *,
    headers: Collection[str] = (),
    masked: Callable[[str], str] = str,
) -> Iterator[str]:
    """Yield the lines of what came: status, headers, times, certificate, and the beginning of the body."""
    if answer:
        url = without_secrets(answer.url)
        after = f" from {url}" if url not in ("", asked.url) else ""
        yield f"came: status {answer.status}{after}, {len(answer.body)} bytes"
        named = {*_HEADERS, *map(str.lower, headers)}
        for name in answer.headers:
            if name in named:
                yield from (f"  {name}: {_cut(safe_header(name, each))}" for each in answer.headers.all(name))
    if str(times):
        yield f"times: {times}"
    if answer and answer.certificate_ends:
        yield f"certificate: ends {certificate_left(answer.certificate_ends)}"
    if answer and answer.body:
        yield from body(answer, masked)


def body(answer: Response, masked: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the lines of the beginning of a body; secrets go before it is cut."""
    text = answer.text
    is_long = len(text) > _MOST_BODY or answer.cut
    yield f"the first {_MOST_BODY} characters of the body:" if is_long else "body:"
    for line in _cut(safe_text(masked(text[:_MOST_LOOKED_AT]))).splitlines():
        yield f"  {printable(line)}"


def safe(asked: Question) -> Question:
    """Return a question as it may be shown."""
    return replace(
        asked,
        url=without_secrets(asked.url),
        headers={name: safe_header(name, value) for name, value in asked.headers.items()},
        form=asked.form and {name: HIDDEN if says_secret(str(name)) else each for name, each in asked.form.items()},
        body=safe_text(asked.body) if isinstance(asked.body, str) else asked.body,
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_BODY else f"{text[:_MOST_BODY]}{_CUT}"


def curl(asked: Question, quoted: Callable[[str], str] = shlex.quote) -> str:
    """Return a line for a shell that asks the same; `quoted` makes a word of it of a text."""
    sends = asked.form is not None or asked.body is not None
    words = ["curl", "-sSi", *(["-L"] if asked.follow else [])]
    if asked.method == "HEAD":
        words.append("-I")
    elif asked.method != ("POST" if sends else "GET"):
        words += ["-X", asked.method]
    for name, text in asked.headers.items():
        words += ["-H", quoted(f"{name}: {text}")]
    for name, text in parse_qsl(urlencode(asked.form or {}, doseq=True), keep_blank_values=True):
        words += ["--data-urlencode", quoted(f"{name}={text}")]
    if asked.body is not None:
        words += ["--data-raw", quoted(_cut(asked.body if isinstance(asked.body, str) else f"{len(asked.body)} bytes"))]
    return " ".join([*words, quoted(asked.url)])


def certificate_left(ends: datetime) -> str:
    """Return when a certificate ends, and how long that is."""
    return f"{ends:%Y-%m-%d %H:%M} UTC, in {days((ends - datetime.now(UTC)).total_seconds())}"


def days(seconds: float) -> str:
    """Return seconds in days, or in hours where there are few."""
    return f"{round(seconds / _A_DAY, 1):g} days" if seconds >= 2 * _A_DAY else f"{seconds / 3600:.0f} hours"
