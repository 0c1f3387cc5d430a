"""JUnit XML, which every CI reads, written with the library `junit_xml`.

The layout is what the readers agree on: Ant's (https://github.com/windyroad/JUnit-Schema) as far as the schema of
Jenkins' xUnit plugin (its junit-10.xsd) takes it. A `<testsuite>` for each app, times in seconds, timestamps in UTC
without a zone. The report of a gate that is closed always has a failure or an error, that of a gate that passed never:
it is read again and compared with the record.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from datetime import UTC
from itertools import chain
from typing import TYPE_CHECKING, Final

from junit_xml import TestCase, TestSuite

from django_probe.outcomes import Outcome
from django_probe.reports import ReportError
from django_probe.reports.text import attached, explanation, one_line, visible, word

if TYPE_CHECKING:
    from django_probe.results import Earlier, ProbeResult, ProbeRun

# junit_xml leaves out a time of 0, and writes less than this as 1e-05, which XML Schema does not allow.
_LEAST_SECONDS: Final = 0.0001
_CHUNK: Final = 1 << 16
_CLAIMS: Final = {"testcase": "tests", "failure": "failures", "error": "errors", "skipped": "skipped"}
"""The elements that are counted, and the attribute of a suite that claims how many of each it has."""


def render(run: ProbeRun) -> str:
    """Return the run as JUnit XML in ASCII; ReportError where the XML does not say what the record says."""
    cases = {app: [_case(result) for result in results] for app, results in _by_app(run).items()}
    gate = [_gate_case(run)] if _needs_gate_case(run) else []
    if gate or not cases:  # a document without a suite is one that some readers refuse
        cases[f"gate {one_line(run.gate)}"] = gate
    suites = [_suite(run, name, cases[name]) for name in cases]
    suites[0].properties = _properties(run)  # of the whole run: some readers refuse a name that stands twice
    # No counts at the root, where junit_xml's own function for a document puts some: no attribute for skips exists
    # there, so that readers which take the root's word would count a skip as a pass.
    root = ET.Element("testsuites")
    root.extend(suite.build_xml_doc() for suite in suites)
    _suit_readers(root)
    _add_attempts(run, root)
    root.tail = "\n"
    # As ElementTree writes ASCII, but that it would encode each piece of text by itself.
    text: str = ET.tostring(root, encoding="unicode")
    xml = text.encode("ascii", "xmlcharrefreplace")
    _check(run, xml)
    return xml.decode("ascii")


def _by_app(run: ProbeRun) -> dict[str, list[ProbeResult]]:
    apps = defaultdict(list)
    for result in run.results:
        apps[result.label.partition(".")[0]].append(result)
    return apps


def _needs_gate_case(run: ProbeRun) -> bool:
    return not run.passed and not any(_closes_visibly(result) for result in run.results)


def _closes_visibly(result: ProbeResult) -> bool:
    return result.closes_gate and result.is_problem


def _properties(run: ProbeRun) -> dict[str, str]:
    properties = {
        "run_id": run.id,
        "gate": run.gate,
        "release": run.release,
        "shard": run.shard,
        "exit_code": str(int(run.exit_code)),
        "reason": run.reason,
        "ended_by": run.ended_by,
    }
    return {key: one_line(value) for key, value in properties.items() if value}


def _suite(run: ProbeRun, name: str, cases: list[TestCase]) -> TestSuite:
    return TestSuite(
        visible(name) or "probes",
        cases,
        hostname=one_line(run.host),
        timestamp=f"{run.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
    )


def _case(result: ProbeResult) -> TestCase:
    label = visible(result.label) or "probe"
    classname, _, name = label.rpartition(".")
    ran = result.outcome is not Outcome.NOT_RUN
    case = TestCase(
        name or label,
        classname or label,  # of one component where a probes module did not import
        elapsed_sec=max(result.duration, _LEAST_SECONDS) if ran else None,
        stdout=visible("\n".join(filter(None, [result.output, *attached(result)]))) if result.is_problem else None,
        stderr=visible(result.logs) if result.is_problem else None,
    )
    if result.outcome is not Outcome.PASSED:
        _tell(case, result)
    return case


def _tell(case: TestCase, result: ProbeResult) -> None:
    message, details = explanation(result), visible(result.details)
    if not _closes_visibly(result):
        warning = f"warn-only: {word(result.outcome)}: " if result.is_problem else ""
        not_run = "not run: " if result.outcome is Outcome.NOT_RUN and result.message else ""
        case.add_skipped_info(warning + not_run + message, details)
    elif result.outcome is Outcome.FAILED:
        case.add_failure_info(message, details)
    else:
        case.add_error_info(message, details, result.outcome.value)


def _gate_case(run: ProbeRun) -> TestCase:
    case = TestCase("gate", f"gate.{one_line(run.gate)}")
    case.add_error_info(one_line(run.reason), error_type="gate")
    return case


def _expected(run: ProbeRun) -> dict[str, int]:
    closing = [result.outcome for result in run.results if _closes_visibly(result)]
    gate = int(not run.passed and not closing)
    failures = closing.count(Outcome.FAILED)
    return {
        "testcase": len(run.results) + gate,
        "failure": failures,
        "error": len(closing) - failures + gate,
        "skipped": len(run.results) - len(closing) - run.counts[Outcome.PASSED],
    }


def _suit_readers(root: ET.Element) -> None:
    """Take out, or round, what junit_xml writes and some readers refuse: times have three decimals at the most."""
    times = []
    for suite in root:
        suite.attrib.pop("disabled", None)  # no attribute of Jenkins' schema
        times.append(float(suite.get("time", 0)))
        suite.set("time", f"{times[-1]:.3f}")
    root.set("time", f"{sum(times):.3f}")


def _add_attempts(run: ProbeRun, root: ET.Element) -> None:
    """Add to each case the attempts before the last one, as Surefire does; junit_xml knows no such elements."""
    ordered = chain.from_iterable(_by_app(run).values())  # a case `gate` comes after all of them
    for result, case in zip(ordered, root.iter("testcase"), strict=False):
        for attempt in result.earlier:
            if tag := _tag_of(attempt, result):
                kind = "failure" if attempt.outcome is Outcome.FAILED else attempt.outcome.value
                element = ET.SubElement(case, tag, message=_said(attempt), type=kind)
                if details := visible(attempt.details):
                    ET.SubElement(element, "stackTrace").text = details


def _tag_of(attempt: Earlier, result: ProbeResult) -> str:
    """Return the element of an attempt: it made a retry of what passed then flaky, and of what closes the gate a rerun.

    Nothing, where readers would see something worse than the result.
    """
    kind = "flaky" if result.flaky and result.blocking else "rerun" if _closes_visibly(result) else ""
    return kind and kind + ("Failure" if attempt.outcome is Outcome.FAILED else "Error")


def _said(attempt: Earlier) -> str:
    return one_line(attempt.message) or f"{word(attempt.outcome)}, without a message"


class _Counts:
    """What a reader of the report counts: elements, and the counts that suites claim; a target of ET.XMLParser."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.claimed: Counter[str] = Counter()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        self.found[tag] += 1
        if tag == "testsuite":
            for name, attribute in _CLAIMS.items():
                self.claimed[name] += int(attributes.get(attribute, 0))

    def close(self) -> None:
        """Take the end of the document."""


def _check(run: ProbeRun, xml: bytes) -> None:
    """Read the report again, and compare its elements, and the counts that its suites claim, with the record."""
    counts = _Counts()
    parser = ET.XMLParser(target=counts)  # noqa: S314 (it is our own text, and has no entities)
    try:
        for start in range(0, len(xml), _CHUNK):
            parser.feed(xml[start : start + _CHUNK])
        parser.close()
    except ET.ParseError as error:
        raise ReportError(f"the JUnit report came out as XML that cannot be read: {error}") from None
    expected = _expected(run)
    found = {name: counts.found[name] for name in _CLAIMS}
    if not expected == found == dict(counts.claimed):
        raise ReportError(
            f"the JUnit report would disagree with the record: the record has {expected}, "
            f"the elements are {found}, their counts {dict(counts.claimed)}"
        )
