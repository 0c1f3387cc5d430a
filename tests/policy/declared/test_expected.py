"""What a check expects of a value or of a status."""

from __future__ import annotations

import pytest

from django_probe.policy.declared.expected import parse_expected, parse_statuses


@pytest.mark.parametrize(
    ("written", "actual", "holds"),
    [
        ("ok", "ok", True),
        ("ok", "OK", False),
        (3, 3, True),
        (3, 3.0, True),
        (1, True, False),
        (True, True, True),
        (None, None, True),
        (None, 0, False),
        ([1, {"a": 2}], [1, {"a": 2}], True),
        ([1], [True], False),
        ("> 0", 1, True),
        ("> 0", 0, False),
        (">0", 1, True),
        ("> 0", "1", False),
        ("> 0", None, False),
        ("> 0", True, False),
        (">= 1.5", 1.5, True),
        ("< b", "a", True),
        ("!= down", "up", True),
        ("!= down", None, False),
        ("!= down", 3, False),
        ("!= down", "down", False),
        ("!= true", False, True),
        ("!= 5", 6.5, True),
        ("!= 5", "6", False),
        ("!= null", "up", True),
        ("!= null", None, False),
        ('== "> 0"', "> 0", True),
        ("== null", None, True),
    ],
)
def test_expected__holds(written, actual, holds):
    """A value has to be the same as in JSON; a comparison holds between values of one type, and of null with any."""
    assert parse_expected(written).holds(actual) is holds


@pytest.mark.parametrize("written", ["!= 'down'", "!== down", "!= True", "!= None", "!= down ", "!= ", '!= "down'])
def test_expected__what_would_always_hold_is_refused(written):
    """A comparison with what no answer says, such as a text in single quotes, would hold for every answer."""
    with pytest.raises(ValueError, match="compares with no value of JSON; write the text alone"):
        parse_expected(written)


@pytest.mark.parametrize("written", ["= 1", "=> 1", "=<1", "=down", "=", ">", "==", "!="])
def test_expected__mistyped_comparison_is_refused(written):
    """It would be a text that no value is; for that text itself the message says what to write."""
    with pytest.raises(ValueError, match="is no comparison") as raised:
        parse_expected(written)

    assert str(raised.value).endswith(f"""for the text itself write '== "{written}"'""")
    assert parse_expected(f'== "{written}"').holds(written)


def test_statuses__hundreds():
    """A status is a number, or any of its hundred."""
    statuses = parse_statuses(["2xx", 404])

    assert [status for status in (200, 204, 301, 404, 500) if statuses.has(status)] == [200, 204, 404]
    assert str(statuses) == "2xx or 404"
