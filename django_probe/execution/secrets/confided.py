"""What a probe's process overheard, for the judge: a file in memory, which is still there once the process is killed.

The messages of a worker would not do: threads and forks of a probe ask over HTTP too, and an interrupt may end any of
them in the middle of a line. What is appended to a file in one write stands there whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from itertools import islice
from typing import TYPE_CHECKING, Final

from django_probe.process.originals import Original
from django_probe.process.overheard import MOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST: Final = 1 << 25
"""Bytes of the file that are read: many times those of all that a probe may be overheard to send."""


class Confided:
    """The judge's side of one process; `descriptor` is what the process gets."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("overheard")
        fcntl.fcntl(self.descriptor, fcntl.F_SETFL, os.O_APPEND)

    def secrets(self) -> list[str]:
        """Return what the process told, `MOST` at the most; what is no telling of ours, the probe wrote there."""
        return list(islice(dict.fromkeys(_told(self.descriptor)), MOST))

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


class ToJudge:
    """The process's side, which is given the descriptor, and the forks that a probe makes of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._file = self._which()
        self.has_forked = False
        """Whether there may be forks, which tell what this process does not know of."""
        self._has_told = False
        os.register_at_fork(before=self._fork)

    def _fork(self) -> None:
        self.has_forked = True

    def tell(self, secrets: Iterable[str]) -> None:
        """Let the judge know of these."""
        self._has_told = True
        line = Original.encode([*secrets]).encode("ascii")
        with contextlib.suppress(OSError):
            if self._which() == self._file:  # else the probe closed it, and has a file of its own there
                Original.write(self._descriptor, b"\n%b\n" % line)

    def of_forks(self) -> list[str]:
        """Return all that was told here."""
        with contextlib.suppress(OSError):
            if self._which() == self._file:
                return list(islice(dict.fromkeys(_told(self._descriptor)), MOST))
        return []

    def forget(self) -> None:
        """Let the judge know of none any more."""
        if not (self._has_told or self.has_forked):  # most probes ask nobody, and to look at the file takes its time
            return
        self._has_told = False
        with contextlib.suppress(OSError):
            found = Original.fstat(self._descriptor)
            if found.st_size and (found.st_dev, found.st_ino) == self._file:
                os.ftruncate(self._descriptor, 0)

    def _which(self) -> tuple[int, int]:
        found = Original.fstat(self._descriptor)
        return found.st_dev, found.st_ino


def _told(descriptor: int) -> Iterator[str]:
    for line in Original.pread(descriptor, min(Original.fstat(descriptor).st_size, _LONGEST), 0).splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            told = Original.decode(line.decode("ascii"))
            if isinstance(told, list):
                yield from (each for each in told if isinstance(each, str))
