"""Listens to unittest, and makes of all that it says about one test one outcome: the worst that was seen.

It keeps the lists of a `unittest.TestResult` as well: a probe's `tearDown` finds its failure there, and a class that
tries again by itself takes out of them what its later attempt made good.
"""

from __future__ import annotations

import unittest
from typing import Any, Final

from django_probe import details
from django_probe.execution.failures import capped, formatted, message_of, name_of, one_line
from django_probe.execution.secrets.redaction import Redactor
from django_probe.execution.worker.hearing.unawaited import UnrunError
from django_probe.outcomes import PROBLEMS, Outcome
from django_probe.process.originals import Original

_redact: Final = Redactor()  # before anything is cut: half a secret would not be found again
_RANK: Final = {
    outcome: rank
    for rank, outcome in enumerate(
        (Outcome.PASSED, Outcome.EXPECTED_FAILURE, Outcome.SKIPPED, Outcome.FAILED, Outcome.ERROR)
    )
}


class _Note:
    """What was said, and the entry that one of unittest's lists has of it, if one has."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        self.outcome = outcome
        self.message = message
        self.entry: object = None
        self.kept_in = ""


def _headed(heading: str, part: str) -> str:
    """Return a part with a line above it; where the message says it all, the line would say it once more."""
    return details.headed(heading, part) if details.parted(part)[0].strip() else part


class Recorder(unittest.TestResult):
    """A result for one test at a time: `start()`, run the test, then read `outcome`, `message`, `details`."""

    def start(self) -> None:
        """Forget the test before."""
        self.parts: list[str] = []
        self.failfast = False
        self.testsRun = 0
        self._passed = False
        self._notes: list[_Note] = []
        self.failures = []
        self.errors = []
        self.skipped = []
        self.expectedFailures = []
        self.unexpectedSuccesses = []

    @property
    def is_silent(self) -> bool:
        """Whether nothing was said yet."""
        return not (self._passed or self._notes)

    @property
    def outcome(self) -> Outcome | None:
        """Return the worst outcome that was seen, None where nothing was said."""
        worst = self._worst()
        return worst.outcome if worst else (Outcome.PASSED if self._passed else None)

    @property
    def message(self) -> str:
        """Return what was said first of that outcome."""
        worst = self._worst()
        return worst.message if worst else ""

    @property
    def told(self) -> tuple[Outcome | None, str, str]:
        """Return `outcome`, `message` and `details`: at once where nothing was said but that it passed."""
        if not self._notes and not self.parts:
            return (Outcome.PASSED if self._passed else None), "", ""
        return self.outcome, self.message, self.details

    @property
    def details(self) -> str:
        """Every traceback of the test, each under what it belongs to; the middle of a very long text is left out."""
        return capped(_redact(details.gathered(self.parts))) if self.parts else ""

    def note(self, outcome: Outcome, message: str = "", part: str = "") -> None:
        """Take one more thing that was said about the test."""
        if part:
            self.parts.append(part)
        self._notes.append(_Note(outcome, message))

    def under(self, name: str) -> None:
        """Put the name of what it was in front of what was said."""
        for note in self._notes:
            note.message = one_line(f"{name}: {note.message}")

    def _worst(self) -> _Note | None:
        if not self._notes:
            return None
        standing = [note for note in self._notes if self._stands(note)] if self._passed else self._notes
        return Original.greatest(standing, key=lambda note: _RANK[note.outcome], default=None)

    def _stands(self, note: _Note) -> bool:
        """Return whether the test's class has not taken it back; only what passed later may do so."""
        return not note.kept_in or any(entry is note.entry for entry in getattr(self, note.kept_in) or ())

    def _keep(self, outcome: Outcome, test: unittest.TestCase, said: str, kept_in: str, part: str = "") -> None:
        """Take what unittest says of a test, into unittest's own list as well."""
        if outcome in PROBLEMS:
            self._passed = False
            if name := name_of(test):
                said, part = one_line(f"{name}: {said}"), _headed(name, part)
        self.note(outcome, said, part)
        entry = (test, details.parted(part)[1] or said)
        getattr(self, kept_in).append(entry)
        self._notes[-1].entry, self._notes[-1].kept_in = entry, kept_in

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002 (unittest's name, here and below)
        """Take the start of a test."""
        self.testsRun += 1

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Take the end of a test."""

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002
        """Take that the test passed."""
        self._passed = True

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take that an assertion failed."""
        self._keep(Outcome.FAILED, test, message_of(err[1]), "failures", formatted(err, test))

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take that something else was raised, in the test, its setUp, its tearDown or a cleanup."""
        self._keep(Outcome.ERROR, test, message_of(err[1]), "errors", formatted(err, test))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take the end of a subTest; a problem names it."""
        if err is None:
            return
        name = subtest._subDescription()  # type: ignore[attr-defined]  # noqa: SLF001 (unittest's own prints use it)
        failed = issubclass(err[0], test.failureException)
        said, story = message_of(err[1]), formatted(err, test)
        if not said.startswith(name.strip("[]")):  # else it names the part by itself
            said = one_line(f"{name} {said}")
        part = _headed(f"subTest {name}", story)
        outcome, kept_in = (Outcome.FAILED, "failures") if failed else (Outcome.ERROR, "errors")
        self._keep(outcome, subtest, said, kept_in, part)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        """Take that the test, or a subTest of it, skipped itself."""
        self._keep(Outcome.SKIPPED, test, one_line(reason), "skipped")

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """Take that the test failed as it said that it would, if it did anything at all."""
        if isinstance(err[1], UnrunError):
            self.addError(test, err)
            return
        self._keep(Outcome.EXPECTED_FAILURE, test, message_of(err[1]), "expectedFailures", formatted(err, test))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Take that a test that said it would fail did not: the expectation is wrong, so it failed."""
        said = "unexpected success: the probe is marked @expectedFailure, and passed"
        self.note(Outcome.FAILED, said)
        self.unexpectedSuccesses.append(test)

    def addDuration(self, test: unittest.TestCase, elapsed: float) -> None:  # noqa: N802
        """Take how long the test took, as Python 3.12 tells; the executor measures for itself."""
