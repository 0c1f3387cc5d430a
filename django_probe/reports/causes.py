"""Groups the results that have one cause, for the reports: a database that is down is told of once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from django_probe import details
from django_probe.reports.text import explanation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.outcomes import Outcome
    from django_probe.results import ProbeResult

MOST_NAMED: Final = 3
"""Labels of one cause that a report names where it has to be short."""


class Cause(NamedTuple):
    """What several results have in common; there is at least one of them."""

    results: tuple[ProbeResult, ...]

    @property
    def first(self) -> ProbeResult:
        """The result that speaks for all."""
        return self.results[0]

    @property
    def message(self) -> str:
        """One line, never empty, that says why."""
        return explanation(self.first)

    @property
    def outcome(self) -> Outcome:
        """How each of them ended."""
        return self.first.outcome

    @property
    def closes_gate(self) -> bool:
        """Whether they keep the gate from passing."""
        return self.first.closes_gate

    @property
    def named(self) -> tuple[ProbeResult, ...]:
        """The results whose labels a short report names."""
        return self.results[:MOST_NAMED]

    @property
    def unnamed(self) -> int:
        """How many there are besides."""
        return len(self.results) - len(self.named)

    @property
    def owners(self) -> tuple[str, ...]:
        """Who mends them, each once."""
        return tuple(dict.fromkeys(result.owner for result in self.results if result.owner))

    @property
    def runbooks(self) -> tuple[str, ...]:
        """Where it is written how, each once."""
        return tuple(dict.fromkeys(result.runbook for result in self.results if result.runbook))


def causes(results: Iterable[ProbeResult]) -> tuple[Cause, ...]:
    """Return the problems, and the probes that closed the gate because they were not run, by what caused them.

    Alike are results whose outcome, message and innermost frame are. What closes the gate comes first, problems before
    what was not run, and of these the cause of most results.
    """
    groups: dict[tuple[object, ...], list[ProbeResult]] = {}
    for result in results:
        if result.is_problem or result.closes_gate:
            key = (result.closes_gate, result.outcome, *details.cause(explanation(result), result.details))
            groups.setdefault(key, []).append(result)
    found = [Cause(tuple(group)) for group in groups.values()]
    found.sort(key=lambda cause: (not cause.closes_gate, not cause.first.is_problem, -len(cause.results)))
    return tuple(found)
