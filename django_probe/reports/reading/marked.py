"""Reads what `django_probe.reports.sink` prints, out of a log that may have gone through much.

Releases before printed JUnit XML in place of the record, compressed too, and those before them the XML itself: a whole
line of it is marked `|`, and one that goes on in the next line `>`. Such reports are read too.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from base64 import b64decode
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from django_probe.reports import ReportError, junit
from django_probe.reports.reading.record import RecordError, read
from django_probe.reports.sink import COMPRESSED, RECORD, checksum
from django_probe.reports.text import MARKER, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_probe.results import ProbeRun

_CONTINUED: Final = ">"
_GZIP: Final = 16 + zlib.MAX_WBITS
_LARGEST: Final = 2**29
"""Bytes that a report may have: more comes of few lines only if these are made to fill the memory."""

# The first marker of a line is ours: what follows it is text of the report, whatever it says.
_LINE: Final = re.compile(
    rf"{re.escape(MARKER)} (?P<shard>[0-9]{{1,5}}/[0-9]{{1,5}}) "
    rf"(?P<kind>begin|end|[|{_CONTINUED}{COMPRESSED}]) ?(?P<rest>.*)"
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


@dataclass(frozen=True, slots=True)
class Shard:
    """The report of a shard, `index` from 0 to `count` - 1; `run` is the id of the run of `gate` that it is of.

    `record` is None where a release before printed `xml` alone.
    """

    index: int
    count: int
    run: str
    gate: str
    xml: str
    selection: str = ""
    record: ProbeRun | None = None


@dataclass(slots=True)
class Block:
    """The lines of one report, from its marker to its marker; `end` is None while that did not come."""

    shard: str
    about: Mapping[str, object]
    lines: list[tuple[str, str]] = field(default_factory=list)
    end: Mapping[str, object] | None = None

    @property
    def run(self) -> str:
        """The id of the run."""
        return str(self.about.get("run"))

    @property
    def gate(self) -> str:
        """The gate that ran."""
        return str(self.about.get("gate"))

    @property
    def selection(self) -> str:
        """The digest of what was selected; empty where that is not known."""
        return str(self.about.get("selection") or "")

    @property
    def attempt(self) -> tuple[str, str]:
        """When it started, in UTC, and in which pod; both empty where a release before printed it."""
        return str(self.about.get("started_at") or ""), str(self.about.get("pod") or "")

    def read(self) -> Shard:
        """Return the report, if it is what the marker at its end says. Raise CollectError if it is not."""
        if self.end is None:
            raise CollectError(
                CollectCode.CUT,
                f"shard {self.shard}: the end of its report is not in the log; wait until the pod has ended and fetch "
                f"it again",
            )
        if self.end.get("lines") != len(self.lines):
            raise CollectError(
                CollectCode.CUT,
                f"shard {self.shard}: {len(self.lines)} lines of its report are in the log, and "
                f"{self.end.get('lines')} were printed; the log was cut or rotated: fetch it again, or keep larger "
                f"logs",
            )
        content = self._content()
        if content is None or hashlib.sha256(content).hexdigest() != self.end.get("sha256"):
            raise CollectError(
                CollectCode.ALTERED,
                f"shard {self.shard}: the SHA-256 of its report is not the one that was printed with it; "
                f"something between the pod and here changed its lines: give the log as kubectl prints it",
            )
        index, _, count = self.shard.partition("/")
        text = content.decode("utf-8", "replace")
        record = self._record(text) if self.about.get("form") == RECORD else None
        try:
            xml = junit.render(record) if record else text
        except ReportError as error:
            raise CollectError(CollectCode.ALTERED, f"shard {self.shard}: {error}") from None
        return Shard(int(index), int(count), self.run, self.gate, xml, self.selection, record)

    def _record(self, text: str) -> ProbeRun:
        try:
            return read(text)
        except RecordError as error:
            raise CollectError(CollectCode.ALTERED, f"shard {self.shard}: its report is no record: {error}") from None

    def _content(self) -> bytes | None:
        """Return what was printed; None where the lines hold none."""
        if any(kind != COMPRESSED for kind, _ in self.lines):
            return "".join(rest if kind == _CONTINUED else f"{rest}\n" for kind, rest in self.lines).encode()
        try:
            unpacking = zlib.decompressobj(_GZIP)
            content = unpacking.decompress(
                b64decode("".join(rest.strip() for _, rest in self.lines), validate=True), _LARGEST
            )
        except (ValueError, zlib.error):
            return None
        return content if unpacking.eof and not unpacking.unused_data else None


def is_of_report(line: str) -> bool:
    """Return whether a line of a log is one of a report."""
    return _LINE.search(line) is not None


def blocks(lines: Iterable[str]) -> list[Block]:
    """Return the reports in the lines of a log, in the order of their beginnings, whole or not.

    Raise CollectError for a line without the beginning of its report, or a marker that is not as it was printed.
    """
    found: list[Block] = []
    current: dict[str, Block] = {}
    for line in lines:
        if not (match := _LINE.search(line.rstrip("\r\n"))):
            continue
        shard, kind, rest = match["shard"], match["kind"], match["rest"]
        if kind == "begin":
            found.append(Block(shard, _begun(shard, rest)))
            current[shard] = found[-1]
        elif shard not in current:
            raise _headless(shard)
        elif kind == "end":
            end = _said(shard, rest)
            if end.get("check") != current[shard].about.get("check"):  # it is the end of another report
                raise _headless(shard)
            current.pop(shard).end = end
        else:
            current[shard].lines.append((kind, rest))
    return found


def attempts(found: Iterable[Block]) -> dict[str, list[Block]]:
    """Return the reports of each shard, the earliest attempt at it first.

    An evicted pod may stay beside the one that took its place, or a gate be tried again. Raise CollectError where two
    reports of a shard are not attempts of one run, one after the other.
    """
    by_shard: dict[str, list[Block]] = {}
    for block in found:
        by_shard.setdefault(block.shard, []).append(block)
    for shard, several in by_shard.items():
        several.sort(key=lambda block: block.attempt)
        starts = {block.attempt[0] for block in several}
        if (
            len({(block.run, block.gate) for block in several}) > 1
            or len({block.selection for block in several if block.selection}) > 1
            or len(starts) < len(several)
            or ("" in starts and len(starts) > 1)
        ):
            raise doubled(shard)
    return by_shard


def doubled(shard: str) -> CollectError:
    """Return the error of a shard that was reported twice, when nobody knows which report counts."""
    return CollectError(
        CollectCode.DOUBLED,
        f"shard {shard}: the log has more than one report of it; give the log of one run, each pod's once",
    )


def _begun(shard: str, text: str) -> Mapping[str, object]:
    """Return what the first marker of a report says; releases before wrote no `check` into it."""
    said = _said(shard, text)
    about = {key: value for key, value in said.items() if key != "check"}
    index, _, count = shard.partition("/")
    if int(index) >= int(count) or said.get("check", checksum(shard, about)) != checksum(shard, about):
        raise _altered(shard, text)
    return said


def _said(shard: str, text: str) -> dict[str, object]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _altered(shard, text)
    return said


def _headless(shard: str) -> CollectError:
    return CollectError(
        CollectCode.CUT,
        f"shard {shard}: the beginning of its report is not in the log; it was cut or rotated: "
        f"fetch the whole log, without --tail or --since, or keep larger logs",
    )


def _altered(shard: str, text: str) -> CollectError:
    return CollectError(
        CollectCode.ALTERED,
        f"shard {shard}: a marker line is not as it was printed: {one_line(text)[:80]!r}; "
        f"give the log as kubectl prints it",
    )
