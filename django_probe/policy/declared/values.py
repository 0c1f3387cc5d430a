"""Reads the values of checks' keys; each raises ValueError with one sentence that fits behind the key's path."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django_probe.policy.declared.secrets import PLACES
from django_probe.terms import parse_duration, shown

if TYPE_CHECKING:
    from collections.abc import Callable

_DAYS: Final = re.compile(r"(\d+)d", re.ASCII)
_MOST_DAYS: Final = 3650
_A_DAY: Final = 24 * 3600.0
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):([0-9]{1,5})")
_MOST_PORTS: Final = 65535
_VARIABLE: Final = "${"
_SAVED: Final = "{{"
_LIKE_SAVED: Final = re.compile(r"\{\{[^{}]*\}\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COOKIE: Final = "cookie:"
"""How a saved cookie is written, which no JMESPath begins with: `cookie:csrftoken`."""
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
# What no ; of can end a statement: names and texts in quotes, PostgreSQL's dollar quotes, and comments.
_ASIDE: Final = re.compile(
    r"""(?xs)
    "[^"]*" | \b[eE]'(?:\\.|''|[^'\\])*' | '[^']*' | (?<![\w$])\$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | --[^\n]* | /\*.*?\*/"""
)
_NO_QUESTION: Final = re.compile(
    r"(?i)\s*(abort|attach|begin|commit|copy|detach|discard|end|load|lock|prepare|release|reset|rollback|savepoint|set|start"
    r"|use|vacuum|xa)\b"
)
_TEXTS: Final = ("", "a", "0", " ", "\n", "é{")
"""Texts that have nothing in common: what is found in each of them is found in every text."""


def parse_text(value: object) -> str:
    """Return a text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"expected a text that is not empty, got {_written(value)}")


def parse_line(value: object) -> str:
    """Return a text of one line, without blanks around it."""
    if isinstance(value, str) and value and value == value.strip() and value.isprintable():
        return value
    raise ValueError(f"expected a text of one line, without blanks around it, got {_written(value)}")


def _written(value: object) -> str:
    """Return what was written, and what to do where YAML made no text of it."""
    quotes = "; put it in quotes" if isinstance(value, bool | int | float) else ""
    return f"{shown(value)}{quotes}"


def fillable(text: str) -> str:
    """Return a text in which each place for a value is one: what only looks like it would be sent as it stands."""
    rest = PLACES.sub("", text)
    if _VARIABLE in rest:
        raise ValueError("there is a ${ that begins no ${NAME}; a name is letters, digits and _, and has no default")
    if _LIKE_SAVED.search(rest):
        raise ValueError("there is a {{ }} without a name; a name is letters, digits and _, without filters")
    return text


def parse_statement(value: object) -> str:
    """Return one statement of SQL: of several, one could end the transaction that holds the others."""
    text = parse_text(value)
    bare = _ASIDE.sub(" ", text).strip("; \t\r\n\f")
    if ";" in bare:
        raise ValueError("expected one statement, and there is more behind a ;")
    if not bare:
        raise ValueError("expected a statement, and there are comments or ; alone")
    if found := _NO_QUESTION.match(bare):
        raise ValueError(f"{found[1].upper()} asks nothing: it is for transactions, sessions or files")
    return text


def parse_words(value: object) -> tuple[str, ...]:
    """Return the texts of a list that is not empty."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a list that is not empty, got {shown(value)}")
    return tuple(map(parse_text, value))


def parse_arguments(value: object) -> tuple[str, ...]:
    """Return the arguments of a program, the first of which names it."""
    words = parse_words(value)
    if wrong := [word for word in words if "\0" in word]:
        raise ValueError(f"no argument can have the character NUL, got {shown(wrong[0])}")
    return words


def parse_method(value: object) -> str:
    """Return the name of a method of HTTP."""
    if isinstance(value, str) and _METHOD.fullmatch(value):
        return value
    raise ValueError(f"expected a method such as GET or POST, got {shown(value)}")


def parse_target(value: object) -> str:
    """Return a URL, a path that begins with /, or what becomes one of them when a `${NAME}` has its value."""
    text = fillable(parse_line(value))
    if text.startswith(("/", _VARIABLE, _SAVED)):
        return text
    return _url(text)


def parse_url(value: object) -> str:
    """Return a URL, as it is asked."""
    return _url(parse_line(value))


def parse_base(value: object) -> str:
    """Return the URL that comes before a path."""
    text = fillable(parse_line(value))
    if "?" in text or "#" in text:
        raise ValueError(f"expected a URL without ? and #, which a path follows, got {shown(text.rpartition('@')[2])}")
    return text if text.startswith(_VARIABLE) else _url(text)


def _url(text: str) -> str:
    try:
        parts = urlsplit(PLACES.sub("1", text))  # a host, a port, and a password can all be 1
        if parts.scheme in ("http", "https") and parts.hostname:
            _ = parts.port  # it raises where it is no number
            return text
    except ValueError:  # its message may show a part of a password
        pass
    raise ValueError(f"expected http://HOST... or https://HOST..., got {shown(text.rpartition('@')[2])}")


def parse_address(value: object) -> str:
    """Return HOST:PORT, or what becomes one when a `${NAME}` has its value."""
    text = fillable(parse_line(value))
    if _VARIABLE not in text:
        split_address(text)
    return text


def parse_name(value: object) -> str:
    """Return a name to look up, or what becomes one when a `${NAME}` has its value."""
    return fillable(parse_line(value))


def split_address(text: str) -> tuple[str, int]:
    """Return the host, without brackets, and the port of HOST:PORT."""
    match = _HOST_AND_PORT.fullmatch(text)
    if match and 0 < int(match[2]) <= _MOST_PORTS:
        return match[1].strip("[]"), int(match[2])
    raise ValueError(f"expected HOST:PORT such as db.example:5432, got {shown(text)}")


def parse_addresses(value: object) -> tuple[str, ...]:
    """Return the IP addresses of a list."""
    try:
        return tuple(str(ip_address(text)) for text in parse_words(value))
    except ValueError:
        raise ValueError(f"expected a list of IP addresses, got {shown(value)}") from None


def parse_days(value: object) -> float:
    """Return the seconds of `14d`, 3650 days at the most, or of another duration."""
    if isinstance(value, str) and (match := _DAYS.fullmatch(value)):
        if 0 < int(match[1]) <= _MOST_DAYS:
            return int(match[1]) * _A_DAY
        raise ValueError(f"expected 1d at the least and {_MOST_DAYS}d at the most, got {shown(value)}")
    try:
        seconds = parse_duration(value)
    except ValueError:
        seconds = 0.0
    # A bare number would be seconds, and whoever writes 14 here means days.
    if seconds and isinstance(value, str) and value[-1].isalpha():
        return seconds
    raise ValueError(f'expected a duration with its unit, such as "14d" or "36h", got {shown(value)}')


def parse_pattern(value: object) -> re.Pattern[str]:
    """Return a regular expression that is not found in every text."""
    try:
        pattern = re.compile(parse_text(value))
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"expected a regular expression, got {shown(value)}: {error}") from None
    if all(map(pattern.search, _TEXTS)):
        raise ValueError(f"every text matches {shown(value)}, be it empty; say what has to be there")
    return pattern


def parse_headers(value: object) -> dict[str, str]:
    """Return the texts of a mapping from the names of headers."""
    headers = mapping_of(_header, "headers")(value)
    if wrong := [name for name in headers if not _HEADER.fullmatch(name)]:
        raise ValueError(f"expected names of headers such as Content-Type, got {shown(wrong[0])}")
    spelled = {name.lower(): name for name in headers}
    if twice := [name for name in headers if spelled[name.lower()] != name]:
        raise ValueError(f"{shown(twice[0])} and {shown(spelled[twice[0].lower()])} are one header; write it once")
    return headers


def _header(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and text.isprintable():
        return fillable(text)
    raise ValueError(f"expected a text of one line, got {_written(value)}")


def parse_field(value: object) -> str:
    """Return the text of a form's field; a number is its text."""
    if isinstance(value, str):
        return fillable(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"expected a text or a number, got {_written(value)}")


def mapping_of(parse: Callable[[object], Any], what: str) -> Callable[[object], dict[str, Any]]:
    """Return what reads a mapping, not empty, from texts to what `parse` takes."""

    def parsed(value: object) -> dict[str, Any]:
        if not isinstance(value, dict) or not value:
            raise ValueError(f"expected a mapping of {what}, got {shown(value)}")
        found = {}
        for name, each in value.items():
            try:
                found[parse_line(name)] = parse(each)
            except ValueError as error:
                raise ValueError(f"{shown(name)}: {error}") from None
        return found

    return parsed


def parse_saved(value: object) -> dict[str, str]:
    """Return what is saved, JMESPaths or `cookie:NAME`, by the names that `{{ name }}` can have."""
    saved = mapping_of(_source, "names to JMESPath")(value)
    if wrong := [name for name in saved if not _NAME.fullmatch(name)]:
        raise ValueError(f"{shown(wrong[0])}: a name is letters, digits and _, and begins with no digit")
    return saved


def _source(value: object) -> str:
    text = parse_text(value)
    if text.startswith(COOKIE) and not _HEADER.fullmatch(text.removeprefix(COOKIE)):
        raise ValueError(f"expected the name of a cookie, such as {COOKIE}csrftoken, got {shown(text)}")
    return text


def parse_exits(value: object) -> tuple[int, ...]:
    """Return one exit status or several."""
    several = value if isinstance(value, list) and value else [value]
    for each in several:
        if isinstance(each, bool) or not isinstance(each, int) or not 0 <= each <= 255:  # noqa: PLR2004 (a byte)
            raise ValueError(f"expected an exit status from 0 to 255, or a list of them, got {shown(each)}")
    return tuple(several)
