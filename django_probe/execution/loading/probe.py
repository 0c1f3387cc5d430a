"""A probe that was selected, as the processes that load and run it know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_probe.execution.loading.suites import Stillborn
from django_probe.terms import UNKNOWN, About

if TYPE_CHECKING:
    import unittest

    from django_probe.terms import Terms


class Probe:
    """A probe that was selected.

    `fixtures` is the key of the class or module fixtures that it shares with others, None where it has none. One that
    is `required` must not skip.
    """

    __slots__ = ("about", "fixtures", "label", "required", "tags", "terms", "test")

    def __init__(  # noqa: PLR0917 (a call by names would take longer)
        self,
        label: str,
        test: unittest.TestCase,
        tags: tuple[str, ...],
        terms: Terms,
        fixtures: str | None,
        required: bool = False,  # noqa: FBT001, FBT002
        about: About = UNKNOWN,
    ) -> None:
        self.label = label
        self.test = test
        self.tags = tags
        self.terms = terms
        self.fixtures = fixtures
        self.required = required
        self.about = about

    def described(self) -> list[Any]:
        """Return what the judge has to know, as JSON takes it."""
        stillborn = self.test if isinstance(self.test, Stillborn) else None
        verdict = [stillborn.outcome, stillborn.message, stillborn.details] if stillborn else None
        terms = self.terms
        of_terms = (terms.timeout, terms.retries, terms.blocking)
        return [self.label, self.tags, *of_terms, self.fixtures, verdict, self.required, self.about]
