"""Finds out what a terminal can show, and fits a progress line into its width."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING, Final

from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from typing import TextIO

ERASE: Final = "\r\x1b[K"
_DEFAULT_COLUMNS: Final = 80
_MARK: Final = "..."
_EMOJI_STYLE: Final = "\ufe0f"


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person looks at `stream`, through a terminal that can erase a line."""
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # it is closed
        return False


def wants_color(stream: TextIO | None, *, no_color: bool) -> bool:
    """Return whether to write in colour: on a terminal, unless `--no-color` or NO_COLOR is set.

    https://no-color.org
    """
    return is_terminal(stream) and not no_color and not os.environ.get("NO_COLOR")


def columns(stream: TextIO) -> int:
    """Return the width of the terminal behind `stream`, 80 if it is unknown."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_COLUMNS
    except (OSError, ValueError):
        return _DEFAULT_COLUMNS


def width(text: str) -> int:
    """Return the cells that `text` takes: two for a wide character, none for one that combines with another."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if character == _EMOJI_STYLE:  # it makes the character before it a wide one
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def progress(done: int, total: int, problems: int, slowest: tuple[str, float] | None, room: int) -> str:
    """Return a line of at most `room` cells; it keeps the end of the running probe's label, the method's name."""
    line = f"{done}/{total} done"
    if problems:
        line += f", {problems} {'problem' if problems == 1 else 'problems'}"
    if slowest:
        label, seconds = slowest
        line += f" | {seconds:.0f}s "
        line += _end(one_line(label), room - width(line))
    return _beginning(line, room)


def _beginning(text: str, room: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > room:
            return text[:index]
    return text


def _end(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    return _MARK + _beginning(text[::-1], room - len(_MARK))[::-1]
