"""Writes JUnit XML to standard output between marker lines: nobody can copy a file from a finished pod.

`kubectl logs` merges both streams, may put names and times before each line, and other containers of the pod
may write between our lines. So each line says what it is and to which shard it belongs:

    django-probe:junit 0/4 begin {"run": "6f0c...", "gate": "deploy"}
    django-probe:junit 0/4 | a line of the XML
    django-probe:junit 0/4 > the beginning of a line that goes on in the next
    django-probe:junit 0/4 end {"lines": 2, "sha256": "..."}

`lines` counts those between the markers, and the hash is that of the XML in UTF-8. A run without shards is
0/1. `django_probe.collect` reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Final

from django_probe.reports import junit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_probe.results import ProbeRun

MARKER: Final = "django-probe:junit"
WHOLE: Final = "|"
CONTINUED: Final = ">"

# Container runtimes cut a line at 16 KiB; at four bytes a character this is far below.
_MOST: Final = 1000
_BETWEEN_ELEMENTS: Final = re.compile("(?<=>)(?=<)")


def render(run: ProbeRun) -> str:
    """Return the JUnit XML of the run as marked lines. Raise ReportError if it cannot be made."""
    about = {"run": run.id, "gate": run.gate} | ({"selection": run.selection} if run.selection else {})
    return wrap(junit.render(run), run.shard or "0/1", about)


def wrap(xml: str, shard: str, about: dict[str, str]) -> str:
    r"""Return `xml`, which ends with a line break and has no `\r`, as marked lines; `about` goes into the first."""
    lines = list(_lines(xml))
    digest = hashlib.sha256(xml.encode()).hexdigest()
    end = json.dumps({"lines": len(lines), "sha256": digest})
    marked = [f"begin {json.dumps(about)}", *lines, f"end {end}"]
    return "".join(f"{MARKER} {shard} {line}\n" for line in marked)


def _lines(xml: str) -> Iterator[str]:
    """Yield each line, a long one in pieces, with one element in each line for people who read the log."""
    for line in xml.removesuffix("\n").split("\n"):
        pieces = [
            element[start : start + _MOST]
            for element in _BETWEEN_ELEMENTS.split(line)
            for start in range(0, len(element) or 1, _MOST)
        ]
        yield from (f"{CONTINUED} {piece}" for piece in pieces[:-1])
        yield f"{WHOLE} {pieces[-1]}"
