"""Shared by the ready-made probes: asks every part of a kind, and names every part that fails."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db import Error as DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from unittest import TestCase

_USER_INFO = re.compile(r"(?<=://)\S*@")
_MAX_SUMMARY = 400
_SHOWN = 5

Part = TypeVar("Part")


def ask_each(case: TestCase, kind: str, parts: Iterable[Part], ask: Callable[[Part], str | None], nothing: str) -> None:
    """Call `ask` with each part, in a subtest of its own, so that one that fails hides no other.

    `ask` returns why there is nothing to ask of a part, or None; it raises where the part fails. When no
    part was asked the probe is skipped, with those reasons, or with `nothing` where there is no part.
    """
    asked = list(parts)
    reasons = []
    for part in asked:
        with case.subTest(f'{kind} "{part}"'):
            if reason := ask(part):
                reasons.append(reason)
    # Subtests do not skip one by one: a probe that asked two of three would be reported as skipped.
    if len(reasons) == len(asked):
        case.skipTest("; ".join(reasons) or nothing)


@contextmanager
def blaming(part: str, *enough: type[BaseException]) -> Iterator[None]:
    """Turn every exception of the block into a failure that begins with the name and the place of `part`.

    Of the classes in `enough`, as of a server that does not answer, nothing but the message is told.
    """
    says_all: tuple[type[BaseException], ...] = (OSError, DatabaseError, *enough)
    try:
        yield
    except AssertionError:
        raise
    except says_all as error:
        # If a server does not answer, the message says it all; a driver's long traceback would bury it.
        raise AssertionError(f"{part}: {summary(error)}") from None
    except Exception as error:
        raise AssertionError(f"{part}: {summary(error)}") from error


def is_set(setting: str) -> bool:
    """Return whether the project's settings have it; Django's own default is nobody's choice."""
    return bool(settings.is_overridden(setting))  # type: ignore[misc]  # django-stubs does not know it


def summary(error: BaseException) -> str:
    """Return an exception as one line, without user info in URLs."""
    text = without_user_info(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:_MAX_SUMMARY]}"


def without_user_info(text: str) -> str:
    """Return a text without user and password in URLs; it removes rather too much than too little."""
    return _USER_INFO.sub("", text)


def few(items: Iterable[str]) -> str:
    """Return the first few of some names, and how many more there are."""
    names = list(items)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
