"""What probes say is made harmless before anybody reads it."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from django_probe.reports.text import explanation, one_line, slowest, tally, visible
from django_probe.results import EndedBy, Outcome


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, tab\tand\nnewline", "plain, tab\tand\nnewline"),
        ("grüße 漢字 🎉", "grüße 漢字 🎉"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("50%\r100%\r\ndone", "50%\\r100%\ndone"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\ud800 \ufffe \uffff", r"\ud800 \ufffe \uffff"),
        ("a\u202egpj.exe", r"a\u202egpj.exe"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_visible__escapes_what_does_more_than_be_read(text, shown):
    """Control characters are seen and not obeyed; letters of every language stay as they are."""
    assert visible(text) == shown


def test_visible__leaves_no_control_character_but_tab_and_newline():
    """Over all of Unicode, no control character and no surrogate gets through."""
    everything = "".join(map(chr, range(sys.maxunicode + 1)))

    left = {char for char in visible(everything) if unicodedata.category(char) in ("Cc", "Cs")}

    assert left == {"\t", "\n"}


def test_one_line__joins_lines_with_single_spaces():
    """A message of several lines is one where only one fits."""
    assert one_line("  3 != 4\n\n\tin all\r\n") == "3 != 4 in all"


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PASSED])
def test_explanation__is_never_empty(result, outcome):
    """A problem without a message still says what it is."""
    assert explanation(result(outcome=outcome, message=" \n")).endswith("without a message")


def test_tally__names_the_counts_that_are_not_zero(run, result):
    """A reader sees what there was, and which part of it only warned."""
    given = run(
        result(),
        result(outcome="failed"),
        result(outcome="failed", blocking=False),
        result(outcome="not_run"),
        selected=9,
        shard="1/2",
        ended_by=EndedBy.FAILFAST,
    )

    assert tally(given) == "9 selected, 4 in shard 1/2: 1 passed, 2 failed (1 warn-only), 1 not run"


def test_tally__of_nothing_says_only_what_was_selected(run):
    """An empty run has no colon with nothing after it."""
    assert tally(run()) == "0 selected"


def test_slowest__leaves_out_what_never_ran(run, result):
    """The slowest come first, and a probe that never started is not among the slow."""
    given = run(
        result("shop.X.test_a", duration=1.0),
        result("shop.X.test_b", duration=3.0),
        result("shop.X.test_c", outcome="not_run"),
        result("shop.X.test_d", duration=2.0),
    )

    assert [each.label for each in slowest(given, 2)] == ["shop.X.test_b", "shop.X.test_d"]
    assert len(slowest(given, 10)) == 3
