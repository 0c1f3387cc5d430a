"""Reads what a process prints through a pipe, keeps the end of it, and cuts it where a probe ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import deque
from typing import Final

from django_probe.execution.secrets.masking import Mask
from django_probe.process.originals import Original
from django_probe.process.overheard import MOST

KEPT: Final = 64 * 1024
_PIPE_SIZE: Final = 1 << 20
_MARGIN: Final = 4096  # kept as well until redaction: it may begin with the half of a secret
_CUT: Final = "[... the beginning of the output was left out ...]\n"


class Output:
    """The judge's end of an output pipe; `token` is what the worker writes where a probe ends."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        with contextlib.suppress(OSError):  # the user's pipes may be over the system's limit: slower, and as right
            fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self.token: bytes = b""
        self.at_end = False
        self._ended: deque[str] = deque()
        self._current = b""
        self._cut = False

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._read_end

    def drain(self) -> None:
        """Read what is here, without waiting; not more than a pipe holds, for it may be filled as fast as we read."""
        left = _PIPE_SIZE
        while left > 0 and not self.at_end:
            try:
                chunk = Original.read(self._read_end, _PIPE_SIZE)
            except BlockingIOError:
                return
            left -= len(chunk)
            self.at_end = not chunk
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        parts = (self._current + chunk).split(self.token) if self.token else [self._current + chunk]
        *ended, last = parts
        for part in ended:
            self._ended.append(self._text(part))
            self._cut = False
        if len(last) > 2 * KEPT:
            last = last[-(KEPT + _MARGIN) :]
            self._cut = True
        self._current = last

    def _text(self, part: bytes) -> str:
        if not part and not self._cut:
            return ""
        cut = self._cut or len(part) > KEPT
        return (_CUT if cut else "") + part[-(KEPT + _MARGIN) :].decode("utf-8", "backslashreplace")

    def ended(self) -> str:
        """Return what the probe that ended first, of those not asked for yet, has printed."""
        return self._ended.popleft() if self._ended else self.rest()

    def rest(self) -> str:
        """Return what was printed since the last end, and forget it."""
        part, self._current = self._current, b""
        text = self._text(part)
        self._cut = False
        return text

    def hand_over(self) -> None:
        """Close the end that another process has now."""
        os.close(self.write_end)
        self.write_end = -1

    def close(self) -> None:
        """Close the judge's end, and the other where no process was there to get it."""
        os.close(self._read_end)
        if self.write_end >= 0:
            os.close(self.write_end)


def masked(text: str, secrets: object) -> str:
    """Return what was printed without the secrets that the worker tells of; TypeError where that is no list of few."""
    if not isinstance(secrets, list) or len(secrets) > MOST or not all(isinstance(secret, str) for secret in secrets):
        raise TypeError(f"secrets are a list of texts, {MOST} at most")
    return Mask(secrets)(text) if text and secrets else text


def ending(redacted: str) -> str:
    """Return the last `KEPT` characters of what was printed, after redaction."""
    if not redacted.startswith(_CUT):
        return redacted
    return _CUT + redacted[len(_CUT) + _MARGIN :][-KEPT:]
