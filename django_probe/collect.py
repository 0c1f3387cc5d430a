"""The JUnit XML out of the logs of gates: `kubectl logs job/NAME | django-probe-collect --output junit.xml`.

Reads what `django_probe.reports.sink` prints. Whatever a log may have gone through (prefixes, times, lines of
others in between) is borne with; whatever makes the report another than the gate's is an error, and nothing is
written. Needs no Django settings.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_probe.reports.files import let_go, replace, write_in_place
from django_probe.reports.sink import CONTINUED, MARKER, WHOLE
from django_probe.reports.streams import say
from django_probe.reports.text import one_line
from django_probe.reports.wanted import Once
from django_probe.results import disagreement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

STDIN: Final = "-"
STDOUT: Final = "-"

# The first marker of a line is ours: what follows it is text of the report, whatever it says.
_LINE: Final = re.compile(
    rf"{re.escape(MARKER)} (?P<shard>\d{{1,5}}/\d{{1,5}}) (?P<kind>begin|end|[{WHOLE}{CONTINUED}]) ?(?P<rest>.*)"
)


class CollectCode(IntEnum):
    """What the exit status says; none is one that a gate could have, except those that mean the same."""

    COLLECTED = 0
    USAGE = 2
    NO_REPORT = 20
    MISSING = 21
    CUT = 22
    DOUBLED = 23
    ALTERED = 24
    MIXED = 25


class CollectError(Exception):
    """The logs do not hold one whole report; the message says what is wrong and what to do."""

    def __init__(self, code: CollectCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class _Block:
    """The lines of one shard, from its marker to its marker."""

    shard: str
    about: dict[str, object]
    text: list[str] = field(default_factory=list)
    lines: int = 0

    def add(self, kind: str, rest: str) -> None:
        self.text.append(rest if kind == CONTINUED else rest + "\n")
        self.lines += 1

    def xml(self, end: Mapping[str, object]) -> str:
        """Return the text, if it is what the marker at its end says."""
        if end.get("lines") != self.lines:
            raise CollectError(
                CollectCode.CUT,
                f"shard {self.shard}: {self.lines} lines of its report are in the log, and {end.get('lines')} were "
                f"printed; the log was cut or rotated: fetch it again, or keep larger logs",
            )
        whole = "".join(self.text)
        if hashlib.sha256(whole.encode()).hexdigest() != end.get("sha256"):
            raise CollectError(
                CollectCode.ALTERED,
                f"shard {self.shard}: the SHA-256 of its report is not the one that was printed with it; "
                f"something between the pod and here changed its lines: give the log as kubectl prints it",
            )
        return whole


@dataclass(frozen=True, slots=True)
class Shard:
    """The report of a shard, `index` from 0 to `count` - 1; `run` is the id of the run that it belongs to."""

    index: int
    count: int
    run: str
    xml: str
    selection: str = ""


def extract(lines: Iterable[str]) -> list[Shard]:
    """Return the reports in the lines of a log, in their order; CollectError for one that is not whole."""
    open_blocks: dict[str, _Block] = {}
    found: list[Shard] = []
    for line in lines:
        if not (match := _LINE.search(line.rstrip("\r\n"))):
            continue
        shard, kind, rest = match["shard"], match["kind"], match["rest"]
        if kind == "begin":
            if shard in open_blocks:
                raise _doubled(shard)
            open_blocks[shard] = _Block(shard, _said(shard, rest))
        elif shard not in open_blocks:
            raise CollectError(
                CollectCode.CUT,
                f"shard {shard}: the beginning of its report is not in the log; it was cut or rotated: "
                f"fetch the whole log, without --tail or --since, or keep larger logs",
            )
        elif kind == "end":
            found.append(_closed(open_blocks.pop(shard), _said(shard, rest)))
        else:
            open_blocks[shard].add(kind, rest)
    for shard in open_blocks:
        raise CollectError(
            CollectCode.CUT,
            f"shard {shard}: the end of its report is not in the log; wait until the pod has ended and fetch it again",
        )
    return found


def is_of_report(line: str) -> bool:
    """Return whether a line of a log is one of a report."""
    return _LINE.search(line) is not None


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
            raise _doubled(f"{shard.index}/{shard.count}")
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
    if differ := disagreement((f"{shard.index}/{shard.count}", shard.selection) for shard in shards):
        raise CollectError(CollectCode.MIXED, differ)
    if missing := sorted(set(range(counts[0])) - {shard.index for shard in shards}):
        names = ", ".join(f"{index}/{counts[0]}" for index in missing)
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
        except ET.ParseError as error:
            raise CollectError(
                CollectCode.ALTERED, f"shard {shard.index}/{shard.count}: its report is not XML: {error}"
            ) from None
        for suite in root.iter("testsuite"):
            if len(whole) and (repeated := suite.find("properties")) is not None:
                suite.remove(repeated)  # some readers refuse a property that stands twice in a document
            whole.append(suite)
            time += float(suite.get("time", 0))
    whole.set("time", f"{time:.3f}")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(whole, encoding="unicode") + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect, and give the exit code; what is wrong is one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        write = _writer(options.output)
        shards = extract(_lines(options.logs))
        check(shards)
        write(merge(shards).encode())
    except CollectError as error:
        return _fail(error.code, str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(CollectCode.USAGE, f"{place}{error.strerror or error}")
    return CollectCode.COLLECTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="django-probe-collect",
        description="Takes the JUnit XML out of the logs of a gate that ran with PROBE_REPORT_SINK=log.",
        epilog="Exit codes: 0 collected, 2 usage, 20 no report, 21 a shard is missing, 22 cut, 23 doubled, "
        "24 altered, 25 of different runs. Where it is not 0, nothing is written.",
        allow_abbrev=False,
    )
    parser.add_argument("logs", nargs="*", default=[STDIN], metavar="LOG", help='log files; "-", the default: stdin')
    parser.add_argument(
        "--output", action=Once, default=STDOUT, metavar="PATH", help='the JUnit file; "-", the default: stdout'
    )
    return parser


def _lines(logs: Sequence[str]) -> Iterator[str]:
    for log in logs:
        if log == STDIN:
            yield from (line.decode("utf-8", "replace") for line in sys.stdin.buffer)
        else:
            with Path(log).open("rb") as stream:
                yield from (line.decode("utf-8", "replace") for line in stream)


def _writer(path: str) -> Callable[[bytes], None]:
    """Return what writes the report, and take away that of an earlier gate, which must not be taken for this one's."""
    if path == STDOUT:
        return _print
    if Path(path).exists() and not Path(path).is_file():
        return partial(write_in_place, path)  # a pipe or a device stays what it is
    real = os.path.realpath(path)
    Path(real).unlink(missing_ok=True)
    return partial(replace, real)


def _print(content: bytes) -> None:
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except OSError:
        let_go(sys.stdout)
        raise


def _closed(block: _Block, end: Mapping[str, object]) -> Shard:
    index, _, count = block.shard.partition("/")
    return Shard(
        int(index), int(count), str(block.about.get("run")), block.xml(end), str(block.about.get("selection") or "")
    )


def _said(shard: str, text: str) -> dict[str, object]:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise CollectError(
            CollectCode.ALTERED,
            f"shard {shard}: a marker line is not as it was printed: {one_line(text)[:80]!r}; "
            f"give the log as kubectl prints it",
        )
    return said


def _doubled(shard: str) -> CollectError:
    return CollectError(
        CollectCode.DOUBLED,
        f"shard {shard}: the log has more than one report of it; give the log of one run, each pod's once",
    )


def _fail(code: CollectCode, sentence: str) -> int:
    say(f"collect: {one_line(sentence)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
