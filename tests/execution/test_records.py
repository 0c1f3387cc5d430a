"""The record of a run: nothing that was selected is missing in it, and no override puts anything else in its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from django_probe.execution.records import Records
from django_probe.results import EndedBy, Outcome, ProbeResult

RECORDS = Records("6f0c", "deploy", None, datetime(2026, 11, 30, tzinfo=UTC), 0.0, allow_empty=False)


def session(*labels, ran=None):
    """Return what a record needs of a session that selected these labels."""
    selected = [SimpleNamespace(label=label, blocking=True) for label in labels]
    return SimpleNamespace(selected=selected, total=len(labels), digest="d1", ran=ran)


def test_whole__a_probe_without_a_result_is_an_error():
    """An override that drops a result opens no gate; what ended the run is not lost with it."""
    run = RECORDS.of(session("shop.TestA.test_a"), [ProbeResult("shop.TestA.test_a", Outcome.PASSED)])
    whole = RECORDS.whole(run, session("shop.TestA.test_a", "shop.TestA.test_b", ran=((), EndedBy.FAILFAST)))
    assert [(result.label, result.outcome) for result in whole.results] == [
        ("shop.TestA.test_a", Outcome.PASSED),
        ("shop.TestA.test_b", Outcome.ERROR),
    ]
    assert (whole.exit_code, whole.ended_by, whole.selection) == (1, EndedBy.FAILFAST, "d1")


@pytest.mark.parametrize("given", [None, 0, True, "passed"])
def test_whole__what_is_no_record_is_refused(given):
    """What a team's own `run_suite` gives is a record, or an error that says what it gave."""
    with pytest.raises(TypeError, match="not a ProbeRun"):
        RECORDS.whole(given, session())
    assert RECORDS.known(given) is None


def test_ended__a_signal_is_what_ended_a_run():
    """It comes before failfast, and not before another signal or the deadline, which came first."""
    run = RECORDS.of(session())
    assert RECORDS.ended(run, None) is run
    assert RECORDS.ended(run, EndedBy.SIGTERM).exit_code == 143
    assert RECORDS.ended(replace(run, ended_by=EndedBy.FAILFAST), EndedBy.SIGINT).exit_code == 130
    assert RECORDS.ended(replace(run, ended_by=EndedBy.DEADLINE), EndedBy.SIGTERM).exit_code == 3
