"""How what code raised is told: as one line, and as the traceback that is its own."""

from __future__ import annotations

import traceback
import unittest
from typing import TYPE_CHECKING, Final

from django_probe import details
from django_probe.execution import tracebacks
from django_probe.execution.secrets.redaction import Redactor

if TYPE_CHECKING:
    from types import TracebackType

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

MAX_MESSAGE: Final = 500
MAX_DETAILS: Final = 64 * 1024
_MAX_NAME: Final = 120
_MAX_LINE: Final = 4096
_redact: Final = Redactor()  # before anything is cut: half a secret would not be found again


class Interrupted(BaseException):
    """Raised in a probe whose time is over; no Exception, so that a probe's own `except Exception` lets it pass."""


def message_of(error: BaseException) -> str:
    """Return an exception as one line: what it said, with its type if it is no assertion, and its notes' heads."""
    try:
        said = "" if error.args == (None,) else one_line(str(error))  # `self.fail()` gives None for a message
        heads = [str(note).partition("\n")[0] for note in getattr(error, "__notes__", ())]
        notes = "; ".join(filter(None, heads))
    except Exception:  # noqa: BLE001 (an exception's own __str__ is the probe's code)
        said, notes = "(its message could not be read)", ""
    name = type(error).__name__
    if name == "BdbQuit":
        notes = f"{notes} a breakpoint needs --parallel 0, which runs probes where your terminal is"
    typed = f"{name}: {said}" if said else name
    message = said if said and isinstance(error, AssertionError) else typed
    return one_line(f"{message} ({notes})" if notes else message)


def one_line(text: object) -> str:
    """Return the first line of a text that is not empty, at most `MAX_MESSAGE` characters of it."""
    line = "".join(_redact(str(text)).strip().splitlines()[:1]).rstrip()
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"


def shortened(text: str) -> str:
    """Return a text's beginning and end, if it is longer than `MAX_DETAILS`: whole lines, but of a long one the same.

    A long line, as of an assertion that shows a whole page, goes first: it says what failed, and keeps others out.
    """
    if len(text) > MAX_DETAILS:
        text = "\n".join(line if len(line) <= _MAX_LINE else _shortened(line, _MAX_LINE) for line in text.split("\n"))
    return text if len(text) <= MAX_DETAILS else _shortened(text, MAX_DETAILS)


def _shortened(text: str, most: int) -> str:
    half, lines = most // 2, "\n" if "\n" in text else ""
    head = text[:half].rpartition("\n")[0] or text[:half]
    tail = text[-half:].partition("\n")[2] or text[-half:]
    return f"{head}{lines}[... {len(text) - len(head) - len(tail)} characters left out ...]{lines}{tail}"


def capped(told: str) -> str:
    """Return details with what fits: the short form before the whole one."""
    return told if len(told) <= MAX_DETAILS else shortened(details.parted(told)[0])


def name_of(test: unittest.TestCase) -> str:
    """Return how a test names itself, empty where it does so as every test does: then its label says it.

    That is what tells one of several tests of the same method from the others: a scenario, an argument, a function.
    """
    test = getattr(test, "test_case", test)  # of a subTest
    usual = {str(make(test)) for make in (unittest.TestCase.id, unittest.TestCase.__str__)}
    told: list[str] = []
    for method in ("id", "shortDescription", "__str__"):
        own = method in vars(test) or getattr(type(test), method) is not getattr(unittest.TestCase, method)
        if not own or (method == "__str__" and told):
            continue
        try:
            said = one_line(getattr(test, method)() or "")
        except Exception:  # noqa: BLE001 (it is the probe's code, and the problem counts)
            said = ""
        if said and said not in usual and not any(name in said for name in told):
            told.append(said.removeprefix(unittest.TestCase.id(test))[:_MAX_NAME])
    return " ".join(told)


def formatted(err: ExcInfo, test: unittest.TestCase | None = None) -> str:
    """Return the details of a traceback without unittest's own frames, which say nothing to the reader."""
    kind, error, tb = err
    while tb and "__unittest" in tb.tb_frame.f_globals:
        tb = tb.tb_next
    failure = getattr(test, "failureException", AssertionError)
    try:
        lines = traceback.TracebackException(kind, error, tb, compact=True)
        if isinstance(error, failure | Interrupted):
            kept = [frame for frame, own in zip(lines.stack, _own_frames(tb), strict=False) if own]
            lines.stack[:] = kept or lines.stack
        says_all = isinstance(error, AssertionError) or getattr(error, "says_all", False) is True
        return tracebacks.told(lines, tb, says_all=says_all)
    except Exception as broken:  # noqa: BLE001 (formatting calls the exception's own code)
        return f"{kind.__name__} (its traceback could not be formatted: {type(broken).__name__})\n"


def _own_frames(tb: TracebackType | None) -> list[bool]:
    own = []
    while tb:
        own.append("__unittest" not in tb.tb_frame.f_globals)
        tb = tb.tb_next
    return own
