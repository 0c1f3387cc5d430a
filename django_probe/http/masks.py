"""What may be shown of what is sent and of what comes: no secrets, and no characters that change how a line reads."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from django_probe.policy.declared.secrets import says_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HIDDEN: Final = "********"
_SHORTEST: Final = 4
"""Characters of the shortest secret that is masked: a shorter one would be found in any text."""
_PARAMETER: Final = re.compile(r"([?&;]([^=&;#?]{1,200})=)([^&;#]*)")
_USER: Final = re.compile(r"(?<=://)[^/?#]*@")
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")
_COOKIE: Final = re.compile(r"(^[^=;,]*=|,\s*[^=;,\s]+=)[^;,]*")
# A member of JSON, or of what Python and YAML write alike; its end may be cut off.
_MEMBER: Final = re.compile(
    r"""((?P<quote>["'])(?P<name>[^"'\n]{1,100})(?P=quote)\s*:\s*)("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[\w.+-]+)"""
)
_FIELD: Final = re.compile(r"""(?P<name>[\w.-]{1,100})(?P<is>=["']?)[^\s"'<>&;]+""")
_INPUT: Final = re.compile(r"""(\bname=["']?(?P<name>[\w.-]{1,100})["']?[^<>]{0,200}?\bvalue=["']?)[^\s"'<>]+""")


def without_secrets(url: str) -> str:
    """Return a URL without user, password, and the values of parameters that are secrets by their names."""

    def value(found: re.Match[str]) -> str:
        return f"{found[1]}{HIDDEN}" if says_secret(found[2]) else found[0]

    return _PARAMETER.sub(value, _USER.sub("", url))


def credentials(url: str) -> set[str]:
    """Return the password of a URL, and user and password as they are sent (RFC 7617); empty where it has none."""
    user, _, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    if not password:
        return set()
    return {unquote(password), b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()}


def safe_header(name: str, value: str) -> str:
    """Return the value of a header as it may be shown: of cookies the names, of URLs what `without_secrets` leaves."""
    name = name.lower()
    if name == "set-cookie":
        return _COOKIE.sub(rf"\1{HIDDEN}", value)
    if says_secret(name):
        return HIDDEN
    return without_secrets(value) if name in ("location", "content-location", "referer", "link", "refresh") else value


def safe_text(text: str) -> str:
    """Return a body without the values of members, fields and inputs that are secrets by their names."""

    def member(found: re.Match[str]) -> str:
        return f'{found[1]}"{HIDDEN}"' if says_secret(found["name"]) else found[0]

    def field(found: re.Match[str]) -> str:
        return f"{found['name']}{found['is']}{HIDDEN}" if says_secret(found["name"]) else found[0]

    def value(found: re.Match[str]) -> str:
        return f"{found[1]}{HIDDEN}" if says_secret(found["name"]) else found[0]

    return _INPUT.sub(value, _FIELD.sub(field, _MEMBER.sub(member, text)))


def printable(text: str) -> str:
    """Return a text whose control characters, and those that turn the direction of reading, are seen as escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def masking(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what masks these secrets in a text, in the forms in which URLs, JSON and headers have them."""
    forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
    if not forms:
        return lambda text: text
    # The longest first, so that a secret that begins with another is masked whole.
    known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
    return lambda text: known.sub(HIDDEN, text)


def _forms(secret: str) -> set[str]:
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    lower = {_ESCAPE.sub(lambda found: found[0].lower(), each) for each in quoted}
    return {secret, json.dumps(secret)[1:-1], b64encode(secret.encode()).decode(), *quoted, *lower}
