"""The terms on which one probe runs: what it wishes, what its gate says, what the operator orders.

The specific beats the general and the operator beats all: command line, then the probe's own `@probe`, then the
gate, then the default. Only a `database_access` that is written in the gate is a ceiling for the probe's own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ATTRIBUTE: Final = "__probe_wishes__"
PLACE: Final = "__probe_place__"
"""Of a method that was made of something else: the file and the line where that stands."""
LONGEST: Final = 7 * 24 * 3600.0
"""Seconds that a duration can be: more than the operating system can wait in one go would crash a run."""
_SHOWN: Final = 60
_LONGEST_OWNER: Final = 200
_LONGEST_URL: Final = 2000
_URL: Final = re.compile(r"https?://[^\s/]\S*")
_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)

Decorated = TypeVar("Decorated", bound="Callable[..., object]")
Parsed = TypeVar("Parsed")


class DatabaseAccess(StrEnum):
    """What a probe may do to the live databases, from the least to the most."""

    READ_ONLY = "read-only"
    ROLLBACK = "rollback"
    READ_WRITE = "read-write"

    @property
    def rank(self) -> int:
        """The place in the order from the least to the most."""
        return list(DatabaseAccess).index(self)


class Isolation(StrEnum):
    """What each probe, or each group that shares fixtures, has for itself: a process, or its turn in a worker."""

    PROCESS = "process"
    WORKER = "worker"


class CeilingError(Exception):
    """A probe wishes more database access than its gate allows."""


def shown(value: object) -> str:
    """Return a value as it is written in code, cut to what fits in a sentence; ValueError for an endless number."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def parse_duration(value: object) -> float:
    """Return the seconds of `250ms`, `30s`, `2m30s`, `1h` or a bare number of seconds.

    Raise ValueError with one sentence that fits behind the name of the option or key.
    """
    seconds = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value  # not a float() of it, which may be out of range
    elif isinstance(value, str) and _NUMBER.fullmatch(value):
        seconds = float(value)
    elif isinstance(value, str) and value and (match := _DURATION.fullmatch(value)):
        hours, minutes, secs, millis = (float(part or 0) for part in match.groups())
        seconds = hours * 3600 + minutes * 60 + secs + millis / 1000
    if seconds > LONGEST:
        raise ValueError(f"expected a duration of 7 days at the most, got {shown(value)}")
    if not seconds >= 0:  # below nothing, or no number
        raise ValueError(
            f'expected a duration such as "250ms", "30s" or "2m30s" (units: h, m, s, ms), got {shown(value)}'
        )
    return float(seconds)


def parse_timeout(value: object) -> float:
    """Return the seconds of a duration that is more than nothing; ValueError as `parse_duration`."""
    seconds = parse_duration(value)
    if seconds == 0:
        raise ValueError("expected a duration of more than nothing, got 0")
    return seconds


def parse_access(value: object) -> DatabaseAccess:
    """Return the access that a policy, an option or a probe names; ValueError with one sentence."""
    try:
        return DatabaseAccess(str(value))
    except ValueError:
        names = ", ".join(DatabaseAccess)
        raise ValueError(f"expected one of {names}, got {shown(value)}") from None


def parse_isolation(value: object) -> Isolation:
    """Return the isolation that a policy or an option names; ValueError with one sentence."""
    try:
        return Isolation(str(value))
    except ValueError:
        raise ValueError(f"expected one of {', '.join(Isolation)}, got {shown(value)}") from None


def parse_owner(value: object) -> str:
    """Return who owns a probe, in one line; ValueError with one sentence."""
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _LONGEST_OWNER:
        return value.strip()
    raise ValueError(f"expected a name of at most {_LONGEST_OWNER} characters, got {shown(value)}")


def parse_runbook(value: object) -> str:
    """Return the URL of a runbook, which reports make a link of; ValueError with one sentence."""
    if isinstance(value, str) and _URL.fullmatch(value) and value.isprintable() and len(value) <= _LONGEST_URL:
        return value
    raise ValueError(f"expected a URL that begins with https:// or http://, got {shown(value)}")


def settle_access(terms: Any) -> None:
    """Make the `database_access` of a frozen dataclass, where there is one, what it names; ValueError where it is none.

    A text from code would else be like none of the three, and the guard asks which one it is.
    """
    if terms.database_access is not None:
        try:
            object.__setattr__(terms, "database_access", parse_access(terms.database_access))
        except ValueError as error:
            raise ValueError(f"database_access: {error}") from None


def parse_count(value: object) -> int:
    """Return a whole number from 0 up; ValueError with one sentence."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"expected a whole number from 0 up, got {shown(value)}")


def parse_flag(value: object) -> bool:
    """Return true or false; ValueError with one sentence."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"expected true or false, got {shown(value)}")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a probe, or the operator, asks for; None where nothing was said. `timeout` is in seconds.

    `owner` and `runbook` ask for nothing: they say who mends the probe, and where it is written how.
    """

    timeout: float | None = None
    retries: int | None = None
    warn_only: bool | None = None
    database_access: DatabaseAccess | None = None
    owner: str | None = None
    runbook: str | None = None

    def __post_init__(self) -> None:
        """Take an access that is given as a text; ValueError where it names none."""
        settle_access(self)

    def over(self, other: Wishes) -> Wishes:
        """Return these wishes with `other`'s where these say nothing."""
        return Wishes(
            *(
                getattr(other, field.name) if (mine := getattr(self, field.name)) is None else mine
                for field in fields(self)
            )
        )


NOTHING: Final = Wishes()


@dataclass(frozen=True, slots=True)
class Terms:
    """How one probe is run, decided: `timeout` in seconds."""

    timeout: float
    retries: int
    blocking: bool
    database_access: DatabaseAccess

    def __post_init__(self) -> None:
        """Take an access that is given as a text; ValueError where it names none."""
        settle_access(self)


class About(NamedTuple):
    """What is known of a probe before it runs; None where nothing is known.

    `title` is the first line of its docstring, `file` and `line` are where its method is defined. `owner` is who mends
    it, `runbook` the URL of what they do.
    """

    title: str | None = None
    owner: str | None = None
    runbook: str | None = None
    file: str | None = None
    line: int | None = None


UNKNOWN: Final = About()


def probe(
    decorated: object = None,
    /,
    *,
    timeout: str | float | None = None,
    retries: int | None = None,
    warn_only: bool | None = None,
    database_access: str | None = None,
    owner: str | None = None,
    runbook: str | None = None,
) -> Callable[[Decorated], Decorated]:
    """Decorate a probe's method or class with its own terms; a method's say more than its class's.

    `timeout` is a duration such as "5s" (setUp and tearDown included), `retries` how often a problem is tried
    again, `warn_only` reports a problem without closing the gate, `database_access` is "read-only", "rollback" or
    "read-write". `owner` is a name and `runbook` a URL, which reports show with a problem. Raise ValueError where a
    value is none of these, so that the module does not load.
    """
    if decorated is not None:
        raise TypeError('@probe takes its terms in parentheses: @probe(timeout="5s")')

    def parsed(name: str, parse: Callable[[object], Parsed], value: object) -> Parsed | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise ValueError(f"@probe({name}=...): {error}") from None

    wishes = Wishes(
        timeout=parsed("timeout", parse_timeout, timeout),
        retries=parsed("retries", parse_count, retries),
        warn_only=parsed("warn_only", parse_flag, warn_only),
        database_access=parsed("database_access", parse_access, database_access),
        owner=parsed("owner", parse_owner, owner),
        runbook=parsed("runbook", parse_runbook, runbook),
    )

    def decorate(decorated: Decorated) -> Decorated:
        inherited = getattr(decorated, ATTRIBUTE, NOTHING)
        setattr(decorated, ATTRIBUTE, wishes.over(inherited))
        return decorated

    return decorate


def wishes_of(test: object, method: str) -> Wishes:
    """Return what a test case's method and class wish together."""
    own: Wishes = getattr(getattr(test, method, None), ATTRIBUTE, NOTHING)
    inherited: Wishes = getattr(type(test), ATTRIBUTE, NOTHING)
    return inherited if own is NOTHING else own.over(inherited)
