"""Takes secrets out of what probes said, once, when the record is made.

A secret is the value of a setting that Django's own error pages would hide, database passwords and the user info
of any URL included, where it is a text of eight characters or more and no public default of Django's.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.conf import global_settings, settings
from django.views.debug import SafeExceptionReporterFilter

from django_probe.execution.masking import MIN_LENGTH, Mask, of_url

if TYPE_CHECKING:
    from collections.abc import Iterator

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
            return self._mask(text)
        except Exception as error:  # noqa: BLE001 (a setting may be of any class, and raise anything)
            return f"[withheld: the settings could not be searched for secrets: {type(error).__name__}]"

    @cached_property
    def _mask(self) -> Mask:
        return Mask(_secrets())


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
        yield from of_url(value)


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
