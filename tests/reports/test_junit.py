"""The JUnit report says what the record says, to a reader that is not ours."""

from __future__ import annotations

import re
import tracemalloc
import xml.etree.ElementTree as ET
from dataclasses import replace

import junitparser
import pytest

from django_probe.attachments import Attachment
from django_probe.reports import ReportError, junit
from django_probe.results import EndedBy, Outcome

HOSTILE = "\ud800\udfff \x00\x08\x0b\x1b[31m \ufffe\uffff ]]> <!-- &amp; <b> \"' \r\n\t \x85\x9f"
SHOTS = (Attachment("shot.png", "image/png", 2048, b"x"), Attachment("page\x1b", "text/plain", 1, "never seen"))


def read(run):
    """Return the suites of the report, by name."""
    return {suite.name: suite for suite in junitparser.JUnitXml.fromstring(junit.render(run))}


def test_render__the_whole_format(run, result):
    """A suite for each app, the class as classname, and each outcome in its element."""
    given = run(
        result("shop.TestCheckout.test_cart"),
        result(
            outcome="failed",
            message="402 != 200",
            details="Traceback …",
            output="paying",
            logs="ERROR shop: no",
            attachments=SHOTS,
        ),
        result("payments.cards.TestCard.test_charge", outcome="timeout", message="no end after 30s"),
        release="v42",
        ended_by=EndedBy.FAILFAST,
    )
    properties = (
        '<properties><property name="run_id" value="6f0c" /><property name="gate" value="deploy" />'
        '<property name="release" value="v42" /><property name="exit_code" value="1" />'
        '<property name="reason" value="2 blocking probes did not pass" />'
        '<property name="ended_by" value="failfast" /></properties>'
    )

    assert junit.render(given) == (
        '<testsuites time="0.153">'
        '<testsuite errors="0" failures="1" name="shop" skipped="0" tests="2" time="0.102" '
        f'hostname="pod-x" timestamp="2026-11-23T10:00:00">{properties}'
        '<testcase name="test_cart" time="0.051000" classname="shop.TestCheckout" />'
        '<testcase name="test_pay" time="0.051000" classname="shop.TestCheckout">'
        '<failure type="failure" message="402 != 200">Traceback &#8230;</failure>'
        "<system-out>paying\nattached: shot.png (2.0 KiB), page\\x1b (1 byte)</system-out>"
        "<system-err>ERROR shop: no</system-err></testcase></testsuite>"
        '<testsuite errors="1" failures="0" name="payments" skipped="0" tests="1" time="0.051" '
        'hostname="pod-x" timestamp="2026-11-23T10:00:00">'
        '<testcase name="test_charge" time="0.051000" classname="payments.cards.TestCard">'
        '<error type="timeout" message="no end after 30s" /></testcase></testsuite></testsuites>\n'
    )


@pytest.mark.parametrize(
    ("outcome", "blocking", "expected"),
    [
        ("failed", True, (junitparser.Failure, "failure", "why")),
        ("error", True, (junitparser.Error, "error", "why")),
        ("timeout", True, (junitparser.Error, "timeout", "why")),
        ("failed", False, (junitparser.Skipped, "skipped", "warn-only: failed: why")),
        ("timeout", False, (junitparser.Skipped, "skipped", "warn-only: timeout: why")),
        ("not_run", True, (junitparser.Skipped, "skipped", "not run: why")),
        ("skipped", True, (junitparser.Skipped, "skipped", "why")),
        ("expected_failure", True, (junitparser.Skipped, "skipped", "why")),
    ],
)
def test_render__each_outcome_has_its_element_with_the_reason(run, result, outcome, blocking, expected):
    """Only what closes the gate is a failure or an error; what else did not pass is skipped, and says why."""
    given = run(result(), result("app2.X.test_y", outcome=outcome, blocking=blocking, message="why"))

    (case,) = read(given)["app2"]

    (entry,) = case.result
    assert (type(entry), entry.type, entry.message) == expected


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PASSED])
@pytest.mark.parametrize("blocking", [True, False])
def test_render__a_result_without_a_word_still_has_a_message(run, result, outcome, blocking):
    """A failure with neither message nor output would be written as a pass: it never has neither."""
    given = run(result(), result("app2.X.test_y", outcome=outcome, blocking=blocking))

    (case,) = read(given)["app2"]

    assert [bool(entry.message) for entry in case.result] == [True]


@pytest.mark.parametrize(
    ("results", "values", "reason"),
    [
        ([], {}, "no probe was selected: nothing was proved"),
        (
            ["passed"],
            {"ended_by": EndedBy.DEADLINE},
            "the deadline ended the run before every probe was done",
        ),
        (["passed", "not_run"], {}, "1 blocking probe was not run"),
        (["skipped"], {}, "every probe that was selected skipped itself: nothing was proved"),
        (
            ["passed"],
            {"stricter_exit_code": 7},
            "suite_result() of the team's own runner asked for exit code 7",
        ),
    ],
)
def test_render__a_closed_gate_without_a_problem_is_an_error_of_the_gate(run, result, results, values, reason):
    """A CI that reads only the XML sees that the gate is closed, and why."""
    given = run(*(result(outcome=outcome) for outcome in results), **values)

    (case,) = read(given)["gate deploy"]

    (entry,) = case.result
    assert (case.classname, case.name) == ("gate.deploy", "gate")
    assert (type(entry), entry.message) == (junitparser.Error, reason)


def test_render__a_problem_that_is_there_already_needs_no_error_of_the_gate(run, result):
    """The number of errors is the number of problems."""
    assert list(read(run(result(outcome="error"), ended_by=EndedBy.SIGTERM))) == ["shop"]


def test_render__an_empty_run_that_passed_is_an_empty_suite(run):
    """--allow-empty and an empty shard give a document with a suite, and nothing in it that failed."""
    suites = read(run(allow_empty=True))

    assert [(name, suite.tests) for name, suite in suites.items()] == [("gate deploy", 0)]


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("shop", ("shop", "shop", "shop")),
        ("shop.probes", ("shop", "shop", "probes")),
        ("shop.TestX.setUpClass", ("shop", "shop.TestX", "setUpClass")),
        ("shop.", ("shop", "shop", "shop.")),
        (".x", ("probes", ".x", "x")),
        ("", ("probes", "probe", "probe")),
    ],
)
def test_render__no_label_leaves_a_name_empty(run, result, label, names):
    """A module that did not import has a label of one part; its case has a class and a name all the same."""
    ((suite, (case,)),) = read(run(result(label, "error"))).items()

    assert (suite, case.classname, case.name) == names


def test_render__hostile_text_is_readable_xml(run, result):
    """What no XML can hold is there as a visible escape, in labels, messages, details, output and names."""
    hostile = result(
        f"sh{HOSTILE}op.Test.test_{HOSTILE}",
        "failed",
        message=HOSTILE,
        details=HOSTILE,
        output=HOSTILE,
        tags=(HOSTILE,),
    )

    text = junit.render(run(hostile, host=HOSTILE, release=HOSTILE, id=HOSTILE, gate=HOSTILE))

    assert text.isascii()
    failure = ET.fromstring(text).find(".//failure")
    assert failure.text == (
        "\\ud800\\udfff \\x00\\x08\\x0b\\x1b[31m \\ufffe\\uffff ]]> <!-- &amp; <b> \"' \n\t \\x85\\x9f"
    )
    assert "\\x1b[31m" in failure.get("message")


def test_render__a_megabyte_of_output_is_kept(run, result):
    """Nothing is cut: the whole of what was captured arrives."""
    output = "]]>&<\x1b" * 200_000

    text = junit.render(run(result(outcome="error", output=output)))

    assert ET.fromstring(text).findtext(".//system-out") == output.replace("\x1b", "\\x1b")


def test_render__holds_long_texts_few_times(run, result):
    """The judge has the memory of a small pod: a text of ten thousand tags is not kept in as many pieces."""
    page = '<td class="a">&nbsp;</td>\n' * 1_000
    given = run(*(result(f"shop.T.test_{n}", "failed", details=page, output=page + str(n)) for n in range(20)))
    tracemalloc.start()
    try:
        length = len(junit.render(given))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 5 * length


def test_render__only_problems_carry_their_output(run, result):
    """Output is for whoever looks for a cause; a probe that passed needs none. A warning is a problem too."""
    text = junit.render(
        run(
            result("a.X.y", output="kept quiet"),
            result("b.X.y", outcome="skipped", message="no", output="kept quiet"),
            result("c.X.y", outcome="failed", blocking=False, output="shown"),
        )
    )

    assert [element.text for element in ET.fromstring(text).iter("system-out")] == ["shown"]


@pytest.mark.parametrize("duration", [0.0, 1e-9, 0.00004])
def test_render__every_probe_that_ran_has_a_time_in_decimals(run, result, duration):
    """No time is left out because it is 0, or written in powers of ten, which strict readers refuse."""
    root = ET.fromstring(junit.render(run(result(duration=duration))))

    times = [root.find(path).get("time") for path in (".//testsuite", ".//testcase")]

    assert all(times)
    assert not any("e" in time for time in times)


def test_render__refuses_to_give_away_what_disagrees(run, result, monkeypatch):
    """Were the library to lose a failure, as it does one without a message, there would be no report."""
    monkeypatch.setattr(junit, "explanation", lambda _: "")

    with pytest.raises(ReportError, match="would disagree with the record"):
        junit.render(run(result(outcome="failed")))


def test_render__refuses_to_give_away_what_no_reader_takes(run, result, monkeypatch):
    """Were a character to get through that XML cannot hold, there would be no report."""
    monkeypatch.setattr(junit, "visible", lambda text: text)

    with pytest.raises(ReportError, match="cannot be read"):
        junit.render(run(replace(result(outcome="failed"), details="\ufffe")))


def test_render__keeps_to_what_strict_readers_accept(run, result):
    """No attribute that Jenkins' xUnit plugin refuses, no more decimals than it takes, no property twice."""
    root = ET.fromstring(
        junit.render(
            run(
                result(duration=0.4194141),
                result("app2.X.test_y", outcome="failed", message="why", blocking=False),
                result("app3.X.test_z", outcome="skipped", message="not here"),
                release="v42",
            )
        )
    )

    suites = list(root.iter("testsuite"))
    assert root.attrib.keys() == {"time"}
    assert all(
        suite.attrib.keys() <= {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"}
        for suite in suites
    )
    assert all(re.fullmatch(r"\d+\.\d{3}", element.get("time")) for element in (root, *suites))
    names = [entry.get("name") for entry in root.iter("property")]
    assert len(names) == len(set(names))


def test_render__a_reader_that_counts_for_itself_counts_skips(run, result):
    """The root claims no counts: it has none for skips, which readers that believe it took for passes."""
    text = junit.render(run(result(), result("shop.A.test_b", outcome="skipped", message="not here")))
    suites = junitparser.JUnitXml.fromstring(text)
    suites.update_statistics()

    assert (suites.tests, suites.skipped, suites.failures, suites.errors) == (2, 1, 0, 0)
