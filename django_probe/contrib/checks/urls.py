"""Puts values into URLs, each as the part has it where it stands: no value leads to another host, path or parameter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from django_probe.contrib.checks.errors import CheckError
from django_probe.policy.declared.secrets import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable

_END_OF_HOST: Final = re.compile(r"[/?#]")
_HOST: Final = re.compile(r"[\w.\-:\[\]]+")
_DOTS: Final = (".", "..")


def filled(text: str, value: Callable[[re.Match[str]], str | None], where: str) -> str:
    """Return a URL, a path or the beginning of a URL with `value` of each of its places; None leaves a place.

    A value with which the text begins is the beginning of a URL itself, and stays as it is; any other is
    percent-encoded, and / stays in a variable's value that is put into a path. Raise CheckError, naming `where` in the
    policy, where a value is no host, or leads out of the path.
    """

    def put(found: re.Match[str]) -> str:
        given = value(found)
        if given is None or not found.start():
            return found[0] if given is None else given
        before = PLACES.sub("1", text[: found.start()])
        _, has_scheme, before_here = before.rpartition("://") if "?" not in before else ("", "", before)
        if has_scheme and not _END_OF_HOST.search(before_here):
            authority = _END_OF_HOST.split(PLACES.sub("1", text[found.end() :]))[0]
            if "@" in authority:
                return quote(given, safe="")
            if not _HOST.fullmatch(given):
                raise CheckError(f"{where}: the value of {found[0]} is no host, and no part of one")
            return given
        return quote(given, safe="/" if found[1] and "?" not in before else "")

    made = PLACES.sub(put, text)
    if _dots(made) - _dots(text):
        raise CheckError(f"{where}: a value makes . or .. of a part of the path, which leads to another one")
    return made


def _dots(url: str) -> set[str]:
    return {part for part in map(unquote, url.partition("?")[0].split("/")) if part in _DOTS}
