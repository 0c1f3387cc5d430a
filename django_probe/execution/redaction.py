"""Takes secrets out of what probes said, once, when the record is made.

A secret is the value of a setting that Django's own error pages would hide, database passwords and the user info
of any URL included, where it is a text of eight characters or more and no public default of Django's.
"""

from __future__ import annotations

import json
import re
import warnings
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from django.conf import global_settings, settings
from django.views.debug import SafeExceptionReporterFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_LENGTH: Final = 8
_MASK: Final = SafeExceptionReporterFilter.cleansed_substitute
_URL_USER: Final = re.compile(r"(?<=://)[^\s/'\"<>]+(?=@)")
# Where unittest leaves out the middle of a value, and where pprint goes on with a long one in the next line.
_CUT: Final = re.compile(
    r"""(\[\d+\ chars\] | \ \[truncated\]\.\.\.
        | ['"]\n[-+]?\ +b?['"] | ['"]?\n\?[ ^+-]*\n\n?[-+]\ +b?['"])""",  # the last beside the marks of difflib
    re.VERBOSE,
)
_FEW: Final = 200  # to search a text for so many is quicker than to look at each of its places
_MIN_PART: Final = 5  # characters of a secret beside a cut, the fewest that unittest leaves of what values share
# Their names look like secrets to the filter, and their values are names of code or of cookies.
_PUBLIC_SETTINGS: Final = frozenset(
    {
        "AUTHENTICATION_BACKENDS",
        "AUTH_PASSWORD_VALIDATORS",
        "AUTH_USER_MODEL",
        "CACHE_MIDDLEWARE_KEY_PREFIX",
        "PASSWORD_HASHERS",
        "PROBE_TOKENS_FILE",
    }
)


class Redactor:
    """Replaces the secrets of this project's settings in texts."""

    def __call__(self, text: str) -> str:
        """Return the text with every secret and every URL's user info masked; where that fails, give none of it."""
        if not text:
            return text
        try:
            text = self._known.masked(text)
        except Exception as error:  # noqa: BLE001 (a setting may be of any class, and raise anything)
            return f"[withheld: the settings could not be searched for secrets: {type(error).__name__}]"
        return _URL_USER.sub(_MASK, text) if "://" in text else text

    @cached_property
    def _known(self) -> _Known:
        return _Known({form for secret in _secrets() for form in _forms(secret) if len(form) >= MIN_LENGTH})


class _Known:
    """Masks some forms of secrets in texts, in a time that hardly depends on how many they are."""

    def __init__(self, forms: set[str]) -> None:
        self._forms = forms
        lengths: dict[str, set[int]] = {}
        for form in forms:
            lengths.setdefault(form[:MIN_LENGTH], set()).add(len(form))
        # The longest first, so that a secret that begins with another is masked whole.
        self._lengths = {head: sorted(found, reverse=True) for head, found in lengths.items()}

    def masked(self, text: str) -> str:
        """Return the text with every form in it replaced, and every part of one beside a cut."""
        parts = _CUT.split(self._without_whole(text))  # each second one is a cut
        if len(parts) > 1:
            after, before = self._sides
            parts[2::2] = [_without_head(part, after) for part in parts[2::2]]
            parts[:-1:2] = [_without_head(part[::-1], before)[::-1] for part in parts[:-1:2]]
        return "".join(parts)

    @cached_property
    def _sides(self) -> tuple[str, str]:
        """All forms in one text, and the same backwards."""
        known = "\0".join(self._forms)
        return known, known[::-1]

    def _without_whole(self, text: str) -> str:
        heads = self._lengths
        if len(heads) <= _FEW and not any(head in text for head in heads):
            return text
        pieces, done = [], 0
        # A pattern of thousands of alternatives would try each of them at every place.
        for place in [at for at in range(len(text) - MIN_LENGTH + 1) if text[at : at + MIN_LENGTH] in heads]:
            if place < done:
                continue
            for length in heads[text[place : place + MIN_LENGTH]]:
                if text[place : place + length] in self._forms:
                    pieces += [text[done:place], _MASK]
                    done = place + length
                    break
        return "".join([*pieces, text[done:]])


def _without_head(part: str, known: str) -> str:
    """Mask the longest beginning of a text that stands anywhere in another."""
    length = _MIN_PART
    if len(part) < length or part[:length] not in known:
        return part
    while length < len(part) and part[: length + 1] in known:
        length += 1
    return _MASK + part[length:]


def _secrets() -> set[str]:
    public = {
        text for name in dir(global_settings) if name.isupper() for text in _texts(getattr(global_settings, name))
    }
    found: set[str] = set()
    with warnings.catch_warnings():  # reading a setting that Django deprecates is no use of it
        warnings.simplefilter("ignore")
        for name in dir(settings):
            if name.isupper() and name not in _PUBLIC_SETTINGS and settings.is_overridden(name):  # type: ignore[misc]
                found.update(_hidden(name, getattr(settings, name)))
    # An entry of PROBE_TOKENS has its scope before it, which a request has not.
    found |= {text.partition(":")[2] for text in found if text.startswith(("view:", "start:"))}
    return {text for text in found if len(text) >= MIN_LENGTH and text not in public}


def _hidden(name: object, value: Any) -> Iterator[str]:
    """Yield the texts of a setting, or of an entry below one, that the filter would hide for its name."""
    if isinstance(name, str) and SafeExceptionReporterFilter.hidden_settings.search(name):
        yield from _texts(value)
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _hidden(key, below)
    elif isinstance(value, list | tuple | set | frozenset):
        for below in value:
            yield from _hidden(None, below)
    elif isinstance(value, str) and "://" in value:
        yield from _of_url(value)


def _of_url(url: str) -> Iterator[str]:
    """Yield the passwords in a URL, or its user where it has no password, as where a service takes a token there."""
    for user in _URL_USER.findall(url):
        yield from user.split(":", 1)[1:]
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL after all
        return
    if parts.password is not None:
        yield parts.password
    elif parts.username and not parts.username.isalpha():  # a word is a name: "postgres" is in every traceback
        yield parts.username


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
        if len(value) >= MIN_LENGTH:
            yield repr(value)[2:-1]
    elif isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list | tuple | set | frozenset):
        for below in value:
            yield from _texts(below)


def _forms(secret: str) -> set[str]:
    """Return a secret as code, JSON, HTML and connection strings escape it, as URLs have it, and each of its lines."""
    if secret.isascii() and secret.isalnum():
        return {secret}
    in_json = json.dumps(secret)
    whole = {
        secret,
        repr(secret)[1:-1],
        repr(f"'\"{secret}")[4:-1],  # in a text with both quotes; libpq escapes alike
        in_json[1:-1],
        repr(in_json)[2:-2],
        escape(secret),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        unquote(secret),
    }
    return whole | {line.strip() for line in secret.splitlines()}
