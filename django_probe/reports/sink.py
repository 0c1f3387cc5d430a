"""Writes the record to standard output between marker lines: nobody can copy a file from a finished pod.

`kubectl logs` merges both streams, may put names and times before each line, and other containers of the pod
may write between our lines. So each line says what it is and to which shard it belongs:

    django-probe:junit 0/4 begin {"run": "6f0c...", "gate": "deploy", "form": "record", ..., "check": "..."}
    django-probe:junit 0/4 = H4sIAAAAAAAC... (the record in JSON, by gzip, in Base64; long ones in several lines)
    django-probe:junit 0/4 end {"lines": 1, "sha256": "...", "check": "..."}

`lines` counts those between the markers, and the hash is that of the JSON. `check` is `checksum` of the first marker,
in both, because that one says which of two attempts is the later. A run without shards is 0/1. It is compressed because
people read the log too, and Helm 4 shows a closed gate's log as one line. The marker is called after JUnit XML, which
releases before printed: of the record every report can be made, that one too.
`django_probe.reports.reading.marked` reads it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_probe.reports import json as records
from django_probe.reports.json import timestamp
from django_probe.reports.text import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_probe.results import ProbeResult, ProbeRun

COMPRESSED: Final = "="

RECORD: Final = "record"
"""What is between the markers, as the first of them says; where it says nothing, that is JUnit XML."""

MOST_ATTACHED: Final = 64 * 1024
"""Bytes of attachments that a log carries of a run: people read the log too."""
_LEFT_OUT: Final = (
    "[left out: a log carries 64 KiB of a run's attachments; the history has it, and --html of the gate itself]"
)

_MOST: Final = 8000
"""Characters of a line: container runtimes cut at 16 KiB."""


def render(run: ProbeRun) -> str:
    """Return the record of the run as marked lines."""
    about = {"run": run.id, "gate": run.gate, "pod": run.host, "started_at": timestamp(run.started_at), "form": RECORD}
    if run.selection:
        about["selection"] = run.selection
    return wrap(records.render(_for_log(run)), run.shard or "0/1", about)


def _for_log(run: ProbeRun) -> ProbeRun:
    """Return the run with as many attachments as a log carries, those of problems first."""
    if not any(result.attachments for result in run.results):
        return run
    left = MOST_ATTACHED
    kept: dict[int, ProbeResult] = {}
    for number, result in sorted(enumerate(run.results), key=lambda each: not each[1].is_problem):
        attached = []
        for each in result.attachments:
            fits = each.weight <= left
            left -= each.weight if fits else 0
            attached.append(each if fits else replace(each, content=_LEFT_OUT))
        kept[number] = replace(result, attachments=tuple(attached))
    return replace(run, results=tuple(kept[number] for number in sorted(kept)))


def wrap(report: str, shard: str, about: dict[str, str]) -> str:
    """Return `report` as marked lines; `about` goes into the first."""
    content = report.encode()
    text = b64encode(gzip.compress(content, mtime=0)).decode("ascii")
    lines = [f"{COMPRESSED} {text[start : start + _MOST]}" for start in range(0, len(text), _MOST)]
    return marked(shard, about, lines, content)


def marked(shard: str, about: dict[str, str], lines: Iterable[str], content: bytes) -> str:
    """Return `lines`, which stand for `content`, between the markers."""
    between, check = list(lines), checksum(shard, about)
    begin = json.dumps({**about, "check": check})
    end = json.dumps({"lines": len(between), "sha256": hashlib.sha256(content).hexdigest(), "check": check})
    return "".join(f"{MARKER} {shard} {line}\n" for line in (f"begin {begin}", *between, f"end {end}"))


def checksum(shard: str, about: Mapping[str, object]) -> str:
    """Return a digest of what the first marker says, of which shard too."""
    return hashlib.sha256(f"{shard} {json.dumps(about)}".encode()).hexdigest()[:16]
