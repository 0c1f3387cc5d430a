"""Runs a program, without a shell, in the process group and the time of the probe."""

from __future__ import annotations

import shlex
import subprocess
import time
from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.expectations import of_text
from django_probe.contrib.checks.limits import too_slow

if TYPE_CHECKING:
    from django_probe.declared.check import Check

_MOST: Final = 4000
_FEW: Final = 500


def run(check: Check) -> None:
    """Run it to its end; AssertionError where it ends otherwise, or prints something else, than the check expects."""
    line = shlex.join(check.subject)
    began = time.monotonic()
    try:
        # The engine keeps the time: it interrupts this process, and kills its group with the program in it.
        done = subprocess.run(
            check.subject, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise AssertionError(f"{line[:_FEW]}: cannot be run: {error.strerror or error}") from None
    took = time.monotonic() - began
    text = done.stdout.decode("utf-8", "replace")
    problems = [*_status(check, done.returncode), *of_text(check, text), *too_slow(check, took)]
    if problems:
        printed = f"{text[-_MOST:]}" if text.strip() else "nothing"
        raise AssertionError(f"{line[:_FEW]}: {'; '.join(problems)}\n\nran: {line}\nprinted:\n{printed}")


def _status(check: Check, status: int) -> list[str]:
    wanted = check.get("status", (0,))
    if status in wanted:
        return []
    how = f"it was killed by signal {-status}" if status < 0 else f"it exited with {status}"
    return [f"{how}, not {' or '.join(map(str, wanted))}"]
