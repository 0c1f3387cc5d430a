"""Escapes for GitHub's Markdown: https://github.github.com/gfm/. What a probe says is text, whatever it looks like."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from django_probe.reports.text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_TEXT: Final = 20_000
_MAX_LINE: Final = 500
_BACKTICKS: Final = re.compile("`+")


def table(rows: list[list[str]]) -> str:
    """Return a table; its second row holds the alignments."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def text(words: str) -> str:
    """Return a line of our own words that may contain a name, escaped."""
    return re.sub(r"([\\`*_{}\[\]<>&#|~@])", lambda match: f"&#{ord(match.group())};", one_line(words))


def code(name: str) -> str:
    """Return a name in the font of code, even if it has a character that would end a code span or a cell."""
    line = clip(name) or "?"
    return f"<code>{text(line)}</code>" if re.search(r"[`|\\]", line) else f"`{line}`"


def link(words: str, url: str) -> str:
    """Return a link with our own words; what is no URL of the web is shown and leads nowhere."""
    line = one_line(url)
    if not line.startswith(("https://", "http://")):
        return f"{words} {code(line)}"
    return f'<a href="{html.escape(line).replace("|", "%7C")}">{words}</a>'


def fenced(block: str) -> str:
    """Return a code block with the end of `block`, the part that matters most."""
    kept = visible(block).strip("\n")
    if len(kept) > _MAX_TEXT:
        kept = f"[…] the first {len(kept) - _MAX_TEXT} characters are left out here\n{kept[-_MAX_TEXT:]}"
    fence = "`" * max(3, _longest_run(kept) + 1)
    return f"{fence}text\n{kept}\n{fence}"


def problems(blocks: Iterable[str], count: int, room: int, elsewhere: str) -> list[str]:
    """Return the section with these `count` blocks: as many as fit `room` bytes, then where the others are."""
    section = ["### Problems"] if count else []
    for number, block in enumerate(blocks):
        room -= len(block.encode()) + 2
        if room < 0:
            section.append(f"{count - number} more did not fit here; {elsewhere}.")
            break
        section.append(block)
    return section


def clip(line: str) -> str:
    """Return the beginning of `line`, on one line."""
    line = one_line(line)
    return line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}…"


def _longest_run(block: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(block)), default=0)
