"""The filters of the history's templates that know where its pages are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.template import Library

if TYPE_CHECKING:
    from django_probe.history.links import Links
    from django_probe.history.pages.statistics import GateCard
    from django_probe.history.storage.summaries import RunSummary

register = Library()


def gate_url(here: Links, name: str) -> str:
    """Return the URL of a gate."""
    return here.of_gate(name)


def run_url(here: Links, run: RunSummary) -> str:
    """Return the URL of a run."""
    return here.of_run(run.name)


def name_url(here: Links, name: str) -> str:
    """Return the URL of a run of which only the name is known."""
    return here.of_run(name)


def comparison_url(here: Links, card: GateCard) -> str:
    """Return the URL that compares how a gate stands with the run before that passed."""
    return here.of_comparison(card.base, card.verdict.id, card.name) if card.verdict else ""


def starter(run: RunSummary) -> str:
    """Return what started a run, and who: `ann (http)`, `cronjob`, `a command`."""
    return f"{run.started_by} ({run.trigger})" if run.started_by else run.trigger or "a command"


for _filter in (gate_url, run_url, name_url, comparison_url, starter):
    register.filter(_filter.__name__, _filter)
