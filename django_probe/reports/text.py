"""Words and escapes that the reports share. Text of a probe is hostile until it went through `visible`."""

from __future__ import annotations

import re
from heapq import nlargest
from typing import TYPE_CHECKING, Final

from django_probe.outcomes import Outcome

if TYPE_CHECKING:
    from django_probe.results import ProbeResult, ProbeRun

# C0 without tab and newline, DEL and C1 control a terminal. Line separators and the marks that embed, override
# and isolate rearrange what people read. Surrogates are no valid UTF-8; they and U+FFFE are no valid XML.
_UNSAFE: Final = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"

_MOST: Final = 300
_KIB: Final = 1024
MARKER: Final = "django-probe:junit"
"""What `django_probe.reports.sink` begins a line of a report with."""


def visible(text: str) -> str:
    r"""Return `text` with an escape such as `\x1b` for every character that does more than show itself."""
    if (text.isascii() and text.isprintable()) or re.search(_UNSAFE, text) is None:
        return text
    return re.sub(_UNSAFE, _escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def one_line(text: str) -> str:
    """Return `text` on one line, visible, with single spaces."""
    return visible(" ".join(text.split()))


def unmarked(text: str) -> str:
    """Return `text` without what `collect` would take for a line of a report."""
    return text.replace(MARKER, MARKER.replace(":", ": "))


def shorten(line: str) -> str:
    """Return the beginning of a long line, of which the rest is told elsewhere."""
    return line if len(line) <= _MOST else f"{line[:_MOST]}…"


def word(outcome: Outcome) -> str:
    """Return an outcome as a person would write it: `not run`."""
    return outcome.value.replace("_", " ")


def explanation(result: ProbeResult) -> str:
    """Return one line, never empty, that says why the probe ended as it did."""
    return one_line(result.message) or f"{word(result.outcome)}, without a message"


def contact(result: ProbeResult) -> list[str]:
    """Return a line for each that is known: who mends the probe, and where it is written how."""
    known = {"owner": result.owner, "runbook": result.runbook}
    return [f"{name}: {one_line(said)}" for name, said in known.items() if said]


def attached(result: ProbeResult) -> list[str]:
    """Return a line that names what the probe attached, nothing where that is nothing."""
    named = [f"{one_line(each.name)} ({amount(each.size)})" for each in result.attachments]
    return [shorten(f"attached: {', '.join(named)}")] if named else []


def amount(size: int) -> str:
    """Return a number of bytes for people: `308 bytes`, `12.4 KiB`, `1.0 MiB`."""
    if size < _KIB:
        return f"{size} {'byte' if size == 1 else 'bytes'}"
    return f"{size / _KIB:.1f} KiB" if size < _KIB * _KIB else f"{size / _KIB / _KIB:.1f} MiB"


def seconds(duration: float) -> str:
    """Return a duration for people: `0.051s`, `12.30s`."""
    return f"{duration:.3f}s" if duration < 1 else f"{duration:.2f}s"


def verdict(run: ProbeRun) -> str:
    """Return the verdict in one sentence: `gate deploy: CLOSED (exit 1): 1 blocking probe did not pass`."""
    state = "PASSED" if run.passed else "CLOSED"
    return f"gate {one_line(run.gate)}: {state} (exit {run.exit_code:d}): {one_line(run.reason)}"


def tally(run: ProbeRun) -> str:
    """Return the counts that are not 0: `12 selected: 10 passed, 2 failed (1 warn-only)`."""
    counts = run.counts
    warned = dict.fromkeys(Outcome, 0)
    for result in run.results:
        warned[result.outcome] += not result.blocking and result.is_problem
    parts = [
        f"{counts[outcome]} {word(outcome)}" + (f" ({warned[outcome]} warn-only)" if warned[outcome] else "")
        for outcome in Outcome
        if counts[outcome]
    ]
    shard = f", {len(run.results)} in shard {one_line(run.shard)}" if run.shard else ""
    return f"{run.selected} selected{shard}" + (f": {', '.join(parts)}" if parts else "")


def slowest(run: ProbeRun, number: int) -> list[ProbeResult]:
    """Return the `number` results that took the longest, the slowest first; not those that never ran."""
    ran = (result for result in run.results if result.outcome is not Outcome.NOT_RUN)
    return nlargest(number, ran, key=lambda result: result.duration)
