"""The record decides the verdict, in the order of precedence that the exit codes are documented in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from django_probe.results import EndedBy, Outcome, ProbeResult, ProbeRun

STARTED = datetime(2026, 11, 23, 10, tzinfo=UTC)


def results(*outcomes, blocking=True):
    """Return one result an outcome."""
    return tuple(
        ProbeResult(f"shop.TestX.test_{number}", Outcome(outcome), blocking) for number, outcome in enumerate(outcomes)
    )


def record(*given, **values):
    """Return a run of these results."""
    values = {"selected": len(given), **values}
    return ProbeRun("6f0c", "deploy", STARTED, STARTED + timedelta(seconds=2), results=given, **values)


PASSED = results("passed")
WARNED = results("failed", "error", "timeout", "not_run", blocking=False)


@pytest.mark.parametrize(
    ("given", "values", "code"),
    [
        # 130, 143 and 3: what ended the run comes before everything that its results say.
        (PASSED, {"ended_by": EndedBy.SIGINT}, 130),
        (results("failed"), {"ended_by": EndedBy.SIGINT}, 130),
        (PASSED, {"ended_by": EndedBy.SIGTERM}, 143),
        (results("error", "not_run"), {"ended_by": EndedBy.SIGTERM}, 143),
        ((), {"ended_by": EndedBy.SIGTERM, "allow_empty": True}, 143),
        (PASSED, {"ended_by": EndedBy.DEADLINE}, 3),
        (results("timeout"), {"ended_by": EndedBy.DEADLINE}, 3),
        (PASSED, {"ended_by": EndedBy.DEADLINE, "stricter_exit_code": 7}, 3),
        # 1: one blocking problem is enough, whatever the others did.
        (results("failed"), {}, 1),
        (results("error"), {}, 1),
        (results("timeout"), {}, 1),
        (results("passed", "failed", "passed"), {}, 1),
        (results("failed"), {"ended_by": EndedBy.FAILFAST}, 1),
        (results("failed"), {"stricter_exit_code": 7}, 1),
        (results("failed"), {"allow_empty": True}, 1),
        # 1: a blocking probe that never ran is never a pass.
        (results("passed", "not_run"), {}, 1),
        (results("not_run"), {"allow_empty": True}, 1),
        (results("passed", "not_run"), {"ended_by": EndedBy.FAILFAST}, 1),
        # 5: nothing was proved.
        ((), {}, 5),
        (results("skipped", "skipped"), {}, 5),
        (results("not_run", blocking=False), {}, 5),
        ((), {"shard": "0/3", "selected": 0}, 5),
        (results("skipped"), {"shard": "0/3", "selected": 9}, 5),
        ((), {"stricter_exit_code": 7}, 5),
        # A team's own suite_result may close what would have passed.
        (PASSED, {"stricter_exit_code": 7}, 7),
        ((), {"allow_empty": True, "stricter_exit_code": 7}, 7),
        # 0
        (PASSED, {}, 0),
        (results("expected_failure"), {}, 0),
        (results("passed", "skipped"), {}, 0),
        (WARNED, {}, 0),
        (PASSED + WARNED, {"ended_by": EndedBy.FAILFAST}, 0),
        ((), {"allow_empty": True}, 0),
        (results("skipped"), {"allow_empty": True}, 0),
        ((), {"shard": "2/3", "selected": 2}, 0),
    ],
)
def test_exit_code__first_row_that_applies_wins(given, values, code):
    """The exit code is the first of 130, 143, 3, 1, 5 and 0 that applies, and passed means 0."""
    run = record(*given, **values)

    assert run.exit_code == code
    assert run.passed is (code == 0)


@pytest.mark.parametrize(
    ("given", "values", "reason"),
    [
        (PASSED, {"ended_by": EndedBy.SIGTERM}, "SIGTERM ended the run before every probe was done"),
        (PASSED, {"ended_by": EndedBy.DEADLINE}, "the deadline ended the run before every probe was done"),
        (results("failed"), {}, "1 blocking probe did not pass"),
        (results("failed", "not_run", "passed"), {}, "1 blocking probe did not pass, 1 was not run"),
        ((), {}, "no probe was selected: nothing was proved"),
        (results("skipped"), {}, "every probe that was selected skipped itself: nothing was proved"),
        (
            PASSED,
            {"stricter_exit_code": 1},
            "suite_result() of the team's own runner asked for exit code 1",
        ),
        (
            PASSED,
            {"stricter_exit_code": 5},
            "a shard in which nothing ran, or suite_result() of the team's own runner asked for exit code 5",
        ),
        ((), {"allow_empty": True}, "nothing ran, which --allow-empty allows"),
        (PASSED, {}, "every blocking probe passed"),
        ((*PASSED, *WARNED), {}, "every blocking probe passed"),
        (results("passed", "expected_failure", "skipped"), {}, "every blocking probe passed"),
        (
            results("expected_failure", "skipped"),
            {},
            "no blocking probe passed: those that ran failed, as their @expectedFailure says",
        ),
        (
            results("passed", "failed", "error", "timeout", blocking=False),
            {},
            "no blocking probe: nothing could close this gate; 3 warn-only problems",
        ),
        (
            results("failed", blocking=False),
            {},
            "no blocking probe: nothing could close this gate; 1 warn-only problem",
        ),
        (results("passed", blocking=False), {}, "no blocking probe: nothing could close this gate"),
        (
            (*results("skipped"), *results("failed", blocking=False)),
            {"shard": "0/2"},
            "every blocking probe skipped itself: nothing could close this shard; 1 warn-only problem",
        ),
        ((), {"shard": "0/2", "selected": 4}, "no probe is in this shard: the others have them all"),
        (results("skipped", blocking=False), {}, "every probe that was selected skipped itself: nothing was proved"),
    ],
)
def test_reason__says_what_the_exit_code_came_from(given, values, reason):
    """A person reads in one sentence which row of the table applied."""
    assert record(*given, **values).reason == reason


def test_counts__every_outcome_is_a_key_and_the_sum_is_all_results():
    """Nobody who reads the counts has to ask whether an outcome is missing or zero."""
    run = record(*results("passed", "passed", "not_run"))

    assert run.counts == {
        "passed": 2,
        "failed": 0,
        "error": 0,
        "timeout": 0,
        "skipped": 0,
        "expected_failure": 0,
        "not_run": 1,
    }


def test_problems__blocking_ones_first_in_the_order_they_ended():
    """What closed the gate stands before what only warns, and skips and passes are no problems."""
    warned, closing = results("failed", blocking=False), results("error", "skipped", "passed", "timeout")

    problems = record(*warned, *closing).problems

    assert [problem.outcome for problem in problems] == ["error", "timeout", "failed"]


def test_duration__seconds_from_start_to_finish():
    """The duration of a run is what a clock on the wall would say."""
    assert record(*PASSED).duration == 2.0


def test_judged__closes_a_run_that_would_have_passed_and_leaves_the_record_it_came_from():
    """A stricter verdict is a new record: the old one is frozen."""
    run = record(*PASSED)

    judged = run.judged(7)

    assert (judged.exit_code, run.exit_code) == (7, 0)


@pytest.mark.parametrize("given", [results("failed"), (), results("not_run")])
def test_judged__cannot_open_what_is_closed(given):
    """suite_result() that answers 0 for a closed gate changes nothing."""
    run = record(*given)

    assert run.judged(0).exit_code == run.exit_code != 0


@pytest.mark.parametrize("wrong", [float("inf"), float("-inf"), float("nan"), -1.0, 1e18])
def test_a_duration_that_no_clock_gives_is_none(wrong):
    """Reports are made of numbers, whatever a team's own runner, or a row of the history, says."""
    assert ProbeResult("shop.TestX.test_1", Outcome.PASSED, duration=wrong).duration == 0.0
    assert ProbeResult("shop.TestX.test_1", Outcome.PASSED, duration=2).duration == 2.0


def test_a_run_whose_times_are_of_two_clocks_has_no_negative_duration():
    """A lost run ends at its last heartbeat, by the clock of the database."""
    run = ProbeRun("6f0c", "deploy", STARTED, STARTED - timedelta(seconds=2), 1, PASSED)
    assert run.duration == 0.0


def test_an_outcome_is_one_of_those_there_are():
    """A text of the name is as good; any other is refused where it is made, and in no report."""
    assert ProbeResult("shop.TestX.test_1", "failed").outcome is Outcome.FAILED
    with pytest.raises(ValueError, match="flaky"):
        ProbeResult("shop.TestX.test_1", "flaky")
