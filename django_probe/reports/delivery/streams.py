"""The standard streams of a command: open from the start, and harmless where they are closed, full or broken."""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO, cast

from django_probe.reports.delivery.files import descriptor_of, let_go

_STDERR: Final = 2
_NAMES: Final = {1: "stdout", 2: "stderr"}


def fill() -> set[int]:
    """Open what was closed from the start, on /dev/null; return the numbers of these, of 0, 1 and 2.

    Else the next file that is opened gets such a number, and what is printed. `sys.__stdout__` and `sys.__stderr__`
    stay None where Python found them closed.
    """
    closed = set()
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003  (it gets the lowest free number)
    for number, name in _NAMES.items():
        if is_closed(number):
            closed.add(number)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  (open until the end)
    return closed


def standard_error() -> TextIO:
    """Return standard error, also where settings have put a file or a logger in place of `sys.stderr`."""
    replaced = sys.__stderr__ is not None and descriptor_of(sys.stderr) != _STDERR
    return cast("TextIO", sys.__stderr__ if replaced else sys.stderr)


def is_closed(number: int) -> bool:
    """Return whether standard output (1) or standard error (2) was closed when Python started."""
    return getattr(sys, f"__{_NAMES[number]}__") is None


def say(text: str) -> None:
    """Write a line to standard error, if there is somebody to read it."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        let_go(sys.stderr)
