"""Listens to unittest, and makes of all that it says about one test one outcome: the worst that was seen."""

from __future__ import annotations

import unittest
from typing import Any, Final

from django_probe.execution.failures import formatted, message_of, one_line, shortened
from django_probe.execution.redaction import Redactor
from django_probe.execution.worker.unawaited import UnrunError
from django_probe.results import Outcome

_redact: Final = Redactor()  # before anything is cut: half a secret would not be found again
_RANK: Final = {
    outcome: rank
    for rank, outcome in enumerate(
        (Outcome.PASSED, Outcome.EXPECTED_FAILURE, Outcome.SKIPPED, Outcome.FAILED, Outcome.ERROR)
    )
}


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
