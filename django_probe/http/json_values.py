"""Reads JSON without mercy."""

from __future__ import annotations

import json
import math
from typing import Any, Final

_LONGEST_NAME: Final = 80


class JsonError(ValueError):
    """A text is no JSON, or no value is at a path of it; the message is a clause of a sentence."""


def parsed(text: str) -> Any:
    """Return what a text of JSON says; JsonError where readers could take it for different things.

    That is a member that stands twice, or a number that is none (RFC 8259, 4 and 6). A byte order mark is passed over.
    """
    try:
        return json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_float,
        )
    except (ValueError, RecursionError) as error:
        raise JsonError(f"the body is no JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise JsonError(f"the member {twice[:_LONGEST_NAME]!r} stands twice in one object")
    return members


def _no_number(text: str) -> Any:
    raise JsonError(f"{text} is no number")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonError(f"{text[:20]} is too large a number")
    return number
