"""Values of readiness: the step that runs now, and the answers."""

from __future__ import annotations

from typing import Final, NamedTuple


class Answer(NamedTuple):
    """An HTTP status and the one line that everybody may read."""

    status: int
    line: str


class Step(NamedTuple):
    """A probe or a fixture that runs now, its timeout in seconds, and until when it may run (monotonic clock).

    `until` is infinite if it may not close the gate.
    """

    label: str
    timeout: float
    until: float


def not_ready(why: str) -> Answer:
    """Return the answer that says why the process is not ready."""
    return Answer(503, f"not ready: {why}")


READY: Final = Answer(200, "ready")
NO_PROBES: Final = Answer(200, "ready: no probes")
STARTING: Final = not_ready("starting")
TIMEOUT: Final = not_ready("timeout")
STALE: Final = not_ready("stale")
