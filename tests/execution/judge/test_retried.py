"""What the details say of a probe that was tried again."""

from __future__ import annotations

from django_probe import details
from django_probe.execution.judge.retried import after
from django_probe.execution.judge.work import Attempt
from django_probe.results import Outcome

TRACE = 'Traceback:\n  File "/srv/shop/probes.py", line {line}, in test\n    pay()\nOSError: down\n'


def erred(line, message="OSError: down"):
    """Return an attempt that erred on a line."""
    return Attempt(Outcome.ERROR, message, details.joined(TRACE.format(line=line), f"every frame of {line}\n"))


def test_attempts_that_failed_alike_are_a_line_each():
    """Whoever reads learns that it failed every time, and reads the story once, in both forms."""
    short, whole = details.parted(after([erred(3), erred(3)], erred(3)).details)

    assert short == TRACE.format(line=3) + "\nattempt 1: the same\nattempt 2: the same\n"
    assert whole.count("every frame of 3") == 1


def test_a_first_attempt_that_failed_otherwise_is_told():
    """The first says what made a retry necessary; those after it that were as it was are a line."""
    short, _ = details.parted(after([erred(5), erred(3), erred(5)], erred(3)).details)

    assert "attempt 1: error: OSError: down\nTraceback:" in short
    assert "attempt 2: the same\n" in short
    assert "attempt 3: as attempt 1\n" in short


def test_a_first_attempt_without_a_traceback_is_told_as_well():
    """A process that ended under its probe has a message alone; a probe that then passed has nothing else to tell."""
    crashed = Attempt(Outcome.ERROR, "its process ended before the probe did")

    assert (
        after([crashed], Attempt(Outcome.PASSED)).details
        == "attempt 1: error: its process ended before the probe did\n"
    )
