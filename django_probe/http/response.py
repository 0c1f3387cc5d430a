"""What came of a question over HTTP, and how long its parts took."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(slots=True)
class Times:
    """Seconds of the parts of an exchange; a part that did not happen, as on a connection used again, has none."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    whole: float | None = None

    def __str__(self) -> str:
        parts = {
            "DNS": self.dns,
            "connect": self.connect,
            "TLS": self.tls,
            "first byte": self.first_byte,
            "whole": self.whole,
        }
        return ", ".join(f"{name} {shown(took)}" for name, took in parts.items() if took is not None)


def shown(seconds: float) -> str:
    """Return seconds as a reader takes them in."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


@dataclass(frozen=True, slots=True)
class Response:
    """What came; the names of `headers` are in lower case. `cut` says that the body goes on after what was read.

    `certificate_ends` is the first end of the certificates that were seen, None without TLS.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    cut: bool = False
    times: Times = field(default_factory=Times)
    certificate_ends: datetime | None = None

    @property
    def text(self) -> str:
        """The body, in the charset that the answer names, else UTF-8."""
        message = Message()
        message["Content-Type"] = self.headers.get("content-type", "")
        try:
            return self.body.decode(str(message.get_param("charset") or "utf-8"), "replace")
        except (LookupError, ValueError):  # no charset of that name, or one that cannot be decoded so
            return self.body.decode("utf-8", "replace")
