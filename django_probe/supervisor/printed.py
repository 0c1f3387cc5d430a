"""What the application printed while it was loaded: passed on to standard error, and its end kept for the record."""

from __future__ import annotations

import os
import re
from typing import Final

from django_probe.reports.delivery.files import PATIENCE, write_some

_MOST: Final = 64 * 1024
_SHOWN: Final = 300
_STDERR: Final = 2
_TRACEBACK: Final = re.compile(r"^ *(?:\+ Exception Group )?Traceback \(most recent call last\):\s*$", re.MULTILINE)
_RAISED: Final = re.compile(r"^(?: {2,}\| )?([^\W\d][\w.]*(?:: .*|:|))\s*$", re.MULTILINE)
"""The line of a traceback that names the exception, in a group behind a bar; threads may print lines among its own."""
_HINT: Final = "Type '"  # Django's last line beside a command that it does not know
_MISTAKES: Final = {
    "No Django settings specified.": "no Django settings are specified: set DJANGO_SETTINGS_MODULE, or give --settings",
    "Unknown command: 'probe'": "Django does not know the command probe: add django_probe to INSTALLED_APPS",
}
"""What Django prints of the commonest mistakes, in lines that are not its last, and what to do."""


class Printed:
    """Reads `pipe`, to which the application's standard output and error go until the command has begun."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe
        self.at_end = False
        os.set_blocking(pipe, False)
        self._end = bytearray()
        self._held = b""

    @property
    def behind(self) -> bool:
        """Whether the reader of standard error did not take yet what was read: nothing more is read meanwhile."""
        return bool(self._held)

    def take(self) -> None:
        """Read what is there and pass it on, as far as it is taken."""
        self.pass_on()
        while not self._held and (chunk := self._read()):
            self._end += chunk
            del self._end[:-_MOST]
            self._held = chunk
            self.pass_on()

    def pass_on(self, patience: float = 0.0) -> None:
        """Write what is held to standard error; where that is closed or broken, nobody wants to read it."""
        if self._held:
            try:
                self._held = write_some(_STDERR, self._held, patience)
            except OSError:
                self._held = b""

    def finish(self) -> None:
        """Read to the end; a reader that stands still is given up after a while."""
        self.pass_on(PATIENCE)
        self._held = b""
        while chunk := self._read():
            self._end += chunk
            del self._end[:-_MOST]
            self._held = chunk
            self.pass_on(PATIENCE)

    def end(self) -> bytes:
        """Return the end of what was printed, as it was."""
        return bytes(self._end)

    def _read(self) -> bytes:
        try:
            chunk = os.read(self.pipe, _MOST)
        except BlockingIOError:
            return b""
        self.at_end = not chunk
        return chunk


def masked(text: str) -> str:
    """Return a text without the user info of URLs, and without the values of variables that are secrets by name."""
    from django_probe.execution.secrets.masking import Mask, of_environment  # noqa: PLC0415 (where all goes well nobody needs it)

    return Mask(of_environment())(text)


def cause(text: str) -> str:
    """Return what a text that was printed last says of why the application ended: an exception, or its last line."""
    tracebacks = [*_TRACEBACK.finditer(text)]
    if not tracebacks and (named := next((why for said, why in _MISTAKES.items() if said in text), "")):
        return named
    raised = _RAISED.search(text, tracebacks[-1].end()) if tracebacks else None
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(_HINT)]
    said = raised[1] if raised else f'the last that was printed: "{lines[-1]}"' if lines else ""
    return said if len(said) <= _SHOWN else f"{said[: _SHOWN - 1]}…"
