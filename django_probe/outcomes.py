"""What a probe, and a run, can come to: the words of the record, and the exit codes.

They are apart from the record itself, because the process that loads needs them at once, and the record never.
"""

from __future__ import annotations

import math
from enum import IntEnum, StrEnum
from typing import Final


class Outcome(StrEnum):
    """How a probe ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"
    EXPECTED_FAILURE = "expected_failure"
    NOT_RUN = "not_run"


PROBLEMS: Final = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT})
"""The outcomes that are shown in full and, where the probe is blocking, close the gate."""


class ExitCode(IntEnum):
    """What the command's exit status says; `USAGE` and `UNDELIVERED` are not verdicts, and in no record."""

    PASSED = 0
    CLOSED = 1
    USAGE = 2
    DEADLINE = 3
    UNDELIVERED = 4
    NOTHING_RAN = 5
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


class EndedBy(StrEnum):
    """What ended a run before all its probes were done."""

    SIGINT = "SIGINT"
    SIGTERM = "SIGTERM"
    SIGHUP = "SIGHUP"
    DEADLINE = "deadline"
    FAILFAST = "failfast"


_LONGEST: Final = 366 * 24 * 3600.0  # no run takes a year
ENDED_EXIT_CODES: Final = {
    EndedBy.SIGINT: ExitCode.SIGINT,
    EndedBy.SIGTERM: ExitCode.SIGTERM,
    EndedBy.SIGHUP: ExitCode.SIGHUP,
    EndedBy.DEADLINE: ExitCode.DEADLINE,
}
"""What a run exits with that was ended by one of these, whatever its results say."""


def finite(seconds: float) -> float:
    """Return a duration in seconds as a record can hold it: 0.0 for one that no clock gives.

    A probe may have patched the clock that measured it. What is infinite or no number is no JSON, and what is below
    nothing or longer than a year is no duration.
    """
    return float(seconds) if math.isfinite(seconds) and 0.0 <= seconds <= _LONGEST else 0.0
