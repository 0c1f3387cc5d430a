"""Reads a record that `reports.json` wrote, so that it can be rendered again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django_probe.attachments import Attachment
from django_probe.outcomes import EndedBy, ExitCode, Outcome
from django_probe.reports.json import VERSION
from django_probe.results import Earlier, ProbeResult, ProbeRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SHOWN: Final = 60
_MOST: Final = 255
_NEEDED: Final = object()


class RecordError(Exception):
    """The text is no record of a run; one sentence says what is wrong, and where."""


class _Values:
    """The values of one JSON object, each taken with the type that it must have; `where` leads to the object."""

    def __init__(self, given: object, where: str) -> None:
        if not isinstance(given, dict):
            raise RecordError(f"{where or 'the record'}: expected an object, got {_shown(given)}")
        self._given: Mapping[str, object] = given
        self._where = where

    def take(self, key: str, what: str, convert: Callable[[Any], Any], default: object = _NEEDED) -> Any:
        """Return the value converted, `default` where there is none; RecordError where it is not `what`."""
        value = self._given.get(key, default)
        where = f"{self._where}.{key}" if self._where else key
        if value is _NEEDED:
            raise RecordError(f"{where}: there is none; expected {what}")
        if value is default:
            return value
        try:
            return convert(value)
        except (TypeError, ValueError, OverflowError):
            raise RecordError(f"{where}: expected {what}, got {_shown(value)}") from None

    def text(self, key: str, default: object = _NEEDED) -> Any:
        """Return a text."""
        return self.take(key, "a text", _of(str), default)

    def count(self, key: str, default: object = _NEEDED) -> Any:
        """Return a whole number from 0 up."""
        return self.take(key, "a whole number from 0 up", _count, default)

    def each(self, key: str, default: object = _NEEDED) -> list[tuple[object, str]]:
        """Return the entries of a list, each with what leads to it."""
        entries = self.take(key, "a list", _of(list), default)
        where = f"{self._where}.{key}" if self._where else key
        return [(entry, f"{where}[{index}]") for index, entry in enumerate(entries)]


def read(text: str) -> ProbeRun:
    """Return the run that a record tells of, with its verdict; RecordError where it is none, or disagrees with itself.

    A record without a version is one of a release before versions.
    """
    try:
        values = _Values(json.loads(text), "")
    except (ValueError, RecursionError) as error:
        raise RecordError(f"not JSON: {error}") from None
    if (version := values.take("version", "a number", _of(int), VERSION)) != VERSION:
        raise RecordError(f"version: {version} is unknown here, which knows {VERSION}; use the release that wrote it")
    if values.take("finished_at", "a time", lambda value: value) is None:
        raise RecordError("finished_at: the run was still going on; ask for its record when it is over")
    run = ProbeRun(
        id=values.text("id"),
        gate=values.text("gate"),
        release=values.text("release", None),
        host=values.text("host", ""),
        shard=values.text("shard", None),
        started_at=values.take("started_at", "a time", _time),
        finished_at=values.take("finished_at", "a time", _time),
        selected=values.count("selected"),
        selection=values.text("selection", None),
        results=tuple(_result(_Values(entry, where)) for entry, where in values.each("results")),
        ended_by=values.take("ended_by", f"one of {', '.join(EndedBy)}", EndedBy, None),
    )
    return _judged(run, values.take("exit_code", f"a number from 0 to {_MOST}", _exit_code))


def _judged(run: ProbeRun, code: int) -> ProbeRun:
    """Return the run with what its options and its runner made of it: both are in the exit code alone."""
    if run.exit_code == ExitCode.NOTHING_RAN and code != ExitCode.NOTHING_RAN:
        run = replace(run, allow_empty=True)
    run = run.judged(code)
    if run.exit_code != code:
        raise RecordError(f"exit_code: the record says {code}, and its results come to {run.exit_code:d}")
    return run


def _result(values: _Values) -> ProbeResult:
    outcomes = f"one of {', '.join(Outcome)}"
    attempts = [_Values(entry, where) for entry, where in values.each("earlier", ())]
    return ProbeResult(
        label=values.text("label"),
        outcome=values.take("outcome", outcomes, Outcome),
        blocking=values.take("blocking", "true or false", _of(bool)),
        started_at=values.take("started_at", "a time or null", _time, None),
        duration=values.take("duration", "a number", _number),
        attempts=values.count("attempts", 1),
        message=values.text("message", ""),
        details=values.text("details", ""),
        output=values.text("output", ""),
        logs=values.text("logs", ""),
        tags=tuple(_text(tag, where) for tag, where in values.each("tags", ())),
        earlier=tuple(
            Earlier(each.take("outcome", outcomes, Outcome), each.text("message"), each.text("details"))
            for each in attempts
        ),
        title=values.text("title", None),
        owner=values.text("owner", None),
        runbook=values.text("runbook", None),
        file=values.text("file", None),
        line=values.count("line", None),
        attachments=tuple(_attachment(entry, where) for entry, where in values.each("attachments", ())),
    )


def _attachment(value: Any, where: str) -> Attachment:
    try:
        return Attachment.of(value)
    except (TypeError, ValueError, LookupError):
        what = "an object with name, type, size, and content or base64"
        raise RecordError(f"{where}: expected {what}, got {_shown(value)}") from None


def _text(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    raise RecordError(f"{where}: expected a text, got {_shown(value)}")


def _of(kind: type) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        if type(value) is kind:  # true is no number, though Python counts it as 1
            return value
        raise TypeError

    return same


def _count(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    raise ValueError


def _exit_code(value: Any) -> int:
    if _count(value) <= _MOST:
        return int(value)
    raise ValueError


def _number(value: Any) -> float:
    if type(value) in (int, float):
        return float(value)
    raise TypeError


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
