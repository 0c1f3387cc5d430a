"""How much a record may hold of what probes said: first come, first kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_probe.attachments import MOST_NAMED, MOST_OF_PROBE, Attachment
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_TOLD: Final = 32 * 1024 * 1024
"""Bytes that a record's details and output may have in a report: each is made within seconds, and without much memory.
"""
MOST_ATTACHED: Final = 1024 * 1024
"""Bytes that all attachments of a run may have."""
_OF_PASSES: Final = MOST_ATTACHED // 4
"""Of these, what probes that pass may have: who fails afterwards has more to say."""
_LEFT_OUT: Final = "[left out: the details and the output of this run are more than 32 MiB]"
_NOT_KEPT: Final = "[left out: the attachments of this run are more than 1 MiB; probes that pass may have a quarter]"
_SLACK: Final = 8 * 1024  # names, and lines that say what is cut


class Room:
    """Keeps texts while there is room for them; then a line that says so in their place.

    What counts is how long a text is in the report where it is longest, with markup and JSON escaped.
    """

    def __init__(self, size: int = MOST_TOLD) -> None:
        self._left = size

    def __call__(self, text: str) -> str:
        """Return the text, or the line."""
        if not text:
            return text
        size = len(Original.encode(text)) + 4 * sum(map(text.count, "<>&\"'"))
        if size > self._left:
            return _LEFT_OUT
        self._left -= size
        return text


class RoomForAttachments:
    """Keeps attachments while there is room for them, redacted; of a result's others, a line stands for all of them."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._left = MOST_ATTACHED
        self._of_passes = _OF_PASSES

    def __call__(self, attached: Sequence[Attachment], *, is_problem: bool) -> tuple[Attachment, ...]:
        """Return what is kept of the attachments of one attempt."""
        kept: list[Attachment] = []
        others: list[Attachment] = []
        for each in attached:
            if each.weight > (self._left if is_problem else min(self._left, self._of_passes)):
                others.append(each)
                continue
            content = self._redact(each.content) if isinstance(each.content, str) else each.content
            kept.append(replace(each, name=self._redact(each.name), content=content))
            weight = kept[-1].weight
            self._left -= weight
            self._of_passes -= 0 if is_problem else weight
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            kept.append(replace(others[0], name=self._redact(others[0].name) + more, content=_NOT_KEPT))
        return tuple(kept)


def attached(told: object) -> tuple[Attachment, ...]:
    """Return the attachments that a worker told of; ValueError, TypeError or LookupError where it is none of ours."""
    if told == []:
        return ()
    if not isinstance(told, list) or len(told) > MOST_NAMED + 1:
        raise ValueError("a list of attachments, and no more than a probe may have")
    made = tuple(map(Attachment.of, told))
    if sum(each.weight for each in made) > MOST_OF_PROBE + _SLACK:
        raise ValueError("more than a probe may attach")
    return made
