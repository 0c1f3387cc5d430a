"""Formats times, durations, counts and labels for pages; numbers are the same in every locale.

They are the templates' filters too.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

from django.template import Library
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from django_probe.attachments import BYTES
from django_probe.reports.text import amount, visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django_probe.attachments import Attachment

register = Library()

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_TWO: Final = 2
_FITS: Final = 16
"""The characters of a part of a label that need no place to break."""


def took(seconds: float) -> str:
    """Return a duration of so many seconds: `51 ms`, `2.40 s`, `4 min 5 s`, `1 h 5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"  # noqa: PLR2004 (three digits are enough)
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def ago(seconds: float) -> str:
    """Return how long ago that was: `just now`, `3 min ago`, `2 days ago`."""
    if seconds < _TWO:
        return "just now"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min ago"
    if seconds < _TWO * _DAY:
        return f"{seconds // _HOUR:.0f} h ago"
    return f"{seconds // _DAY:.0f} days ago"


def number(value: int) -> str:
    """Return a count with commas: `1,728,000`."""
    return f"{value:,}"


def count(value: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 run`, `12 runs`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def utc(moment: datetime) -> str:
    """Return a moment in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def when(moment: datetime, now: datetime) -> SafeString:
    """Return a `<time>` in UTC, and beside it how long before `now` that was."""
    exact = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    beside = ago((now - moment).total_seconds())
    return format_html('<time datetime="{}">{} UTC</time> <span class="ago">{}</span>', exact, utc(moment), beside)


def label(text: str) -> SafeString:
    """Return a probe's label that may break after its dots, with the method's name set off; it copies unchanged.

    A part that is long breaks after its underscores too: else what precedes it would have its own line.
    """
    parts = [_part(part) for part in text.split(".")]
    last = format_html("<b>{}</b>", parts.pop())
    return mark_safe("".join(f"{part}.<wbr>" for part in parts) + last)  # noqa: S308 (each part is escaped)


def _part(text: str) -> SafeString:
    escaped = conditional_escape(text)
    return escaped if len(text) <= _FITS else mark_safe(escaped.replace("_", "_<wbr>"))  # noqa: S308 (it is escaped)


def runbook(url: str) -> SafeString:
    """Return a link to a runbook; what is no URL of the web stays a text."""
    if not url.startswith(("https://", "http://")):
        return format_html("Runbook: {}", url)
    return format_html('<a href="{}" rel="noreferrer">Runbook</a>', url)


def clipped(text: str, most: int) -> str:
    """Return a text, or its end with a line about how much is missing: a traceback's end is the part that matters.

    What does more than show itself is an escape, here and in `brief`: it could turn the direction of reading.
    """
    if len(text) <= most:
        return visible(text)
    more = f"[{number(len(text) - most)} characters before this are left out here; the JSON has them]"
    return f"{more}\n{visible(text[-most:])}"


def brief(text: str, most: int) -> str:
    """Return a line, or its beginning; Django's own filter would ask the settings for the sign at its end."""
    return visible(text if len(text) <= most else f"{text[: most - 1]}…")


def data_url(attachment: Attachment) -> str:
    """Return a URL that is what was attached; what is no image to show has the type that no browser opens."""
    kind = attachment.type if attachment.is_image else BYTES
    return f"data:{kind};base64,{attachment.as_dict()['base64']}"


def counts(of: Mapping[str, int]) -> str:
    """Return the counts that are not 0: `198 passed, 2 failed`."""
    return ", ".join(f"{number(value)} {word(outcome)}" for outcome, value in of.items() if value)


def but_skipped(reason: str, of: Mapping[str, int]) -> str:
    """Return the reason of a verdict, and how many of these counts were skipped: "every probe passed" hides them."""
    skipped, whole = of.get("skipped", 0), sum(of.values())
    return f"{reason}; {number(skipped)} of {number(whole)} skipped" if 0 < skipped < whole else reason


def word(outcome: str) -> str:
    """Return an outcome as a person would write it: `not run`."""
    return outcome.replace("_", " ")


for _filter in (
    took,
    when,
    number,
    count,
    utc,
    label,
    runbook,
    clipped,
    brief,
    amount,
    visible,
    data_url,
    counts,
    but_skipped,
    word,
):
    register.filter(_filter.__name__, _filter)
