"""Results of one cause are told of together."""

from __future__ import annotations

from django_probe import details
from django_probe.reports.causes import causes

REDIS = """\
Traceback (most recent call last):
  File "/srv/shop/probes.py", line {line}, in test_{line}
    cache.get("a")
  [9 frames left out, down to redis/connection.py:389 (connect)]
redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6379
"""
OWN = 'Traceback:\n  File "/srv/shop/probes.py", line {line}, in test\nAssertionError: 500 != 200\n'


def labels(found):
    """Return the labels of each cause."""
    return [[result.label.rpartition("_")[2] for result in cause.results] for cause in found]


def test_probes_that_a_library_fails_in_one_place_have_one_cause(result):
    """Each probe calls it from a line of its own: what counts is the frame that raised, and what it said."""
    down = "ConnectionError: Error 111 connecting to 127.0.0.1:6379"
    given = [result(f"a.T.test_{n}", "error", message=down, details=REDIS.format(line=n)) for n in range(9)]

    (cause,) = causes(given)

    assert len(cause.results) == 9
    assert cause.message == down


def test_assertions_on_different_lines_are_different_causes(result):
    """That two pages answer 500 says nothing of why; a helper that both call is one place."""
    given = [
        result(f"a.T.test_{n}", "failed", message="500 != 200", details=OWN.format(line=line))
        for n, line in enumerate((3, 5, 3))
    ]

    assert labels(causes(given)) == [["0", "2"], ["1"]]


def test_what_is_chance_in_a_message_makes_no_difference(result):
    """Addresses in memory, UUIDs and times are others in every probe; a status or a port is not."""
    chance = ("<Pool at 0x7f3a10b2c3d0> is closed", "<Pool at 0x7f3a10b2ffff> is closed")
    ports = ("port 5432 is closed", "port 6432 is closed")
    given = [result(f"a.T.test_{n}", "error", message=said) for n, said in enumerate((*chance, *ports))]

    assert labels(causes(given)) == [["0", "1"], ["2"], ["3"]]


def test_what_closes_the_gate_comes_first_and_then_the_larger_causes(result):
    """Warn-only problems are causes of their own, and probes that were not run come after those that failed."""
    given = [
        result("a.T.test_warned", "error", message="down", blocking=False),
        result("a.T.test_passed"),
        result("a.T.test_unrun", "not_run", message="not run: failfast ended the run first"),
        result("a.T.test_one", "error", message="up"),
        result("a.T.test_two", "error", message="down"),
        result("a.T.test_three", "error", message="down"),
    ]

    assert labels(causes(given)) == [["two", "three"], ["one"], ["unrun"], ["warned"]]


def test_the_whole_form_of_the_details_decides_nothing(result):
    """What is grouped is what people see."""
    short = OWN.format(line=3)
    given = [
        result("a.T.test_0", "failed", message="500 != 200", details=details.joined(short, f"{short}{n}"))
        for n in range(2)
    ]

    assert len(causes(given)) == 1


def test_a_cause_says_whom_to_call_once(result):
    """Owners and runbooks are those of all its probes; a short report names three labels and counts the others."""
    given = [
        result(f"a.T.test_{n}", "error", message="down", owner=("shop", None)[n % 2], runbook=f"https://r/{n % 2}")
        for n in range(5)
    ]

    (cause,) = causes(given)

    assert (cause.owners, cause.runbooks) == (("shop",), ("https://r/0", "https://r/1"))
    assert (labels([cause])[0][:3], len(cause.named), cause.unnamed) == (["0", "1", "2"], 3, 2)
