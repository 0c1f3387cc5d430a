"""What is asked over HTTP, what comes of it, and how long its parts took; without the library that asks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Any, Final

from django_probe.http.json_values import JsonError, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_LISTS: Final = frozenset({
    "accept-ranges", "access-control-allow-headers", "access-control-allow-methods", "access-control-expose-headers",
    "allow", "cache-control", "clear-site-data", "connection", "content-encoding", "content-language", "link", "pragma",
    "server-timing", "set-cookie", "trailer", "transfer-encoding", "upgrade", "vary", "via", "www-authenticate",
})  # fmt: skip
"""Headers whose lines make one list; any other that comes twice contradicts itself, unless it says the same."""
# The "token" of RFC 9110, 5.6.2: what the name of a header is made of.
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_NO_CHARSETS: Final = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined")
"""Codecs of Python's that no body is in; to decode a long one with some of them takes minutes."""


@dataclass(slots=True)
class Times:
    """Seconds of the parts of an exchange; a part that did not happen, as on a connection used again, has none."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    whole: float | None = None

    def __str__(self) -> str:
        parts = {
            "DNS": self.dns,
            "connect": self.connect,
            "TLS": self.tls,
            "first byte": self.first_byte,
            "whole": self.whole,
        }
        return ", ".join(f"{name} {shown(took)}" for name, took in parts.items() if took is not None)


def shown(seconds: float) -> str:
    """Return seconds as a reader takes them in."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def over(seconds: float, limit: float) -> str:
    """Return that something took longer than a limit; empty where it did not."""
    return f"it took {shown(seconds)}, more than {shown(limit)}" if seconds > limit else ""


def is_header(name: str, value: object) -> bool:
    """Return whether HTTP has a header of this name that carries this value: one line of Latin-1."""
    return bool(_TOKEN.fullmatch(name)) and isinstance(value, str) and not _NO_VALUE.search(value)


class NoAnswerError(AssertionError):
    """Nothing came that could be judged; the message is one sentence, `times` are those of the parts that there were.

    It is an AssertionError: a probe that gets no answer has failed, and is not broken itself.
    """

    def __init__(self, message: str, times: Times) -> None:
        super().__init__(message)
        self.times = times


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: `timeout` is in seconds, for all of it.

    `form` has the fields that are sent, or `body` content of another type.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    body: str | bytes | None = None
    follow: bool = True
    timeout: float = 10.0

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class Headers(Mapping[str, str]):
    """The headers of an answer, by their names in any case.

    One that came several times has all its values, with ", " between them (RFC 9110, 5.3); `all` has them apart.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name.lower(), []).append(value)
        self._values = {name: tuple(several) for name, several in values.items()}

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of a header, as often as it came."""
        return self._values.get(name.lower(), ())

    def each(self, name: str) -> tuple[str, ...]:
        """Return what has to be as it is expected, each by itself: of a list the whole, of others every value."""
        if name.lower() in _LISTS:
            return (self[name],) if name in self else ()
        return tuple(dict.fromkeys(self.all(name)))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name.lower()])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Headers: {', '.join(self._values)}>"  # their values may be secrets


@dataclass(frozen=True, slots=True)
class Response:
    """What came. `cut` says that the body goes on after what was read; `asked` is the request, as it may be shown.

    `certificate_ends` is the first end of the certificates that were seen, None without TLS.
    """

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    url: str = field(default="", repr=False)  # it may have a secret
    cut: bool = False
    times: Times = field(default_factory=Times)
    certificate_ends: datetime | None = None
    asked: str = ""

    @property
    def seconds(self) -> float:
        """How long it took, redirects included."""
        return self.times.whole or 0.0

    @property
    def text(self) -> str:
        """The body, in the charset that the answer names, else UTF-8."""
        message = Message()
        message["Content-Type"] = self.headers.get("content-type", "")
        try:
            codec = codecs.lookup(str(message.get_param("charset") or "utf-8"))
            if codec.name not in _NO_CHARSETS:
                # The mark at the beginning of what some editors write is no part of the text.
                return self.body.decode("utf-8-sig" if codec.name == "utf-8" else codec.name, "replace")
        except (LookupError, ValueError):  # no charset of that name, or one that cannot be decoded so
            pass
        return self.body.decode("utf-8-sig", "replace")

    def json(self) -> Any:
        """Return the body as JSON; JsonError, a ValueError, where it is none, or could be read in two ways."""
        try:
            return parsed(self.text)
        except JsonError as error:
            raise JsonError(f"{error}{', of which too much came' if self.cut else ''}") from None
