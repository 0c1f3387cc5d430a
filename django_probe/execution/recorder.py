"""Listens to unittest, and makes of all that it says about one test one outcome: the worst that was seen."""

from __future__ import annotations

import traceback
import unittest
from typing import TYPE_CHECKING, Any, Final

from django_probe.execution.redaction import Redactor
from django_probe.execution.returned import UnrunError
from django_probe.results import Outcome

if TYPE_CHECKING:
    from types import TracebackType

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

MAX_MESSAGE: Final = 500
MAX_DETAILS: Final = 64 * 1024
_redact: Final = Redactor()  # before anything is cut: half a secret would not be found again
_RANK: Final = {
    outcome: rank
    for rank, outcome in enumerate(
        (Outcome.PASSED, Outcome.EXPECTED_FAILURE, Outcome.SKIPPED, Outcome.FAILED, Outcome.ERROR)
    )
}


class Interrupted(BaseException):
    """Raised in a probe whose time is over; no Exception, so that a probe's own `except Exception` lets it pass."""


class Recorder(unittest.TestResult):
    """A result for one test at a time: `start()`, run the test, then read `outcome`, `message`, `details`."""

    def start(self) -> None:
        """Forget the test before."""
        self.outcome: Outcome | None = None
        self.message = ""
        self.parts: list[str] = []
        self.failfast = False

    @property
    def details(self) -> str:
        """Every traceback of the test, each under what it belongs to; the middle of a very long text is left out."""
        return shortened(_redact("\n".join(self.parts)))

    def note(self, outcome: Outcome, message: str = "", part: str = "") -> None:
        """Take one more thing that was said about the test."""
        if part:
            self.parts.append(part)
        if self.outcome is None or _RANK[outcome] > _RANK[self.outcome]:
            self.outcome, self.message = outcome, message

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 (unittest's name, here and below)
        """Take the start of a test."""

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Take the end of a test."""

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002
        """Take that the test passed."""
        self.note(Outcome.PASSED)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take that an assertion failed."""
        self.note(Outcome.FAILED, message_of(err[1]), formatted(err, test))

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take that something else was raised, in the test, its setUp, its tearDown or a cleanup."""
        self.note(Outcome.ERROR, message_of(err[1]), formatted(err, test))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take the end of a subTest; a problem names it."""
        if err is not None:
            name = subtest._subDescription()  # type: ignore[attr-defined]  # noqa: SLF001 (unittest's own prints use it)
            failed = issubclass(err[0], test.failureException)
            message = one_line(f"{name} {message_of(err[1])}")
            self.note(
                Outcome.FAILED if failed else Outcome.ERROR,
                message,
                f"subTest {name}\n{formatted(err, test)}",
            )

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802, ARG002
        """Take that the test, or a subTest of it, skipped itself."""
        self.note(Outcome.SKIPPED, one_line(reason))

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take that the test failed as it said that it would, if it did anything at all."""
        if isinstance(err[1], UnrunError):
            self.addError(test, err)
            return
        self.note(Outcome.EXPECTED_FAILURE, message_of(err[1]), formatted(err, test))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002
        """Take that a test that said it would fail did not: the expectation is wrong, so it failed."""
        self.note(Outcome.FAILED, "unexpected success: the probe is marked @expectedFailure, and passed")

    def addDuration(self, test: unittest.TestCase, elapsed: float) -> None:  # noqa: N802
        """Take how long the test took, as Python 3.12 tells; the executor measures for itself."""


def message_of(error: BaseException) -> str:
    """Give an exception as one line: what an assertion said, the type as well for all others, the first note too."""
    try:
        said = one_line(str(error))
        notes = " ".join(map(str, getattr(error, "__notes__", ())))
    except Exception:  # noqa: BLE001 (an exception's own __str__ is the probe's code)
        said, notes = "(its message could not be read)", ""
    name = type(error).__name__
    if name == "BdbQuit":
        notes = f"{notes} a breakpoint needs --parallel 0, which runs probes where your terminal is"
    typed = f"{name}: {said}" if said else name
    message = said if said and isinstance(error, AssertionError) else typed
    return one_line(f"{message} ({notes})" if notes else message)


def one_line(text: object) -> str:
    """Give the first line of a text that is not empty, at most `MAX_MESSAGE` characters of it."""
    line = "".join(_redact(str(text)).strip().splitlines()[:1]).rstrip()
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"


def shortened(text: str) -> str:
    """Give a text's beginning and end, whole lines where it has lines, if it is longer than `MAX_DETAILS`."""
    if len(text) <= MAX_DETAILS:
        return text
    half = MAX_DETAILS // 2
    head = text[:half].rpartition("\n")[0] or text[:half]
    tail = text[-half:].partition("\n")[2] or text[-half:]
    return f"{head}\n[... {len(text) - len(head) - len(tail)} characters left out ...]\n{tail}"


def formatted(err: ExcInfo, test: unittest.TestCase | None = None) -> str:
    """Give a traceback without unittest's own frames, which say nothing to the reader."""
    kind, error, tb = err
    while tb and "__unittest" in tb.tb_frame.f_globals:
        tb = tb.tb_next
    failure = getattr(test, "failureException", AssertionError)
    try:
        lines = traceback.TracebackException(kind, error, tb, compact=True)
        if isinstance(error, failure | Interrupted):
            kept = [frame for frame, own in zip(lines.stack, _own_frames(tb), strict=False) if own]
            lines.stack[:] = kept or lines.stack
        return "".join(lines.format())
    except Exception as broken:  # noqa: BLE001 (formatting calls the exception's own code)
        return f"{kind.__name__} (its traceback could not be formatted: {type(broken).__name__})\n"


def _own_frames(tb: TracebackType | None) -> list[bool]:
    own = []
    while tb:
        own.append("__unittest" not in tb.tb_frame.f_globals)
        tb = tb.tb_next
    return own
