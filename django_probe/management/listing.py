"""`manage.py probe --list` and `--schema`: what runs nothing, on standard output as the reports are written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.execution.secrets.redaction import Redactor
from django_probe.outcomes import ExitCode, Outcome
from django_probe.reports.delivery.files import pour
from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from django_probe.simple import DjangoProbeSuiteRunner


def list_probes(
    runner: DjangoProbeSuiteRunner, labels: Sequence[str], stdout: TextIO | None, say: Callable[[str], None]
) -> int:
    """Print the labels of what the gate would run, one a line, and give the exit code; complaints go to `say`."""
    selected, total = runner.list_probes(labels)
    redact = Redactor()
    sound = []
    for probe in selected:
        if probe.verdict and probe.verdict[0] != Outcome.SKIPPED:
            say(one_line(redact(f"{probe.label}: {probe.verdict[1]}")))
        else:
            sound.append(f"{probe.label}\n")
    code = ExitCode.PASSED if total or runner.allow_empty else ExitCode.NOTHING_RAN
    delivered = poured(stdout, "".join(sound), "--list", say)
    code = code or delivered
    return code if len(sound) == len(selected) else ExitCode.CLOSED


def print_schema(stdout: TextIO | None, say: Callable[[str], None]) -> int:
    """Print the JSON Schema of the policy file, and give the exit code."""
    from django_probe.policy.schema import schema  # noqa: PLC0415 (no run needs it)

    return poured(stdout, schema(), "--schema", say)


def poured(stdout: TextIO | None, text: str, option: str, say: Callable[[str], None]) -> ExitCode:
    """Write a text to standard output, and give the exit code; `say` hears where it could not be."""
    try:
        pour(stdout, text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as error:  # ValueError: Python's own where the stream was closed
        say(f"{option}: could not be delivered: {getattr(error, 'strerror', None) or error}")
        return ExitCode.UNDELIVERED
    return ExitCode.PASSED
