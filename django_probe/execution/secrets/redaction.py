"""Takes secrets out of what probes said, once, when the record is made.

A secret is the value of a setting that Django's own error pages would hide, database passwords and the user info
of any URL included, where it is a text of eight characters or more, or a number of eight digits or more, and no public
default of Django's. What matches a pattern of settings.PROBE_REDACT is a secret too, and the value of a variable of
the environment whose name says so, or that a declared check puts where a secret belongs.
In the process of a probe, what that sent or was sent as a secret over HTTP is one as well.
"""

from __future__ import annotations

import re
import warnings
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import global_settings, settings
from django.utils.functional import LazyObject, Promise
from django.views.debug import SafeExceptionReporterFilter

from django_probe.errors import UsageError
from django_probe.execution.secrets.masking import MASK, MIN_LENGTH, Mask, of_environment, of_url
from django_probe.process.environment import hidden
from django_probe.process.overheard import overheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A key of a mapping of secrets may be one itself, as a token of each client; a short one, or an identifier, is a name.
_MIN_KEY: Final = 16

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
    """Replaces the secrets of this project's settings, and of its declared checks, in texts."""

    _hidden: frozenset[str] = frozenset()
    _overheard: tuple[frozenset[str], Mask] = (frozenset(), Mask(()))

    def __call__(self, text: str) -> str:
        """Return the text with every secret and every URL's user info masked; where that fails, give none of it."""
        if not text:
            return text
        try:
            for pattern in self._patterns:
                text = pattern.sub(MASK, text)
            return self._mask_of_probe(self._mask(text))
        except UsageError as error:  # a pattern is wrong: what it was to hide may be in the text
            said = str(error)  # it holds no secret, and is itself what the run has to say
            return said if said in text else f"[withheld: {said}]"
        except Exception as error:  # noqa: BLE001 (a setting may be of any class, and raise anything)
            return f"[withheld: the settings could not be searched for secrets: {type(error).__name__}]"

    @property
    def _mask(self) -> Mask:
        """What masks the secrets of the settings, and those variables that a policy's checks take secrets from."""
        if self._hidden != (known := hidden()):
            self._hidden = known
            self.__dict__.pop("_all", None)
        return self._all

    @property
    def _mask_of_probe(self) -> Callable[[str], str]:
        """What masks the secrets of the probe that runs here."""
        if not (known := overheard()):
            return str
        if self._overheard[0] != known:
            self._overheard = (known, Mask(known))
        return self._overheard[1]

    @cached_property
    def _all(self) -> Mask:
        return Mask(_secrets() | self._hidden | {*of_environment()})

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return patterns()


def patterns() -> list[re.Pattern[str]]:
    """Return the regular expressions of settings.PROBE_REDACT; UsageError where it is no list of them."""
    given = getattr(settings, "PROBE_REDACT", None) or ()
    if not isinstance(given, list | tuple):
        raise UsageError("PROBE_REDACT: expected a list of regular expressions")
    return [_pattern(index, text) for index, text in enumerate(given)]


def _pattern(index: int, given: object) -> re.Pattern[str]:
    """Compile one pattern; what is wrong is said by its place in the list, for the pattern may hold a secret."""
    try:
        pattern = re.compile(given)  # type: ignore[call-overload]
        matches_nothing = pattern.search("") is not None
    except (TypeError, re.error) as error:
        raise UsageError(f"PROBE_REDACT: entry {index + 1} is no regular expression: {error}") from None
    if matches_nothing:
        raise UsageError(f"PROBE_REDACT: entry {index + 1} matches an empty text, and so would hide every text")
    compiled: re.Pattern[str] = pattern
    return compiled


def _secrets() -> set[str | int]:
    public = {
        text for name in dir(global_settings) if name.isupper() for text in _texts(getattr(global_settings, name))
    }
    found: set[str | int] = set()
    with warnings.catch_warnings():  # reading a setting that Django deprecates is no use of it
        warnings.simplefilter("ignore")
        for name in dir(settings):
            if name.isupper() and name not in _PUBLIC_SETTINGS and settings.is_overridden(name):  # type: ignore[misc]
                found.update(_hidden(name, getattr(settings, name)))
    # An entry of PROBE_TOKENS has its scope before it, and perhaps a name, which a request has not.
    texts = {text for text in found if isinstance(text, str)}
    tokens = {text.partition(":")[2] for text in texts if text.startswith(("view:", "start:"))}
    found |= tokens | {token.partition(":")[2] for token in tokens}
    return {secret for secret in found if len(str(secret)) >= MIN_LENGTH and secret not in public}


def _hidden(name: object, value: Any) -> Iterator[str | int]:
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
        yield from of_url(value)


def _texts(value: Any) -> Iterator[str | int]:
    """Yield the texts and the numbers of a secret value; one that cannot be read has none that could be shown."""
    try:
        yield from list(_read(value))
    except Exception:  # noqa: BLE001 (a lazy value runs code of the project's, which may raise anything)
        return


def _read(value: Any) -> Iterator[str | int]:
    if isinstance(value, dict):
        for key, below in value.items():
            if isinstance(key, str) and len(key) >= _MIN_KEY and not key.isidentifier():
                yield key
            yield from _texts(below)
    elif isinstance(value, list | tuple | set | frozenset):
        for below in value:
            yield from _texts(below)
    elif callable(reveal := getattr(value, "get_secret_value", None)):  # pydantic's SecretStr
        yield from _texts(reveal())
    else:
        yield from _read_one(value)


def _read_one(value: Any) -> Iterator[str | int]:
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        yield raw.decode("utf-8", "replace")
        if len(raw) >= MIN_LENGTH:
            yield repr(raw)[2:-1]
    elif isinstance(value, str | Promise | PurePath | LazyObject):
        yield str(value)
    elif isinstance(value, UUID):
        yield from (str(value), value.hex)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield abs(value)
