"""What readers make of the JUnit report that are not ours: Jenkins' schema, junitparser, junit2html, npm packages."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from junitparser import xunit2

from django_probe.reports import junit
from django_probe.results import Earlier
from tests import node
from tests.reports import junit10

READERS = ("test-results-parser@0.4.6", "junit-to-ctrf@0.0.14")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The path of a report with each outcome, of flaky probes and of those that were tried again in vain."""
    from tests.reports.conftest import _result as result  # noqa: PLC0415 (its fixtures are a function's)
    from tests.reports.conftest import _run as run  # noqa: PLC0415 (as above)

    failed, hung = Earlier("failed", "402 != 200", "Trace <b>\x1b"), Earlier("timeout", "", "")
    given = run(
        result("shop.A.test_ok", file="shop/probes.py", line=7),
        result("shop.A.test_flaky", attempts=3, earlier=(failed, hung)),
        result("shop.A.test_bad", "failed", message="500", details="Trace", output="<p>", attempts=2, earlier=(hung,)),
        result("pay.A.test_error", "error", message="OSError", attempts=3, earlier=(failed, Earlier("error", "no"))),
        result("pay.A.test_warn", "failed", blocking=False, message="w", attempts=2, earlier=(failed,)),
        result("pay.A.test_warn_flaky", blocking=False, attempts=2, earlier=(failed,)),
        result("pay.A.test_skip", "skipped", message="not here"),
        result("pay.A.test_late", "not_run", message="the run ended"),
        result("pay.A.test_known", "expected_failure", message="known"),
        release="v42",
    )
    path = tmp_path_factory.mktemp("readers") / "gate.xml"
    path.write_text(junit.render(given), encoding="utf-8")
    return path


def test_jenkins__schema_lets_in_all_that_stands_there(made):
    """Elements, attributes, times and the order of what is in an attempt; file and line are not let in."""
    assert list(junit10.faults(ET.fromstring(made.read_text()))) == []


def test_junitparser__reads_each_attempt_before_the_last(made):
    """Before a pass it is flaky, before a problem a rerun; a warn-only one has none, lest it look worse."""
    found = {}
    for suite in xunit2.JUnitXml.fromfile(str(made)):
        for case in suite:
            kinds = (case.flaky_failures, case.flaky_errors, case.rerun_failures, case.rerun_errors)
            attempts = [(type(each).__name__, each.type, each.message, each.stack_trace) for k in kinds for each in k()]
            if attempts:
                found[case.name] = attempts

    assert found == {
        "test_flaky": [
            ("FlakyFailure", "failure", "402 != 200", "Trace <b>\\x1b"),
            ("FlakyError", "timeout", "timeout, without a message", None),
        ],
        "test_bad": [("RerunError", "timeout", "timeout, without a message", None)],
        "test_error": [
            ("RerunFailure", "failure", "402 != 200", "Trace <b>\\x1b"),
            ("RerunError", "error", "no", None),
        ],
    }


def test_junit2html__counts_as_the_record_does(made):
    """Two problems, three passes of which two are flaky, four skips."""
    command = [sys.executable, "-m", "junit2htmlreport", "--summary-matrix", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    counted = dict(line.split(":") for line in done.stdout.splitlines() if ":" in line and line.startswith("  "))
    assert {name.strip(): int(value) for name, value in counted.items()} == {"Failed": 2, "Passed": 3, "Skipped": 4}


@pytest.mark.may_skip
def test_npm_packages__count_as_the_record_does(made):
    """test-results-parser, which takes a root's counts, and junit-to-ctrf, which tells flaky tests and retries."""
    try:
        node.packages(READERS)
    except node.UnavailableError as error:
        pytest.skip(str(error))
    parsed = node.run(
        READERS,
        "const {parse} = require('test-results-parser');"
        "console.log(JSON.stringify(parse({type: 'junit', files: [process.argv[1]]})))",
        str(made),
    )
    ctrf = node.run(
        READERS,
        "const {convertJUnitToCTRFReport: read} = require('junit-to-ctrf');"
        "read(process.argv[1]).then(report => console.log(JSON.stringify(report)))",
        str(made),
    )["results"]

    assert [parsed[key] for key in ("passed", "failed", "errors", "skipped", "status")] == [3, 1, 1, 4, "FAIL"]
    assert [ctrf["summary"][key] for key in ("tests", "passed", "failed", "skipped", "flaky")] == [9, 3, 2, 4, 1]
    retried = {test["name"].split()[-1]: test["retries"] for test in ctrf["tests"] if test.get("retries")}
    assert retried == {"test_flaky": 2, "test_bad": 1, "test_error": 2}
