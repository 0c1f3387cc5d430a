"""What a check expects of what comes: a value or a comparison, a status, a text that looks like a pattern."""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django_probe.terms import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPARISON: Final = re.compile(r"(<=|>=|==|!=|<|>)\s*(.+)", re.DOTALL)
_MISTYPED: Final = re.compile(r"=[^=].*|[<>=!]=?", re.DOTALL)
"""What looks like a comparison and is none: `= 1`, `=> 1`, or an operator alone."""
_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_HUNDREDS: Final = re.compile(r"[1-5]xx")
_STATUSES: Final = range(100, 600)
_FINAL: Final = range(200, 600)
"""The statuses that an answer can have at its end: those of 1xx only announce it."""
_LONGEST: Final = 200
_OTHER_WORDS: Final = ("True", "False", "None", "TRUE", "FALSE", "NULL", "Null")
"""How Python, YAML and SQL write what is true, false and null in JSON."""


def in_few(value: object) -> str:
    """Return a value as JSON, cut to what fits in a line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@dataclass(frozen=True, slots=True)
class Expected:
    """A value that has to be there, or a comparison that has to hold: `ok`, `3`, `> 0`, `!= "down"`."""

    compare: str
    value: Any

    def holds(self, actual: Any) -> bool:
        """Return whether it is so; what cannot be compared is not so, and no number is that is none (NaN)."""
        if actual != actual:  # noqa: PLR0124 (a database's NaN, which is unlike every number)
            return False
        if self.compare == "==":
            return _same(actual, self.value)
        if self.compare == "!=":
            return (self.value is None or _alike(actual, self.value)) and not _same(actual, self.value)
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (actual, self.value))
        texts = isinstance(actual, str) and isinstance(self.value, str)
        return (numbers or texts) and _OPERATORS[self.compare](actual, self.value)

    def __str__(self) -> str:
        said = in_few(self.value)
        return said if self.compare == "==" else f"{self.compare} {said}"


def _alike(actual: Any, value: Any) -> bool:
    """Return whether two values are of one type in JSON: nothing at all, say, is no other text than "down"."""
    types = (bool, int | float, str, list, dict, type(None))
    return next(each for each in types if isinstance(actual, each)) is next(
        each for each in types if isinstance(value, each)
    )


def _same(actual: Any, value: Any) -> bool:
    """Return whether two values are the same in JSON, where true is no 1."""
    if isinstance(actual, bool) is not isinstance(value, bool):
        return False
    if isinstance(actual, list) and isinstance(value, list):
        return len(actual) == len(value) and all(map(_same, actual, value))
    if isinstance(actual, dict) and isinstance(value, dict):
        return actual.keys() == value.keys() and all(_same(actual[key], value[key]) for key in actual)
    return bool(actual == value)


def parse_expected(value: object) -> Expected:
    """Return what a value of the policy expects; ValueError where no JSON could be like it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError(
            f"expected what JSON can hold, or a comparison such as '> 0', got {shown(value)}; put it in quotes"
        ) from None
    if isinstance(value, str) and (match := _COMPARISON.fullmatch(value)):
        try:
            right = json.loads(match[2])
        except ValueError:
            right = _bare(match[2], value)
        if match[1] not in ("==", "!=") and (isinstance(right, bool) or not isinstance(right, int | float | str)):
            raise ValueError(f"{match[1]} compares numbers or texts, got {shown(value)}")
        return Expected(match[1], right)
    if isinstance(value, str) and _MISTYPED.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is no comparison: one is <, <=, >, >=, == or !=, and a value; "
            f"for the text itself write {shown(f'== {json.dumps(value, ensure_ascii=False)}')}"
        )
    return Expected("==", value)


def _bare(text: str, value: str) -> str:
    """Return the text after a comparison, which stands there without quotes; ValueError where it looks otherwise."""
    if text != text.strip() or not text or text[0] in "'\"<>=!" or text in _OTHER_WORDS:
        raise ValueError(
            f"{shown(value)} compares with no value of JSON; write the text alone, or in double quotes: '!= \"down\"'"
        )
    return text


@dataclass(frozen=True, slots=True)
class Statuses:
    """The statuses of HTTP that are as they have to be: numbers, or hundreds such as `2xx`."""

    written: tuple[int | str, ...]

    def has(self, status: int) -> bool:
        """Return whether a status is one of them."""
        return any(each in (status, f"{status // 100}xx") for each in self.written)

    def __str__(self) -> str:
        return " or ".join(map(str, self.written))


def parse_statuses(value: object) -> Statuses:
    """Return one status or several; ValueError with one sentence."""
    several: list[Any] = value if isinstance(value, list) and value else [value]
    for each in several:
        if isinstance(each, str) and _HUNDREDS.fullmatch(each):
            continue
        if isinstance(each, bool) or not isinstance(each, int) or each not in _STATUSES:
            raise ValueError(f"expected a status such as 200, 2xx or [401, 403], got {shown(each)}")
    statuses = Statuses(tuple(several))
    if all(map(statuses.has, _FINAL)):
        raise ValueError("every answer has one of these; leave out what it must not be")
    return statuses
