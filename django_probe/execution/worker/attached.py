"""Keeps what a probe attaches until its result is told, redacted and cut to what a probe may attach."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from django_probe import attachments
from django_probe.attachments import BYTES, MOST_NAMED, MOST_OF_PROBE, TEXT, Attachment
from django_probe.execution.secrets.redaction import Redactor
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_NAME: Final = 100
_MARGIN: Final = 4096  # kept as well until redaction: the end of what is kept may have the half of a secret
_redact: Final = Redactor()


class Attached:
    """The attachments of one attempt at a time; `is_running` says whether code of the project's runs for it.

    `kept` are those that were not told yet.
    """

    def __init__(self, is_running: Callable[[], bool]) -> None:
        self._is_running = is_running
        self._pid = Original.getpid()
        self._lock = Lock()
        self.kept: list[Attachment] = []
        self._more = 0
        attachments.collecting(self)

    def hears(self) -> bool:
        """Return whether a probe runs here; in a fork that it made nobody would hear of it."""
        return self._is_running() and Original.getpid() == self._pid

    def take_in(self, name: str, content: str | bytes) -> None:
        """Keep what a probe attaches, in whatever thread it does."""
        made = _made(name, content)
        with self._lock:
            if len(self.kept) < MOST_NAMED:
                self.kept.append(made)
            else:
                self._more += 1

    def start(self) -> None:
        """Forget the attempt before."""
        if self.kept:
            self.kept, self._more = [], 0

    def told(self) -> list[dict[str, object]]:
        """Return what was attached, as JSON has it, and forget it."""
        with self._lock:
            kept, more = self.kept, self._more
            self.kept, self._more = [], 0
        left = MOST_OF_PROBE
        told: list[dict[str, object]] = []
        for each in kept:
            cut = _cut(each, left)
            left -= min(left, cut.weight)
            told.append(cut.as_dict())
        if more:
            why = f"[left out: {more} more than the {MOST_NAMED} attachments that a probe may have]"
            told.append(Attachment("more", TEXT, 0, why).as_dict())
        return told


def _made(name: str, content: str | bytes) -> Attachment:
    """Return an attachment; bytes that are a text are one, so that they are redacted and can be read."""
    if isinstance(content, bytes):
        kind, size = attachments.type_of(content), len(content)
        if kind == BYTES and b"\0" not in content:
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError:
                pass
            else:
                return Attachment(name, TEXT, size, text[: MOST_OF_PROBE + _MARGIN])
        return Attachment(name, kind, size, content if size <= MOST_OF_PROBE else _too_long(size))
    return Attachment(name, TEXT, attachments.size_of(content), content[: MOST_OF_PROBE + _MARGIN])


def _cut(each: Attachment, left: int) -> Attachment:
    """Return an attachment with as much of it as there is room for: half an image would be none."""
    name = _redact(" ".join(each.name.split()))[:_MOST_NAME] or "attachment"
    content = each.content
    if isinstance(content, bytes):
        return Attachment(name, each.type, each.size, content if len(content) <= left else _too_long(each.size))
    if each.type == TEXT:
        content = _redact(content)
        if each.size > left or attachments.size_of(content) > left:
            kept = content.encode("utf-8", "surrogatepass")[:left].decode("utf-8", "ignore")
            content = f"{kept}\n[... cut here: {each.size} bytes were attached ...]" if kept else _too_long(each.size)
    return Attachment(name, each.type, each.size, content)


def _too_long(size: int) -> str:
    return f"[left out: {size} bytes, and a probe may attach {MOST_OF_PROBE} in all]"
