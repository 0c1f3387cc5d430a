"""Records to render, made in a line."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pytest

from django_probe.results import Outcome, ProbeResult, ProbeRun

# No Python and no Django changes what others make of a report, that all reports of a record agree, and what becomes of
# lines that nobody reads (which is the kernel's): once is enough.
_ONE_END = (
    "test_junit_readers.py",
    "test_html.py",
    "test_agreement.py",
    "console/test_outlet.py",
    "console/test_terminal.py",
)
collect_ignore = list(_ONE_END) if sys.version_info < (3, 13) else []

STARTED = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)


def _result(label="shop.TestCheckout.test_pay", outcome="passed", **values):
    outcome = Outcome(outcome)
    started = {} if outcome is Outcome.NOT_RUN else {"started_at": STARTED, "duration": 0.051}
    return ProbeResult(label, outcome, **{**started, **values})


def _run(*results, **values):
    given = {
        "id": "6f0c",
        "gate": "deploy",
        "started_at": STARTED,
        "finished_at": STARTED + timedelta(seconds=1.204),
        "selected": len(results),
        "host": "pod-x",
        **values,
    }
    return ProbeRun(results=results, **given)


@pytest.fixture
def result():
    """A function that makes one result."""
    return _result


@pytest.fixture
def run():
    """A function that makes a run of these results."""
    return _run
