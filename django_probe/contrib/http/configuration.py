"""Reads the targets from settings or environment; every error names the setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from django_probe.http.release import setting
from django_probe.terms import parse_timeout

DEFAULT_TIMEOUT: Final = 5.0
_SCHEMES: Final = ("http", "https")
# What is not quoted in a path or a query (RFC 3986, 3.3 and 3.4); "%" because it may be quoted already.
_SAFE: Final = "/?:@!$&'()*+,;=-._~%"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that has to answer; `shown` is what may be shown of it: no user, no password, no query."""

    url: str
    shown: str


def targets() -> tuple[Target, ...]:
    """Return the targets of PROBE_TARGETS, each once: a list, or a text with blanks or commas between them."""
    written = setting("PROBE_TARGETS")
    if written is None:
        return ()
    if isinstance(written, str):
        written = written.replace(",", " ").split()
    if not isinstance(written, list | tuple):
        raise ImproperlyConfigured(f"PROBE_TARGETS: expected a list of URLs, got {type(written).__name__}")
    return tuple(_target(url) for url in dict.fromkeys(written))


def timeout() -> float:
    """Return the seconds that a target has for one answer, from PROBE_TARGET_TIMEOUT."""
    written = setting("PROBE_TARGET_TIMEOUT")
    try:
        return DEFAULT_TIMEOUT if written is None else parse_timeout(written)
    except ValueError as error:
        raise ImproperlyConfigured(f"PROBE_TARGET_TIMEOUT: {error}") from None


def _target(url: object) -> Target:
    if not isinstance(url, str):
        raise ImproperlyConfigured(f"PROBE_TARGETS: expected URLs, got {url!r}")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"PROBE_TARGETS: {_anonymous(url)!r} is not a URL: {error}") from None
    if parts.scheme not in _SCHEMES or not host:
        raise ImproperlyConfigured(f"PROBE_TARGETS: {_anonymous(url)!r} is not http://HOST... or https://HOST...")
    path = quote(parts.path or "/", safe=_SAFE)
    return Target(
        url=parts._replace(path=path, query=quote(parts.query, safe=_SAFE), fragment="").geturl(),
        shown=f"{parts.scheme}://{_anonymous(parts.netloc)}{path}{'?...' if parts.query else ''}",
    )


def _anonymous(text: str) -> str:
    return text.rpartition("@")[2]
