"""How a failure is told that is too long for a record."""

from __future__ import annotations

from django_probe.execution.failures import MAX_DETAILS, shortened


def test_shortened__one_long_line_keeps_no_other_out():
    """An assertion that shows a whole page still says what it looked for, and what came before and after it stays."""
    page = "b" * 2_000_000
    head = "Traceback:\n  File a\nAssertionError: 'Coffee' not found in '"
    told = shortened(f"{head}{page}'\n\nGET /\ncame: status 200\n")

    assert told.startswith(f"{head}bbb")
    assert " characters left out ...]bbb" in told
    assert told.endswith("bbb'\n\nGET /\ncame: status 200\n")
    assert len(told) < MAX_DETAILS


def test_shortened__of_many_lines_the_middle_is_left_out():
    """Whole lines, and a line of its own that says how much is missing."""
    told = shortened("".join(f"line {number}\n" for number in range(20_000)))

    assert told.startswith("line 0\nline 1\n")
    assert " characters left out ...]\nline 1" in told
    assert told.endswith("\nline 19999\n")
    assert len(told) <= MAX_DETAILS + 100
