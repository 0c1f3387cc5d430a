"""`django_probe.assertions.ProbeAssertions`: what it lets pass, and what it says where it does not."""

from __future__ import annotations

import unittest
from datetime import UTC, date, datetime, timedelta

import pytest

from django_probe.assertions import ProbeAssertions, words
from tests.projects import python

NOW = datetime.now(UTC)
PROBE = type("Probe", (ProbeAssertions, unittest.TestCase), {})()


def ago(**parts):
    """Return a moment before now."""
    return datetime.now(UTC) - timedelta(**parts)


def told(*arguments, **named):
    """Return what a failure says."""
    with pytest.raises(AssertionError) as caught:
        PROBE.assertFresh(*arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize("within", ["1h", "1d", timedelta(hours=1)])
def test_assert_fresh__passes_what_is_recent(within):
    """Also a moment that a clock a little ahead of ours has written."""
    PROBE.assertFresh(ago(minutes=50), within=within)
    PROBE.assertFresh(ago(seconds=-30), within=within)


def test_assert_fresh__says_how_old_it_is():
    """In words, with the limit and the moment; what the caller has to say comes behind it."""
    moment = ago(hours=2, minutes=5, seconds=7)
    assert told(moment, within="10m") == f"2 hours 5 minutes ago, and it was to be within 10 minutes: {moment}"
    assert told(moment, "10m", "the import").endswith(" : the import")


def test_assert_fresh__never_is_a_failure():
    """None is what a query gives where there is no row: it never happened."""
    assert told(None, within="90s") == "never: there is no moment, and it was to be within 1 minute 30 seconds"


def test_assert_fresh__future_is_a_failure():
    """A clock is wrong, or the moment is another one than was meant."""
    assert told(ago(hours=-3, seconds=-30), within="10m").startswith("3 hours in the future by this machine's clock: ")


NAIVE = """
    import unittest
    from datetime import datetime, timedelta, timezone
    from django.test import override_settings
    from django_probe.assertions import ProbeAssertions

    probe = type("Probe", (ProbeAssertions, unittest.TestCase), {})()
    local = datetime.now(timezone(timedelta(hours=9))).replace(tzinfo=None) - timedelta(minutes=5)
    for use_tz in (False, True):
        for within in ("10m", "4m"):
            try:
                with override_settings(USE_TZ=use_tz, TIME_ZONE="Asia/Tokyo"):
                    print("passed", probe.assertFresh(local, within))
            except (AssertionError, ValueError) as error:
                print(error)
"""


def test_assert_fresh__naive_is_of_the_project_s_zone_or_refused(project):
    """Without USE_TZ the database gives naive datetimes of TIME_ZONE; with it nobody could say when that was."""
    passed, failed, *refused = python(project, NAIVE).out.splitlines()
    assert passed == "passed None"
    assert failed.startswith("5 minutes ago, and it was to be within 4 minutes: ")
    assert len(refused) == 2
    assert all("has no time zone, and USE_TZ is on: nobody can say when that was" in each for each in refused)


@pytest.mark.parametrize(
    ("moment", "said"),
    [(date(2026, 1, 1), "a date, which has no time of day"), ("2026-01-01", "a str"), (1e9, "a float")],
)
def test_assert_fresh__takes_datetimes_alone(moment, said):
    """What is no datetime is an error, which says what it was."""
    with pytest.raises(TypeError, match=f"takes a datetime or None, and got {said}"):
        PROBE.assertFresh(moment, within="10m")


def test_assert_fresh__wrong_within_is_named():
    """A limit that is no duration is an error of the probe, and not a failure of what it asks."""
    with pytest.raises(
        ValueError, match='within: expected a duration with its unit, such as "14d" or "36h", got \'soon\''
    ):
        PROBE.assertFresh(NOW, within="soon")
    with pytest.raises(ValueError, match=r'such as "14d" or "36h", got 600'):
        PROBE.assertFresh(NOW, within=600)
    for nothing in (timedelta(0), timedelta(seconds=-5)):
        with pytest.raises(ValueError, match=r"within: expected a duration above 0, got datetime\.timedelta"):
            PROBE.assertFresh(NOW, within=nothing)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "less than a second"),
        (1, "1 second"),
        (3_661, "1 hour 1 minute"),
        (86_400 * 2 + 300, "2 days"),
        (86_400 + 7_200, "1 day 2 hours"),
    ],
)
def test_words__are_two_units(seconds, said):
    """The two largest units say enough."""
    assert words(seconds) == said
