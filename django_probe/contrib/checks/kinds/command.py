"""Runs a program, without a shell, in the process group and the time of the probe."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Final

from django_probe import details
from django_probe.contrib.checks import arguments
from django_probe.contrib.checks.limits import too_slow
from django_probe.contrib.checks.texts import of_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.policy.declared.check import Check

_MOST: Final = 4000
_FEW: Final = 500
_CHUNK: Final = 1 << 16
_MOST_READ: Final = 1 << 20


def run(check: Check) -> float:
    """Run it to its end, and return the seconds of that; AssertionError where it ends or prints not as expected."""
    line = arguments.line(check.subject)
    began = time.monotonic()
    try:
        status, printed = _run(check.subject, line)
    except OSError as error:
        raise AssertionError(f"{line[:_FEW]}: cannot be run: {error.strerror or error}") from None
    took = time.monotonic() - began
    text = printed.decode("utf-8", "replace")
    hide = arguments.hiding(check.subject)
    cut = len(printed) == _MOST_READ
    problems = [*_status(check, status), *of_text(check, text, cut=cut), *too_slow(check, took)]
    if problems:
        left_out = f"[{len(text) - _MOST} chars]" if len(text) > _MOST else ""
        said = f"{left_out}{hide(text)[-_MOST:]}" if text.strip() else "nothing"
        raise AssertionError(f"{line[:_FEW]}: {hide('; '.join(problems))}\n\nran: {line}\nprinted:\n{said}")
    return took


def _run(words: Sequence[str], line: str) -> tuple[int, bytes]:
    """Return the exit status, below 0 for a signal, and the beginning of what was printed."""
    printed = bytearray()
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    ) as process:
        try:
            assert process.stdout
            while chunk := process.stdout.read(_CHUNK):
                printed += chunk[: _MOST_READ - len(printed)]
            return process.wait(), bytes(printed)
        except BaseException as error:  # the engine keeps the time, and interrupts: nothing may wait for it then
            if process.poll() is not None:
                error.add_note(
                    details.waited_for(f"what {line} started: it ended itself, and its output is still open")
                )
            process.kill()
            raise


def _status(check: Check, status: int) -> list[str]:
    wanted = check.get("status", (0,))
    if status in wanted:
        return []
    how = f"it was killed by signal {-status}" if status < 0 else f"it exited with {status}"
    return [f"{how}, not {' or '.join(map(str, wanted))}"]
