"""The outcome of a rollout as reports tell it: what the gates printed, merged, and in agreement with the verdict."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from django_probe import collect
from django_probe.reports import ReportError, github
from django_probe.reports.reading import marked
from django_probe.reports.text import one_line, visible
from django_probe.results import Outcome as Ended
from django_probe.results import ProbeResult, ProbeRun
from django_probe.sharding.sharded import together

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
        errors = self._errors(closed=any(True for kind in _PROBLEMS for _ in root.iter(kind)))
        if errors:
            root.append(_suite(self.release, errors))
        return root

    def record(self) -> ProbeRun:
        """Return one record of all reports, which is closed if the rollout failed.

        Raise ReportError where one was not found though the rollout succeeded, or has no record.
        """
        self.check()
        runs = collect.records(self.shards)
        now = datetime.now(UTC)
        gates = ", ".join(dict.fromkeys(run.gate for run in runs))
        parts = [replace(run, gate=gates, selection=None) for run in runs]
        whole = together(parts) if parts else ProbeRun(self.release, "rollout", now, now, 0, ())
        errors = self._errors(closed=not whole.passed and bool(parts))
        cases = [
            ProbeResult(f"rollout.{visible(self.release)}.{name}", Ended.ERROR, message=one_line(sentence))
            for name, sentence in errors
        ]
        return replace(whole, results=(*whole.results, *cases))

    def check(self) -> None:
        """Raise ReportError where the rollout succeeded and not every report was found: a part would look like all."""
        if self.missing and not self.verdict.code:
            raise ReportError("; ".join(self.missing))

    def _errors(self, *, closed: bool) -> list[tuple[str, str]]:
        """Return the problems of a rollout that failed besides its gates'; `closed` is whether these have one."""
        if not self.verdict.code:
            return []
        errors = [(f"report {number}", sentence) for number, sentence in enumerate(self.missing, 1)]
        return errors if closed else [*errors, ("helm", self.verdict.sentence)]


def junit(outcome: Outcome) -> str:
    """Return the merged JUnit XML. Raise ReportError as `Outcome.check` does."""
    outcome.check()
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(outcome.merged(), encoding="unicode") + "\n"


def html(outcome: Outcome) -> str:
    """Return the page of the gate's run, or of a rollout that failed otherwise. Raise ReportError as `record` does."""
    return collect.page(outcome.record())


def annotated(outcome: Outcome) -> str:
    """Return a line for each problem, as GitHub Actions reads them; of what has no record, the verdict alone."""
    try:
        return github.render(outcome.record())
    except ReportError:
        return refusal(outcome.verdict.sentence) if outcome.verdict.code else ""


def refusal(sentence: str) -> str:
    """Return the line by which GitHub Actions shows why a rollout did not begin, or failed."""
    return github.command("error", {"title": "rollout"}, one_line(sentence)) + "\n"


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
