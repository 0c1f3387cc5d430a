"""What may be shown of what is sent and of what comes: no secrets, and no characters that change how a line reads."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlencode, urlsplit

from django_probe.policy.declared.secrets import may_say_secret, says_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django_probe.http.response import Question, Response

HIDDEN: Final = "********"
_SHORTEST: Final = 4
"""Characters of the shortest secret that is masked: a shorter one would be found in any text."""
_PARAMETER: Final = re.compile(r"([?&;]([^=&;#?]{1,200})=)([^&;#]*)")
_USER: Final = re.compile(r"(?<=://)[^/?#]*@")
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")
# A cookie's value ends at the first ";", and a cookie may be without a name; another may come behind it in one line.
_COOKIE: Final = re.compile(r"(^(?:[^=;]*=)?|,\s*[^=;,\s]+=)[^;]*")
# A member of JSON, or of what Python and YAML write alike; its end may be cut off.
_MEMBER: Final = re.compile(
    r"""((?P<quote>["'])(?P<name>[^"'\n]{1,100})(?P=quote)\s*:\s*)("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[\w.+-]+)"""
)
_FIELD: Final = re.compile(r"""(?P<name>[\w.-]{1,100})(?P<is>=["']?)[^\s"'<>&;]+""")
_INPUT: Final = re.compile(r"""(\bname=["']?(?P<name>[\w.-]{1,100})["']?[^<>]{0,200}?\bvalue=["']?)[^\s"'<>]+""")
_SENT_FIELD: Final = re.compile(r"(?:^|[&\r\n])([^=&\r\n]{1,100})=([^&\r\n]*)")
_PARTS: Final = re.compile(r"\r?\n--")
_HEAD_ENDS: Final = re.compile(r"\r?\n\r?\n")
_PART_NAME: Final = re.compile(r'\bname="([^"\r\n]{1,100})"')
_NO_SECRETS: Final = ("true", "false", "none", "null")


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


def secrets(asked: Question) -> Iterator[str]:
    """Yield what a question sends under the names of secrets: an answer may repeat it."""
    yield from of_url(asked.url)
    for name, value in asked.headers.items():
        if says_secret(name):
            yield from _of_header(name, value)
    if asked.form is not None:
        yield from _named(_fields(urlencode(asked.form, doseq=True)))
    if asked.body is not None:
        yield from _named(_of_body(asked.body))


def of_url(url: str) -> Iterator[str]:
    """Yield the secrets of a URL: its password, or its user where it has none, and its parameters by their names."""
    parts = urlsplit(url)
    yield from credentials(url) or filter(None, [unquote(parts.username or "")])
    for query in {parts.query, parts.query.replace(";", "&")}:  # servers differ in what is between parameters
        yield from _named(_fields(query))


def _of_header(name: str, value: str) -> Iterator[str]:
    yield value
    scheme, _, rest = value.partition(" ")
    yield from value.split()[1:]  # without the name of the scheme
    if name.lower() == "cookie":
        yield from (each.partition("=")[2].strip() for each in value.split(";"))
    elif scheme.lower() == "basic":
        with suppress(ValueError):
            yield b64decode(rest).decode().partition(":")[2]


def _named(values: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yield the values that are secrets by their names."""
    yield from (str(value) for name, value in values if says_secret(name) and str(value).lower() not in _NO_SECRETS)


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form, or of lines NAME=VALUE, as they are written and as they are read."""
    for name, value in _SENT_FIELD.findall(text):
        yield unquote_plus(name), value
        if "%" in value or "+" in value:
            yield unquote_plus(name), unquote_plus(value)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form in parts (RFC 7578)."""
    for part in _PARTS.split(text):
        head, *value = _HEAD_ENDS.split(part, maxsplit=1)
        if value and (named := _PART_NAME.search(head)):
            yield named[1], value[0]


def _of_body(body: str | bytes) -> Iterator[tuple[str, object]]:
    """Yield the members of JSON at every depth, with the names of all that they are in, or the fields of a form."""
    text = body if isinstance(body, str) else body.decode(errors="replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield from _fields(text)
        yield from _parts(text)
    else:
        yield from _members(document)


def of_json(answer: Response) -> Iterator[str]:
    """Yield what an answer of JSON has under the names of secrets, but for URLs and for texts of several words."""
    if not answer.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) or not may_say_secret(answer.text):
        return
    try:
        document = json.loads(answer.text)
    except (ValueError, RecursionError):
        return
    for value in _named((name.rpartition(".")[2], each) for name, each in _members(document)):
        if "://" not in value and len(value.split()) == 1:
            yield value


def _members(document: Any) -> Iterator[tuple[str, object]]:
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        name, found = waiting.pop()
        if isinstance(found, dict):
            waiting += ((f"{name}.{key}", each) for key, each in found.items())
        elif isinstance(found, list):
            waiting += ((name, each) for each in found)
        else:
            yield name, found


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
