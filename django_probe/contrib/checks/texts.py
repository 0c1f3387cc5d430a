"""What a text, of an answer or of a program, lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.policy.declared.expected import in_few

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_probe.policy.declared.check import Check


def of_text(check: Check, text: str, *, cut: bool = False) -> Iterator[str]:
    """Yield what is not in a text that the check wants in it."""
    where = "the part of it that was read" if cut else "it"
    if (wanted := check.get("contains")) and wanted not in text:
        yield f"{in_few(wanted)} is not in {where}"
    if (pattern := check.get("matches")) and not pattern.search(text):
        yield f"nothing in {where} matches {in_few(pattern.pattern)}"
