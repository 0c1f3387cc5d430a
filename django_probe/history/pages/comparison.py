"""The page that compares two runs of a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_probe.history.pages.rendering import page
from django_probe.history.storage.summaries import mark
from django_probe.reports.html.filters import count, number

if TYPE_CHECKING:
    from django_probe.history.links import Links
    from django_probe.history.storage.comparison import Comparison
    from django_probe.history.visitors import Visitor

MOST: Final = 200
"""How many probes each part of the page has; the JSON has all."""


def compare(*, found: Comparison, asked: tuple[str, str], visitor: Visitor, here: Links) -> str:
    """Return the page of a comparison; `asked` are the two runs or releases as the URL names them."""
    parts = [
        ("new", "New problems", found.new),
        ("still", "Still broken", found.still_broken),
        ("unproved", "Not tried again", found.unproved),
        ("fixed", "Fixed", found.fixed),
        ("slower", "Slower than twice", found.slower),
    ]
    told = [
        *([count(len(found.new), "new problem")] if found.new else []),
        *([f"{number(len(found.fixed))} fixed"] if found.fixed else []),
        *([f"{number(len(found.still_broken))} still broken"] if found.still_broken else []),
    ]
    return page(
        "compare",
        visitor,
        here,
        title=", ".join(told) or "No problem is new, and none is fixed",
        tone=mark(found.after).value,
        gate=found.after.gate,
        runs=[(name, run, mark(run).value) for name, run in (("Before", found.before), ("After", found.after))],
        parts=[(key, title, changes[:MOST], len(changes)) for key, title, changes in parts],
        most=MOST,
        asked=asked,
    )
