"""The outcome of a rollout as reports tell it: what the gates printed, merged, and in agreement with the verdict."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_probe import collect
from django_probe.reports import ReportError, marked
from django_probe.reports.text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django_probe.rollout.objects import Job, Pod
    from django_probe.rollout.verdict import Verdict

_PROBLEMS: Final = ("failure", "error")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rollout of `release` ended: the reports of the shards, and a sentence for each that was not found."""

    release: str
    verdict: Verdict
    shards: Sequence[marked.Shard]
    missing: Sequence[str]

    def merged(self) -> ET.Element:
        """Return all reports as one document of JUnit XML, which has a problem if the rollout failed."""
        root: ET.Element = ET.fromstring(collect.merge(self.shards))  # noqa: S314 (our own text, of a moment ago)
        if self.verdict.code:
            errors = [(f"report {number}", sentence) for number, sentence in enumerate(self.missing, 1)]
            if not any(True for kind in _PROBLEMS for _ in root.iter(kind)):
                errors.append(("helm", self.verdict.sentence))
            if errors:
                root.append(_suite(self.release, errors))
        return root


def junit(outcome: Outcome) -> str:
    """Return the merged JUnit XML.

    Raise ReportError where the rollout succeeded and not every report was found: part of them would look like all.
    """
    if outcome.missing and not outcome.verdict.code:
        raise ReportError("; ".join(outcome.missing))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(outcome.merged(), encoding="unicode") + "\n"


def reports_of(
    job: Job, latest: Mapping[int, Pod], lines: Mapping[str, Sequence[str]]
) -> tuple[list[marked.Shard], list[str]]:
    """Return the reports of a gate, of each shard the latest pod's, and a sentence for each that is not there.

    `lines` are those of the reports by the uid of the pod that printed them.
    """
    found, missing = [], []
    for index in range(job.shards):
        pod = latest.get(index)
        try:
            found.append(_only(lines.get(pod.uid, ()) if pod else (), index))
        except marked.CollectError as error:
            missing.append(f"{job.name}, shard {index}/{job.shards}: {error}")
    if not missing:
        try:
            collect.check(found)
        except marked.CollectError as error:
            missing.append(f"{job.name}: {error}")
    return found, missing


def _only(lines: Iterable[str], index: int) -> marked.Shard:
    """Return the only report in the lines of a pod. Raise CollectError if there is none, or it is not whole."""
    blocks = marked.blocks(lines)
    if not blocks:
        raise marked.CollectError(marked.CollectCode.NO_REPORT, "no report is in its log")
    shard = blocks[0].read()
    if len(blocks) > 1 or shard.index != index:
        raise marked.CollectError(marked.CollectCode.DOUBLED, "its log has more than its own report")
    collect.merge([shard])  # which reads the XML
    return shard


def _suite(release: str, errors: Sequence[tuple[str, str]]) -> ET.Element:
    count = str(len(errors))
    suite = ET.Element("testsuite", name="rollout", tests=count, failures="0", errors=count, skipped="0", time="0.000")
    for name, sentence in errors:
        case = ET.SubElement(suite, "testcase", classname=f"rollout.{visible(release)}", name=name)
        ET.SubElement(case, "error", type="rollout", message=one_line(sentence))
    return suite
