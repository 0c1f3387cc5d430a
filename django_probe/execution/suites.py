"""The suite as the judge's side knows it: labels, and the session that can run what they stand for."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_probe.execution.session import Session


class SelectedProbe:
    """A probe as the judge's side knows it: its label, and nothing that could be run."""

    __slots__ = ("label",)

    def __init__(self, label: str) -> None:
        self.label = label

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SelectedProbe) and other.label == self.label

    def __hash__(self) -> int:
        return hash(self.label)

    def id(self) -> str:
        """Return the label, as `TestCase.id` gives a test's name."""
        return self.label

    def countTestCases(self) -> int:  # noqa: N802 (unittest's name)
        """Return 1: it is one probe."""
        return 1

    def __call__(self, _result: unittest.TestResult) -> None:
        """Refuse, with TypeError: a suite's own `run()` would find nothing here."""
        raise TypeError(f"{self.label} is loaded in another process and runs in run_suite() alone")


class SelectedSuite(unittest.TestSuite):
    """What was selected, as labels; `session` can run it."""

    def __init__(self, session: Session) -> None:
        super().__init__(SelectedProbe(probe.label) for probe in session.selected)  # type: ignore[misc]
        self.session = session
