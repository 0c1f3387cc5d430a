"""`django-probe render run.json --junit gate.xml`: renders a JSON record again, without the project that it is of."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_probe.errors import UsageError
from django_probe.reports.delivery.delivery import STDOUT, Delivery
from django_probe.reports.delivery.wanted import OPTIONS, Once, of_options
from django_probe.reports.reading.record import RecordError, read
from django_probe.reports.text import one_line
from django_probe.results import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

PROG: Final = "django-probe render"
STDIN: Final = "-"


def main(arguments: Sequence[str]) -> int:
    """Write the reports that were asked for, and return the exit code: that of delivery, not that of the gate."""
    options = _parser().parse_args(list(arguments))
    try:
        reports = of_options(vars(options))
        if not reports:
            raise UsageError(f"nothing to write: give {', '.join(OPTIONS)} or several of them, each with a path")
        if any(_is_record(report.path, options.record) for report in reports):
            raise UsageError(f"{one_line(options.record)} is the record itself; write the report to another file")
        delivery = Delivery(reports, sys.stdout)
        delivery.prepare()  # no earlier report outlives a record that is refused
        run = read(_content(options.record))
    except RecordError as error:
        return _refused(f"{one_line(options.record)}: {error}")
    except UsageError as error:
        return _refused(str(error))
    undelivered = delivery.deliver(run)
    for sentence in undelivered:
        sys.stderr.write(f"{PROG}: {one_line(sentence)}\n")
    return ExitCode.UNDELIVERED if undelivered else ExitCode.PASSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Renders the record of a run, as --json wrote it or /probe/runs/ID/ gave it, again.",
        epilog='Exit code 0: written; 2: no record, or a wrong option; 4: could not be delivered. PATH "-" is standard '
        "output.",
        allow_abbrev=False,
    )
    parser.add_argument("record", metavar="RECORD", help='a JSON record; "-" is standard input')
    for option, name in OPTIONS.items():
        parser.add_argument(option, action=Once, dest=name, metavar="PATH", help=f"as manage.py probe {option}")
    return parser


def _is_record(report: str, record: str) -> bool:
    """Return whether a report would be written over the record, under whatever name."""
    try:
        return report != STDOUT and record != STDIN and Path(record).samefile(report)
    except (OSError, ValueError):  # one of them is not there; or it cannot be used, which is told later
        return False


def _content(path: str) -> str:
    """Return what the record's file holds; UsageError where it cannot be read."""
    try:
        if path == STDIN:
            return sys.stdin.buffer.read().decode("utf-8")
        return Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise RecordError("not JSON: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{one_line(path)}: cannot be read: {one_line(why)}") from None


def _refused(sentence: str) -> int:
    sys.stderr.write(f"{PROG}: {one_line(sentence)}\n")
    return ExitCode.USAGE
