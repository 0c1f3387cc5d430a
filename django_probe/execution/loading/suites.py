"""The suites that loading makes, what stands in them for a test that cannot run, and the labels of what is in them."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Final

from django_probe.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NUMBER: Final = "__probe_number__"


class ProbeSuite(unittest.TestSuite):
    """The tests of one probes module; `prefix`, "app" or "app.module", begins their labels.

    `unchosen` are the labels of the module's other tests, which were not asked for.
    """

    def __init__(
        self,
        tests: Iterable[unittest.TestCase | unittest.TestSuite] = (),
        *,
        prefix: str,
        unchosen: Sequence[str] = (),
    ) -> None:
        super().__init__(tests)
        self.prefix = prefix
        self.unchosen = unchosen


class SilentApp(ProbeSuite):
    """Stands for an app that a label names and that gives no probe."""


class Stillborn(unittest.TestCase):
    """A probe whose outcome is known before any of it could run."""

    def __init__(self, label: str, outcome: Outcome, message: str, details: str = "") -> None:
        super().__init__("judged")
        self.label = label
        self.outcome = outcome
        self.message = message
        self.details = details

    def judged(self) -> None:
        """Stand in for the test method that there is none of."""
        raise AssertionError(self.message)


def leaves(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield the tests of a suite, however deep they stand in it."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from leaves(test)
        else:
            yield test


def label_of(test: unittest.TestCase, prefix: str) -> str:
    """Return the label of a test that a module with this prefix gave."""
    if isinstance(test, Stillborn):
        return test.label
    number = getattr(test, _NUMBER, "")
    return f"{prefix}.{type(test).__name__}.{test._testMethodName}{number}"  # noqa: SLF001 (unittest has no other name for it)


def numbered(label: str, seen: dict[str, int]) -> str:
    """Return a label that no probe before has: the second of two that would have one is `app.Class.method[2]`."""
    times = seen[label] = seen.get(label, 0) + 1
    return label if times == 1 else f"{label}[{times}]"


def number(suites: Iterable[ProbeSuite]) -> None:
    """Let each test keep the number that it has among all tests, so that it keeps its label among the chosen ones."""
    seen: dict[str, int] = {}
    tests = {id(test): (test, suite.prefix) for suite in suites for test in leaves(suite)}
    for test, prefix in tests.values():
        plain = label_of(test, prefix)
        setattr(test, _NUMBER, numbered(plain, seen).removeprefix(plain))


def error_suite(label: str, message: str) -> ProbeSuite:
    """Return the suite of one error with this label."""
    return ProbeSuite([Stillborn(label, Outcome.ERROR, message)], prefix=label)
