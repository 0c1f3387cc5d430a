"""What a probe attaches to its result: a text or bytes with a name, as the record has it.

`attach` is for probes. Where what they attach goes while they run is up to whoever runs them: see `collecting`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The types that a page may show: nothing in them runs."""
MOST_OF_PROBE: Final = 512 * 1024
"""Bytes that the attachments of one attempt of a probe may have together."""
MOST_NAMED: Final = 20
"""Attachments that one attempt of a probe may have."""
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """What one attachment has; `size` is how many bytes were attached, also where `content` has fewer.

    Of what is left out `content` is a text that says so, whatever its `type` is.
    """

    name: str
    type: str
    size: int
    content: str | bytes

    @property
    def is_text(self) -> bool:
        """Whether its content is a text: what was attached, or why that is left out."""
        return isinstance(self.content, str)

    @property
    def is_image(self) -> bool:
        """Whether its content is an image that a page may show."""
        return not self.is_text and self.type in IMAGES

    @property
    def weight(self) -> int:
        """How many bytes it takes: its name counts, so that very many of nothing are not free."""
        content = self.content
        return len(self.name) + (len(content) if isinstance(content, bytes) else size_of(content))

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON has it: `content` is a text, `base64` stands for bytes."""
        known: dict[str, object] = {"name": self.name, "type": self.type, "size": self.size}
        if isinstance(self.content, str):
            return {**known, "content": self.content}
        return {**known, "base64": base64.b64encode(self.content).decode("ascii")}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Attachment:
        """Return what `as_dict` wrote; ValueError, TypeError or KeyError where somebody else did."""
        name, kind, size = values["name"], values["type"], values["size"]
        if not (isinstance(name, str) and isinstance(kind, str) and type(size) is int and size >= 0):
            raise TypeError("an attachment has a name, a type and a size")
        if "base64" in values:
            try:
                return cls(name, kind, size, base64.b64decode(values["base64"], validate=True))
            except binascii.Error as error:
                raise ValueError(str(error)) from None
        if not isinstance(values["content"], str):
            raise TypeError("the content of an attachment is a text")
        return cls(name, kind, size, values["content"])


class Collector(Protocol):
    """Who takes what probes attach."""

    def hears(self) -> bool:
        """Return whether a probe runs here."""

    def take_in(self, name: str, content: str | bytes) -> None:
        """Take what the probe attaches."""


_collectors: Final[list[Collector]] = []


def collecting(collector: Collector) -> None:
    """Have this collector take what probes attach in this process, from now on."""
    _collectors[:] = [collector]


def attach(name: str, content: str | bytes) -> None:
    """Attach a text or bytes to the result of the probe that runs now, under a name.

    Raise RuntimeError where none runs in this process, and TypeError for what is neither.
    """
    if not isinstance(name, str) or not isinstance(content, str | bytes | bytearray | memoryview):
        told = f"{type(name).__name__}, {type(content).__name__}"
        raise TypeError(f"attach() takes the name as a text, and a text or bytes; it got ({told})")
    if not _collectors or not _collectors[0].hears():
        raise RuntimeError(
            f"attach({name!r}, …) was called where no probe runs: attach in a probe, its fixtures or what they call, "
            f"and not while modules are imported or in a process that the probe started"
        )
    _collectors[0].take_in(name, content if isinstance(content, str) else bytes(content))


def type_of(content: bytes) -> str:
    """Return the type of bytes: that of an image which they begin as, else the one that says nothing."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for signature, kind in _SIGNATURES if content.startswith(signature)), BYTES)


def size_of(text: str) -> int:
    """Return how many bytes a text has."""
    return len(text.encode("utf-8", "surrogatepass"))
