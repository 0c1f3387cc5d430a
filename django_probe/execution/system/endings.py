"""The signals that end a run."""

from __future__ import annotations

import signal
from typing import Final

from django_probe.outcomes import EndedBy

ENDED_BY: Final = {
    signal.Signals[by]: by
    for by in (EndedBy.SIGINT, EndedBy.SIGTERM, EndedBy.SIGHUP)
    if by in signal.Signals.__members__  # Windows has no SIGHUP
}


def heeded() -> dict[signal.Signals, EndedBy]:
    """Return the signals that end a run of this process, and what they are in its record.

    SIGHUP is none of them where this process ignores it: `nohup` asks for a run that outlives its terminal.
    """
    return {
        number: by
        for number, by in ENDED_BY.items()
        if by is not EndedBy.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    }
