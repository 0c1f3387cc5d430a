"""Reports out of the logs of gates: `kubectl logs job/NAME | django-probe-collect --junit junit.xml --html gate.html`.

Reads what `django_probe.reports.sink` prints. Whatever a log may have gone through (prefixes, times, lines of
others in between) is borne with; whatever makes the report another than the gate's is an error, and nothing is
written. Needs no Django settings.
"""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_probe.errors import UsageError
from django_probe.naming.names import enumerated
from django_probe.reports import ReportError
from django_probe.reports.delivery.delivery import STDOUT, Delivery, Report
from django_probe.reports.delivery.streams import say
from django_probe.reports.delivery.wanted import Once
from django_probe.reports.reading.marked import CollectCode, CollectError, Shard, attempts, blocks, doubled
from django_probe.reports.text import one_line
from django_probe.sharding.sharded import together
from django_probe.sharding.shards import disagreement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django_probe.reports.reading.marked import Block
    from django_probe.results import ProbeRun

STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class Collected:
    """The shards of a run, and the JUnit XML of all of them."""

    shards: Sequence[Shard]
    xml: str


def check(shards: Sequence[Shard]) -> None:
    """Raise CollectError unless these are all shards of one run, each of them once."""
    if not shards:
        raise CollectError(
            CollectCode.NO_REPORT,
            "no report is in the log; the gate was started without PROBE_REPORT_SINK=log, or ended before its verdict",
        )
    seen: set[tuple[int, int]] = set()
    for shard in shards:
        if (shard.index, shard.count) in seen:
            raise doubled(f"{shard.index}/{shard.count}")
        seen.add((shard.index, shard.count))
    if len(counts := sorted({shard.count for shard in shards})) > 1:
        raise CollectError(
            CollectCode.MIXED,
            f"the log has reports of runs with {' and with '.join(map(str, counts))} shards; give the log of one run",
        )
    if len(runs := sorted({shard.run for shard in shards})) > 1:
        raise CollectError(
            CollectCode.MIXED,
            f"the shards are of different runs: {', '.join(map(one_line, runs))}; give the log of one run, whose pods "
            f"have the same PROBE_RUN_ID",
        )
    if len(gates := sorted({shard.gate for shard in shards})) > 1:
        raise CollectError(
            CollectCode.MIXED,
            f"the shards are of different gates: {', '.join(map(one_line, gates))}; give the log of one run",
        )
    if differ := disagreement((f"{shard.index}/{shard.count}", shard.selection) for shard in shards):
        raise CollectError(CollectCode.MIXED, differ)
    if missing := sorted(set(range(counts[0])) - {shard.index for shard in shards}):
        names = enumerated(f"{index}/{counts[0]}" for index in missing)
        raise CollectError(
            CollectCode.MISSING,
            f"no report of shard {names} is in the log; its pod ended before its verdict, or its log was not given",
        )


def merge(shards: Sequence[Shard]) -> str:
    """Return the suites of all shards as one JUnit document; CollectError where one is not XML."""
    whole = ET.Element("testsuites")
    time = 0.0
    for shard in sorted(shards, key=lambda shard: shard.index):
        try:
            root = ET.fromstring(shard.xml)  # noqa: S314  (the standard library's expat refuses entity bombs)
            time += sum(float(suite.get("time", 0)) for suite in root.iter("testsuite"))
        except (ET.ParseError, ValueError) as error:
            raise CollectError(
                CollectCode.ALTERED, f"shard {shard.index}/{shard.count}: its report is not JUnit XML: {error}"
            ) from None
        for suite in root.iter("testsuite"):
            if len(whole) and (repeated := suite.find("properties")) is not None:
                suite.remove(repeated)  # some readers refuse a property that stands twice in a document
            whole.append(suite)
    whole.set("time", f"{time:.3f}")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(whole, encoding="unicode") + "\n"


def records(shards: Sequence[Shard]) -> list[ProbeRun]:
    """Return the record of each shard. Raise ReportError where the log of one has only JUnit XML."""
    found = [shard.record for shard in shards if shard.record]
    if len(found) < len(shards):
        raise ReportError("a log has no record: its gate ran with an older django-probe, which printed JUnit XML alone")
    return found


def page(run: ProbeRun) -> str:
    """Return the page of a run in HTML; what renders it, by Django's templates, is imported for nothing else."""
    rendered: str = import_module("django_probe.reports.html").render(run)
    return rendered


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect, and give the exit code; what is wrong is one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        delivery = Delivery(_asked(options), sys.stdout)
        delivery.prepare()  # the report of an earlier gate must not be taken for this one's
        tried = attempts(blocks(_lines(options.logs)))
        shards = [several[-1].read() for several in tried.values()]
        check(shards)
        if options.html is not None:
            records(shards)  # of a log without them there is no page, and then nothing is written
        undelivered = delivery.deliver(Collected(shards, merge(shards)))
    except CollectError as error:
        return _fail(error.code, str(error))
    except UsageError as error:
        return _fail(CollectCode.USAGE, str(error))
    except ReportError as error:
        return _fail(CollectCode.USAGE, f"--html: {error}")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(CollectCode.USAGE, f"{place}{error.strerror or error}")
    for several in tried.values():
        _tell(several)
    for sentence in undelivered:
        say(f"collect: {one_line(sentence)}")
    return CollectCode.USAGE if undelivered else CollectCode.COLLECTED


def _asked(options: argparse.Namespace) -> list[Report[Collected]]:
    asked: list[Report[Collected]] = []
    if options.html is not None:
        asked.append(Report("--html", options.html, _page))
    if options.junit is not None or not asked:
        asked.append(Report("--junit", STDOUT if options.junit is None else options.junit, lambda all_: all_.xml))
    return asked


def _page(collected: Collected) -> str:
    return page(together(records(sorted(collected.shards, key=lambda shard: shard.index))))


def _tell(several: Sequence[Block]) -> None:
    """Say which reports of a shard are not in the document, because a later attempt decides."""
    *earlier, latest = several
    for block in earlier:
        cut = "" if block.end else " whose report was cut,"
        sentence = f"shard {block.shard}: {_who(block)}{cut} was an earlier attempt; {_who(latest)} decides"
        say(f"collect: {one_line(sentence)}")


def _who(block: Block) -> str:
    started, pod = block.attempt
    return f"the pod {pod or 'without a name'}, started at {started},"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="django-probe-collect",
        description="Takes reports out of the logs of a gate that ran with PROBE_REPORT_SINK=log.",
        epilog="Exit codes: 0 collected, 2 usage, or a report that cannot be written, 20 no report, 21 a shard is "
        "missing, 22 cut, 23 doubled, 24 altered, 25 of different runs. Where the log is at fault, nothing is written.",
        allow_abbrev=False,
    )
    parser.add_argument("logs", nargs="*", default=[STDIN], metavar="LOG", help='log files; "-", the default: stdin')
    parser.add_argument(
        "--junit", "--output", action=Once, metavar="PATH", help='the JUnit XML; "-", the default: stdout'
    )
    parser.add_argument("--html", action=Once, metavar="PATH", help="the page of the run as one file")
    return parser


def _lines(logs: Sequence[str]) -> Iterator[str]:
    for log in logs:
        if log == STDIN:
            yield from (line.decode("utf-8", "replace") for line in sys.stdin.buffer)
        else:
            with Path(log).open("rb") as stream:
                yield from (line.decode("utf-8", "replace") for line in stream)


def _fail(code: CollectCode, sentence: str) -> int:
    say(f"collect: {one_line(sentence)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
