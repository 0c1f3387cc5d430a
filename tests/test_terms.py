"""The values of options, policy keys and `@probe`, and what a probe's own wishes come to."""

from __future__ import annotations

import unittest
from functools import partial

import pytest

from django_probe import probe
from django_probe.terms import (
    DatabaseAccess,
    Terms,
    Wishes,
    parse_access,
    parse_count,
    parse_duration,
    parse_flag,
    parse_timeout,
    wishes_of,
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("2m30s", 150.0),
        ("1h", 3600.0),
        ("1h2m3s4ms", 3723.004),
        ("90", 90.0),
        ("0.5", 0.5),
        ("0", 0.0),
        (90, 90.0),
        (0.5, 0.5),
        ("168h", 604800.0),
    ],
)
def test_duration__is_a_number_of_seconds(written, seconds):
    """The forms of the documentation, as text and as YAML's own numbers."""
    given = parse_duration(written)

    assert given == pytest.approx(seconds)
    assert isinstance(given, float)


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "s", "soon", "-1s", "-1", "1d", "30 s", "30s ", "3s2m", "1.5m", "1e3", "nan", "30S", "1s\n"),
        *("\u0663s", "\u0663", -1, float("nan"), True, None, [30], b"30s"),
    ],
)
def test_duration__refuses_what_is_none(written):
    """Nothing is guessed: a gate with a timeout that was meant otherwise is worse than none."""
    with pytest.raises(ValueError, match=r'"30s" or "2m30s" \(units: h, m, s, ms\), got '):
        parse_duration(written)


@pytest.mark.parametrize("written", ["169h", "1000000", "9" * 400, 10**400, float("inf"), "9" * 5000])
def test_duration__ends_at_a_week(written):
    """Longer than a run can be told to wait is refused where it is written, not found out in the middle of a run."""
    with pytest.raises(ValueError, match="expected a duration of 7 days at the most, got "):
        parse_duration(written)


@pytest.mark.parametrize("written", ["0", "0s", 0, 0.0, "0h0m"])
def test_timeout__is_more_than_nothing(written):
    """A timeout of 0 would fail every probe before it began."""
    with pytest.raises(ValueError, match="expected a duration of more than nothing, got 0"):
        parse_timeout(written)


@pytest.mark.parametrize("written", [True, -1, 1.0, "1", None, [1]])
def test_count__is_a_whole_number(written):
    """True is no number of retries, and -1 no way to say for ever."""
    with pytest.raises(ValueError, match="expected a whole number from 0 up, got "):
        parse_count(written)


@pytest.mark.parametrize("written", [1, 0, "true", None])
def test_flag__is_true_or_false(written):
    """The text "false" is true in Python, so it is refused."""
    with pytest.raises(ValueError, match="expected true or false, got "):
        parse_flag(written)


@pytest.mark.parametrize("written", ["READ-ONLY", "write", "", None, 1])
def test_access__is_one_of_three_names(written):
    """All names are in the sentence."""
    with pytest.raises(ValueError, match="expected one of read-only, rollback, read-write, got "):
        parse_access(written)


def test_access__orders_from_the_least_to_the_most():
    """What is a ceiling for what depends on this order."""
    assert [parse_access(name).rank for name in ("read-only", "rollback", "read-write")] == [0, 1, 2]


@pytest.mark.parametrize("made", [Wishes, partial(Terms, 1.0, 0, True)])  # noqa: FBT003 (a field's place)
def test_access__of_wishes_and_terms_may_be_a_text(made):
    """From code comes what a person writes; a text that stayed one would be held to nothing by the guard."""
    assert made(database_access="rollback").database_access is DatabaseAccess.ROLLBACK
    with pytest.raises(ValueError, match="database_access: expected one of read-only, rollback, read-write, got 'no'"):
        made(database_access="no")


def test_probe__on_a_method_says_more_than_on_its_class():
    """A method's own wish wins; what it does not say is its class's."""

    @probe(timeout="5s", retries=2)
    class TestA(unittest.TestCase):
        @probe(timeout="1s", warn_only=True)
        def test_a(self):
            """A probe."""

        def test_b(self):
            """A probe without wishes."""

    assert wishes_of(TestA("test_a"), "test_a") == Wishes(timeout=1.0, retries=2, warn_only=True)
    assert wishes_of(TestA("test_b"), "test_b") == Wishes(timeout=5.0, retries=2)


def test_probe__is_inherited_and_refined():
    """A subclass has its base's wishes but for those that it states itself, and changes nothing of the base."""

    @probe(timeout="5s", retries=2)
    class Base(unittest.TestCase):
        def test_a(self):
            """A probe."""

    class TestHeir(Base):
        """Says nothing of its own."""

    @probe(retries=0)
    class TestRefined(Base):
        """Wishes no retries."""

    assert wishes_of(TestHeir("test_a"), "test_a") == Wishes(timeout=5.0, retries=2)
    assert wishes_of(TestRefined("test_a"), "test_a") == Wishes(timeout=5.0, retries=0)
    assert wishes_of(Base("test_a"), "test_a") == Wishes(timeout=5.0, retries=2)


def test_probe__twice_on_one_method():
    """The upper one wins where both say something."""

    class TestA(unittest.TestCase):
        @probe(timeout="1s")
        @probe(timeout="9s", retries=3)
        def test_a(self):
            """A probe."""

    assert wishes_of(TestA("test_a"), "test_a") == Wishes(timeout=1.0, retries=3)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"timeout": "soon"}, r"@probe\(timeout=...\): expected a duration such as"),
        ({"timeout": 0}, r"@probe\(timeout=...\): expected a duration of more than nothing, got 0"),
        ({"retries": -1}, r"@probe\(retries=...\): expected a whole number from 0 up, got -1"),
        ({"retries": "2"}, r"@probe\(retries=...\): expected a whole number from 0 up, got '2'"),
        ({"warn_only": "no"}, r"@probe\(warn_only=...\): expected true or false, got 'no'"),
        ({"database_access": "rw"}, r"@probe\(database_access=...\): expected one of .*, got 'rw'"),
        ({"owner": ""}, r"@probe\(owner=...\): expected a name of at most 200 characters, got ''"),
        ({"owner": "a\nb"}, r"@probe\(owner=...\): expected a name of at most 200 characters, got 'a"),
        ({"owner": ["ann"]}, r"@probe\(owner=...\): expected a name of at most 200 characters, got \['ann'\]"),
        (
            {"runbook": "wiki"},
            r"@probe\(runbook=...\): expected a URL that begins with .*, got 'wiki'",
        ),
        ({"runbook": "data:,a"}, r"@probe\(runbook=...\): expected a URL that begins with https://"),
    ],
)
def test_probe__a_value_that_is_none_is_refused_at_once(wish, says):
    """The sentence names the keyword, so that the traceback of the module's import says all."""
    with pytest.raises(ValueError, match=says):
        probe(**wish)
