"""Labels, parts of them and patterns name probes; and what is meant by a slip is told."""

from __future__ import annotations

import pytest

from django_probe.naming.names import Labels, fits, names, nearest, unnumbered

STOCK = [
    ("shop.TestStock.test_a", "shop"),
    ("shop.TestStock.test_a[2]", "shop"),
    ("shop.TestStock.test_a2", "shop"),
    ("shop.TestStocking.test_a", "shop"),
    ("pay.cards.TestPay.test_b", "pay.cards"),
    ("pay.eu.cards.TestBill.test_b", "pay.eu.cards"),
    ("pay.cards.TestTwice.test_b", "pay.cards"),
]
OTHERS = [("pay.cash.TestTwice.test_b", "pay.cash")]


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("shop.TestStock", ["shop.TestStock.test_a", "shop.TestStock.test_a2", "shop.TestStock.test_a[2]"]),
        ("shop.TestStock.test_a", ["shop.TestStock.test_a", "shop.TestStock.test_a[2]"]),
        ("shop.TestStock.test_a[2]", ["shop.TestStock.test_a[2]"]),
        ("shop.TestStock.test_a[1]", []),
        ("shop.Test", []),
        ("shop.TestStock.test_[a]", []),
        # Patterns are of whole labels; one without a number is of all numbers.
        ("shop.TestStock.*", ["shop.TestStock.test_a", "shop.TestStock.test_a2", "shop.TestStock.test_a[2]"]),
        ("shop.TestStock.test_?", ["shop.TestStock.test_a", "shop.TestStock.test_a[2]"]),
        ("*[2]", ["shop.TestStock.test_a[2]"]),
        ("*[a-z]*", []),
        ("shop.teststock.*", []),
        ("shop.Test*ing", []),
        # The module of a package may be left out where it is unique.
        ("pay.TestPay", ["pay.cards.TestPay.test_b"]),
        ("pay.TestBill.test_b", ["pay.eu.cards.TestBill.test_b"]),
        ("pay.eu", ["pay.eu.cards.TestBill.test_b"]),
        ("pay.TestTwice", []),
        ("pay.cash", []),
    ],
)
def test_find__takes_labels_and_patterns(entry, found):
    """As `probes` of a gate takes labels; brackets are those of numbers."""
    assert sorted(Labels(STOCK, OTHERS).find(entry).labels) == found


def test_find__says_what_an_entry_may_mean_that_is_not_unique():
    """What is not of the run counts too: a part of a gate means what the whole means."""
    labels = Labels(STOCK, OTHERS)

    assert labels.find("pay.TestTwice").candidates == ("pay.cards.TestTwice", "pay.cash.TestTwice")
    assert labels.nearest("pay.TestTwice") == "; it is not unique, and may mean pay.cards.TestTwice, pay.cash.TestTwice"
    assert labels.nearest("shop.TestStok") == '; did you mean "shop.TestStock"?'
    assert Labels(STOCK).find("pay.TestTwice").labels == {"pay.cards.TestTwice.test_b"}


def test_names__what_stands_above_a_label_and_all_its_numbers():
    """No label names another that only begins alike."""
    assert names("shop", "shop.TestA.test_a")
    assert names("shop.TestA.test_a", "shop.TestA.test_a[12]")
    assert not names("shop.TestA.test_a", "shop.TestA.test_a2")
    assert not names("shop.TestA.test_a[2]", "shop.TestA.test_a")
    assert unnumbered("shop.TestA.test_a[12]") == unnumbered("shop.TestA.test_a") == "shop.TestA.test_a"


def test_fits__brackets_are_literal():
    """Labels have them."""
    assert fits("test_a[2]", "test_?[2]")
    assert not fits("test_a2", "test_a[2]")


def test_nearest__is_nothing_where_nothing_is_near():
    """A guess that is none would mislead."""
    assert nearest("chekout", ["checkout", "smoke"]) == '; did you mean "checkout"?'
    assert nearest("zzz", ["checkout"]) == ""
