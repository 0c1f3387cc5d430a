"""The badge of a gate: one small picture with its name and how it stands, for a README or a dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_probe.history.pages.rendering import render
from django_probe.history.storage.summaries import mark
from django_probe.reports.html.filters import brief

if TYPE_CHECKING:
    from django_probe.history.storage.summaries import RunSummary

_COLORS: Final = {"passed": "#077a5e", "closed": "#b83a12", "lost": "#8a5a00", "never ran": "#57606a"}
_LONGEST: Final = 40
_A_LETTER: Final = 6.7
"""Pixels of a letter of 11 px; the text is fitted to what they make."""
_AROUND: Final = 14


def badge(name: str, verdict: RunSummary | None) -> str:
    """Return the SVG of a gate whose latest whole run that ended was this one, if there was any."""
    label, said = brief(f"gate {name}", _LONGEST), mark(verdict).value if verdict else "never ran"
    left, right = (round(len(text) * _A_LETTER) + _AROUND for text in (label, said))
    return render(
        "badge.svg",
        label=label,
        said=said,
        color=_COLORS[said],
        left=left,
        right=right,
        width=left + right,
        label_length=left - _AROUND,
        said_length=right - _AROUND,
        label_middle=left / 2,
        said_middle=left + right / 2,
    )
