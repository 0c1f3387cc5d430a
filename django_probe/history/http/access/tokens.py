"""Reads the tokens of settings.PROBE_TOKENS and of the file that settings.PROBE_TOKENS_FILE names.

Only digests of tokens are kept, and messages name only the place of a token. If one line is no token, the whole setting
or the whole file counts as empty: half of a Secret is no Secret.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from django_probe.history.visitors import Scope

logger = logging.getLogger("django_probe.history")

SHAPE: Final = (
    '"view:TOKEN", "start:TOKEN" or, with a name, "view:NAME:TOKEN", '
    "with a TOKEN of 24 or more printable ASCII characters without blanks"
)
_ENTRY: Final = re.compile(r"(?P<scope>view|start):(?P<token>[!-~]{24,})")
_NAMED: Final = re.compile(r"(?P<name>[A-Za-z0-9_.-]{1,40}):(?P<token>[!-~]{24,})")
# The last problem that was logged for each source of tokens: a request a second must not log a line a second.
_told: dict[str, object] = {}


@dataclass(frozen=True, slots=True)
class _Token:
    scope: Scope
    name: str
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What is configured of a token: its scopes, none where it is unknown, and its name, which may be empty."""

    scopes: frozenset[Scope]
    name: str = ""


def configured() -> bool:
    """Return whether either setting names a token, valid or not."""
    return bool(getattr(settings, "PROBE_TOKENS", None) or getattr(settings, "PROBE_TOKENS_FILE", None))


def setting_problems() -> list[str]:
    """Return what is wrong with the two settings, one line each, without reading the file or naming a token."""
    path = getattr(settings, "PROBE_TOKENS_FILE", None)
    problems = _entry_problems()
    if path and not isinstance(path, str | os.PathLike):
        problems.append(f"PROBE_TOKENS_FILE: expected a path, not {type(path).__name__}")
    return problems


@sensitive_variables()
def known(presented: str) -> Known:
    """Return what is configured of the tokens that equal this one.

    Every token is compared in constant time.
    """
    digest = _digest(presented)
    compared = [(token, hmac.compare_digest(token.digest, digest)) for token in _configured_tokens()]
    same = [token for token, is_same in compared if is_same]
    return Known(frozenset(token.scope for token in same), next((token.name for token in same if token.name), ""))


def _complain_once(source: str, state: object, problem: str) -> None:
    """Log a problem of a source of tokens once while it stays the same."""
    if _told.get(source) != state:
        _told[source] = state
        logger.error("%s", problem)


def _configured_tokens() -> list[_Token]:
    path = getattr(settings, "PROBE_TOKENS_FILE", None)
    return _of_setting() + (_of_file(Path(path)) if path and isinstance(path, str | os.PathLike) else [])


def _of_setting() -> list[_Token]:
    if problems := _entry_problems():
        _complain_once("setting", problems, f"{'; '.join(problems)}: no token of PROBE_TOKENS counts")
        return []
    return [token for entry in getattr(settings, "PROBE_TOKENS", None) or () for token in _parse(entry)]


def _entry_problems() -> list[str]:
    entries = getattr(settings, "PROBE_TOKENS", None) or ()
    if not isinstance(entries, list | tuple):
        return [f"PROBE_TOKENS: expected a list of strings, not {type(entries).__name__}"]
    wrong = [number for number, entry in enumerate(entries, 1) if not _parse(entry)]
    return [f"PROBE_TOKENS: entry {number}: expected {SHAPE}" for number in wrong]


def _of_file(path: Path) -> list[_Token]:
    """Read the file anew: Kubernetes replaces a mounted Secret without a restart."""
    try:
        content = path.read_bytes()
    except OSError as error:
        _complain_once("file", (path, error.errno), f"PROBE_TOKENS_FILE: {path}: {error.strerror}: it gives no token")
        return []
    lines = [
        (number, line.strip()) for number, line in enumerate(content.decode("utf-8-sig", "replace").split("\n"), 1)
    ]
    parsed = {number: _parse(line) for number, line in lines if line and not line.startswith("#")}
    wrong = [number for number, found in parsed.items() if not found]
    if wrong:
        problem = f"PROBE_TOKENS_FILE: {path}: line {wrong[0]}: expected {SHAPE}: no token of the file counts"
        _complain_once("file", (path, _digest(content)), problem)
        return []
    _told.pop("file", None)
    return [token for found in parsed.values() for token in found]


def _parse(entry: object) -> list[_Token]:
    """Return what an entry stands for, nothing if it is no token.

    A token without a name may have a colon in it, so an entry with a name stands for both.
    """
    found = _ENTRY.fullmatch(entry) if isinstance(entry, str) else None
    if found is None:
        return []
    scope, whole = Scope(found["scope"]), found["token"]
    named = _NAMED.fullmatch(whole)
    name = named["name"] if named else ""
    return [_Token(scope, name, _digest(text)) for text in (whole, named and named["token"]) if text]


def _digest(text: str | bytes) -> bytes:
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).digest()
