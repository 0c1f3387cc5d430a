"""Writes to a stream for people without waiting for its reader, who may be slow or gone, while probes run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.reports.delivery.files import PATIENCE, descriptor_of, has_reader, let_go, write_some

if TYPE_CHECKING:
    from typing import TextIO


class Outlet:
    """Writes text to `stream`, which may break without harm; holds what its reader has not taken yet.

    A `shared` one is left as it is where it breaks: a report goes there too, which must not be taken for delivered.
    """

    def __init__(self, stream: TextIO | None, *, shared: bool = False) -> None:
        self._stream = stream  # None is Python's own sign that the descriptor was closed from the start
        self._shared = shared
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._written: list[str] = []
        self._rest = b""
        descriptor = None if stream is None else descriptor_of(stream)
        try:
            self._pipe = descriptor if descriptor is not None and has_reader(descriptor) else None
        except OSError:  # somebody closed its descriptor
            self._pipe = None

    @property
    def behind(self) -> bool:
        """Whether the reader has not yet taken what was flushed."""
        return bool(self._rest)

    def write(self, text: str) -> None:
        """Hold `text` for the next flush; what the encoding cannot take is escaped."""
        if self._stream is not None:
            self._written.append(text)

    def flush(self) -> None:
        """Write what is taken at once."""
        self._flush(0.0)

    def finish(self) -> None:
        """Write the rest, and give up a stream whose reader stands still."""
        self._flush(PATIENCE)
        if self._rest:
            self._break()

    def _flush(self, patience: float) -> None:
        try:
            if self._rest and self._pipe is not None:
                self._rest = write_some(self._pipe, self._rest, patience)
            if not self._rest and self._written:
                self._write_on(patience)
        except (OSError, ValueError):
            self._break()

    def _write_on(self, patience: float) -> None:
        content = "".join(self._written).encode(self._encoding, "backslashreplace")
        self._written.clear()
        if self._pipe is not None:
            self._rest = write_some(self._pipe, content, patience)
        elif self._stream is not None:
            self._stream.write(content.decode(self._encoding))
            self._stream.flush()

    def _break(self) -> None:
        if self._stream is not None and not self._shared:
            let_go(self._stream)
        self._stream, self._pipe, self._rest = None, None, b""
        self._written.clear()
