"""The JUnit XML comes out of a log as it went in, whatever the log went through; else it is said what is wrong."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from junitparser import JUnitXml

from django_probe.collect import CollectCode
from django_probe.reports import sink
from tests import warm

ROOT = Path(__file__).resolve().parent.parent
XML = """\
<testsuites disabled="0" errors="0" failures="1" tests="2" time="1.5"><testsuite disabled="0" errors="0" failures="1" \
name="shop" skipped="0" tests="2" time="1.5"><testcase name="test_pay" classname="shop.T"><failure message="4 \u20ac">\
Traceback

  File "x"   \n\ttab, and an old marker: django-probe:junit 0/1 end {}
</failure></testcase><testcase name="test_long" classname="shop.T" /></testsuite></testsuites>
"""


def report(shard="0/1", run="6f0c", xml=XML, pod="gate-a", minute=0, **about):
    """Return the lines that a gate prints."""
    begin = {"run": run, "gate": "deploy", "pod": pod, "started_at": f"2026-11-23T10:{minute:02}:00.000Z", **about}
    return sink.wrap(xml, shard, begin)


def plain(shard="0/1", run="6f0c", xml=XML, **about):
    """Return the lines that a gate of a release before printed: the XML itself, an element a line."""
    pieces = [line.replace("><", ">\0<").split("\0") for line in xml.removesuffix("\n").split("\n")]
    lines = [f"{'>' if piece < len(line) else '|'} {text}" for line in pieces for piece, text in enumerate(line, 1)]
    return sink.marked(shard, {"run": run, "gate": "deploy", **about}, lines, xml.encode())


COLLECT = "import sys; sys.stdin = open(sys.argv.pop(1)); from django_probe.collect import main; sys.exit(main())"


def collect(log, *arguments, cwd=None):
    """Run `django-probe-collect` with the log on standard input."""
    with tempfile.NamedTemporaryFile() as given:
        Path(given.name).write_bytes(log.encode("utf-8", "surrogateescape"))
        command = [sys.executable, "-c", COLLECT, given.name, *arguments]
        return warm.run(command, cwd=cwd or Path(tempfile.gettempdir()), env=warm.OWN, timeout=60)


def cases(done):
    """Return the names of the cases that were collected."""
    assert (done.returncode, done.stderr) == (0, b"")
    return [case.get("name") for case in ET.fromstring(done.stdout).iter("testcase")]


def refused(done, code):
    """Return the one line with which a log was refused; nothing was printed."""
    assert (done.returncode, done.stdout) == (code, b""), done.stderr
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("collect: ")
    return line


@pytest.mark.parametrize("form", [report, plain])
def test_collect__gives_back_what_was_printed(form):
    """Texts, blank lines, spaces at the end, characters beyond ASCII: the XML says what it said, in both forms."""
    done = collect(form())
    (failure,) = ET.fromstring(done.stdout).iter("failure")
    (original,) = ET.fromstring(XML).iter("failure")
    assert (failure.text, failure.get("message")) == (original.text, "4 \u20ac")
    assert cases(done) == ["test_pay", "test_long"]


def test_collect__writes_a_file_that_others_read(tmp_path):
    """--output names the file; a JUnit reader that is not ours finds the suites and their sums."""
    done = collect(report(), "--output", tmp_path / "junit.xml")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    whole = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert whole.time == 1.5
    whole.update_statistics()
    assert (whole.tests, whole.failures, whole.errors) == (2, 1, 0)
    assert [suite.name for suite in whole] == ["shop"]


@pytest.mark.parametrize(
    "through",
    [
        lambda line: f"{line}\r",
        lambda line: f"2026-11-23T10:00:00.123456789Z {line}",
        lambda line: f"[pod/gate-0-x7k2p/gate] 2026-11-23T10:00:00.1+01:00 {line}",
        lambda line: f"\x1b[32mgate-0 |\x1b[0m {line}",
        lambda line: f"a warning without an end {line}",
        lambda line: f"passed   shop.T.test (0.001s)\n\n{line}\n{'noise ' * 5000}",
    ],
    ids=["crlf", "timestamps", "prefix-and-timestamps", "stern", "glued", "lines-in-between"],
)
def test_collect__bears_with_what_a_log_goes_through(through):
    """Line ends of Windows, what kubectl and other viewers put before a line, and other lines in between."""
    lines = [*report("0/2").splitlines(), *plain("1/2").splitlines()]
    log = "".join(f"{through(line)}\n" for line in lines)
    assert cases(collect(log)) == ["test_pay", "test_long"] * 2


def test_collect__bears_with_bytes_that_are_no_text():
    """Another container may print what it likes."""
    assert cases(collect("\udcff\udc80\n" + report() + "\udcfe\n")) == ["test_pay", "test_long"]


def test_collect__merges_shards_that_were_printed_at_once():
    """Four shards whose lines are mixed are four reports in one document, in the order of the shards."""
    shuffled = random.Random(3)
    pods = [report(f"{index}/4", xml=XML.replace("shop", f"shop{index}")).splitlines() for index in (2, 0, 3, 1)]
    lines = []
    while pods:
        pod = shuffled.choice(pods)
        lines.append(pod.pop(0))
        pods = [pod for pod in pods if pod]
    done = collect("\n".join(lines) + "\n")
    assert len(cases(done)) == 8
    root = ET.fromstring(done.stdout)
    assert [suite.get("name") for suite in root] == ["shop0", "shop1", "shop2", "shop3"]
    assert [sum(int(suite.get(name)) for suite in root) for name in ("tests", "failures")] == [8, 4]
    assert root.attrib == {"time": "6.000"}


def test_collect__takes_the_latest_attempt():
    """An evicted pod may stay beside the one that passed: the latest decides, in any order; others are told."""
    evicted = report("0/2", xml=XML.replace("shop", "evicted"), pod="gate-0-x", minute=1)
    passed, other = report("0/2", pod="gate-0-y", minute=2), report("1/2", pod="gate-1-z")
    cut = evicted[: evicted.index("= ") + 9] + "\n"
    for log in (evicted + passed + other, passed + other + evicted, cut + passed + other, other + passed + cut):
        done = collect(log)
        assert done.returncode == 0, done.stderr
        assert b"evicted" not in done.stdout
        assert done.stderr.decode() == (
            f"collect: shard 0/2: the pod gate-0-x, started at 2026-11-23T10:01:00.000Z,"
            f"{'' if evicted in log else ' whose report was cut,'} was an earlier attempt; "
            f"the pod gate-0-y, started at 2026-11-23T10:02:00.000Z, decides\n"
        )


def test_refuse__a_latest_attempt_that_was_cut():
    """22: what an earlier attempt said is not what decides."""
    latest = report(pod="gate-y", minute=2).splitlines(keepends=True)
    assert "the end of its report" in refused(collect(report() + "".join(latest[:-1])), 22)


def test_collect__reads_files_too(tmp_path):
    """A log a shard, as `kubectl logs POD` gives them."""
    for index in range(2):
        (tmp_path / f"{index}.log").write_text(report(f"{index}/2"), encoding="utf-8")
    assert len(cases(collect("", "0.log", "1.log", cwd=tmp_path))) == 4


def test_refuse__a_log_without_a_report():
    """20: nothing was printed, and the line says what may be the reason."""
    assert "PROBE_REPORT_SINK=log" in refused(collect("gate deploy: PASSED\n"), 20)


def test_refuse__a_missing_shard():
    """21: the line names which of them."""
    log = report("0/4") + report("2/4")
    assert "shard 1/4, 3/4 " in refused(collect(log), 21)


@pytest.mark.parametrize("form", [report, plain])
@pytest.mark.parametrize("kept", [slice(0, -1), slice(1, None), slice(2, None), slice(0, 2)])
def test_refuse__a_log_that_was_cut(kept, form):
    """22: at its beginning, at its end, or both."""
    assert "0/1" in refused(collect("".join(form().splitlines(keepends=True)[kept])), 22)


@pytest.mark.parametrize("form", [report, plain])
def test_refuse__a_log_with_a_gap(form):
    """22: lines in the middle are missing, and the line says how many there were."""
    lines = form().splitlines(keepends=True)
    assert f"{len(lines) - 3} lines" in refused(collect("".join(lines[:1] + lines[2:])), 22)


@pytest.mark.parametrize(
    "altered",
    [
        plain().replace('classname="shop.T"', "", 1),
        report().replace("=\ndjango", "\ndjango", 1)[:-4],
        re.sub("(?<== ).{40}", "", report()),
        re.sub("(?<== ).*", "nonsense", report()),
        re.sub("(?<== .{30})....", "AAAA", report()),
        re.sub("(?<== .{30})....", "\N{SNOWMAN}", report()),
    ],
)
def test_refuse__a_line_that_a_runtime_cut(altered):
    """24: half a line is another text, or none."""
    assert "as kubectl prints it" in refused(collect(altered), 24)


@pytest.mark.parametrize(
    "log",
    [
        report().replace(', "sha256"', "", 1),
        report(pod="gate-b", minute=2).replace("T10:02", "T09:02") + report(),
        report().replace("0/1 begin", "1/2 begin"),
        report("1/1"),
        f"django-probe:junit 0/1 begin {'[' * 100_000}\n",
    ],
    ids=["cut", "time", "shard", "no-such-shard", "deep"],
)
def test_refuse__a_marker_that_is_not_as_it_was_printed(log):
    """24: half a marker says nothing, and one with another time would make an earlier attempt the latest."""
    assert "marker" in refused(collect(log), 24)


def test_refuse__an_end_of_another_report():
    """22: a report that was cut, and one whose beginning is missing, do not make one."""
    (begin, *_), (_, *rest) = (
        report().splitlines(keepends=True),
        report(pod="gate-b", minute=2).splitlines(keepends=True),
    )
    assert "the beginning" in refused(collect("".join([begin, *rest])), 22)


def test_refuse__shards_of_two_gates():
    """25: two gates may have been given one id of a run."""
    assert "deploy, smoke" in refused(collect(report("0/2") + report("1/2", gate="smoke")), 25)


def test_collect__reads_a_report_without_checks():
    """Releases before wrote no checksum of the first marker."""
    assert cases(collect(re.sub(r', "check": "\w+"', "", report()))) == ["test_pay", "test_long"]


@pytest.mark.parametrize(
    "log",
    [
        report() * 2,
        plain() * 2,
        plain() + report(),
        report("1/2") + report("0/2") + report("1/2"),
        report() + report(run="7a1b", pod="gate-b", minute=2),
        report() + report(gate="smoke", pod="gate-b", minute=2),
        report(selection="a1") + report(selection="b2", pod="gate-b", minute=2),
    ],
    ids=["twice", "twice-plain", "both-forms", "shards", "runs", "gates", "selections"],
)
def test_refuse__a_doubled_shard(log):
    """23: which of the two is the gate's, nobody knows."""
    refused(collect(log), 23)


def test_refuse__two_pods_of_one_shard_at_once():
    """22: their lines are mixed, and neither can be had."""
    pairs = zip(report().splitlines(), report(pod="gate-b", minute=1).splitlines(), strict=True)
    refused(collect("".join(f"{one}\n{other}\n" for one, other in pairs)), 22)


def test_refuse__shards_of_two_runs():
    """25: half of one run and half of another are no run."""
    assert "6f0c, 7a1b" in refused(collect(report("0/2") + report("1/2", run="7a1b")), 25)
    assert "2 and with 4" in refused(collect(report("0/2") + report("1/4")), 25)


def test_refuse__shards_that_saw_different_selections():
    """25: some probes may have run in neither. One that does not say what it saw was made by an older release."""
    said = refused(collect(report("0/2", selection="aa") + report("1/2", selection="bb")), 25)
    assert "the shards saw different selections (0/2; 1/2)" in said
    assert collect(report("0/2", selection="aa") + report("1/2", selection="aa")).returncode == 0
    assert collect(report("0/2", selection="aa") + report("1/2")).returncode == 0


def test_refuse__what_is_not_xml():
    """24: a report that was printed whole and is no JUnit XML."""
    for xml in ("<a>\n", XML.replace('time="1.5"', 'time="long"')):
        assert "not JUnit XML" in refused(collect(report(xml=xml)), 24)


def test_refuse__leaves_no_report_of_an_earlier_gate(tmp_path):
    """A CI that takes in the file after a failed collection finds none."""
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    refused(collect("", "--output", tmp_path / "junit.xml"), 20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["missing.log"], ["--output", "no/such/folder.xml"], ["--nothing"], ["--output=a", "--output=b"]]
)
def test_refuse__a_file_that_is_not_there_and_an_unknown_option(arguments, tmp_path):
    """2, and the name."""
    done = collect(report(), *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert arguments[-1].rpartition("/")[0] in done.stderr.decode()


def test_output__that_is_no_file_stays_what_it_is(tmp_path):
    """/dev/stdout gets the report, a link its target, and neither is replaced."""
    assert cases(collect(report(), "--output", "/dev/stdout")) == ["test_pay", "test_long"]
    assert Path("/dev/stdout").is_symlink()
    (tmp_path / "real.xml").write_text("old")
    (tmp_path / "link.xml").symlink_to("real.xml")
    assert collect(report(), "--output", tmp_path / "link.xml").returncode == 0
    assert (tmp_path / "link.xml").is_symlink()
    assert (tmp_path / "real.xml").read_text(encoding="utf-8").startswith("<?xml")


def test_output__that_cannot_be_written_is_one_line(tmp_path):
    """A disk that is full, or a folder: exit code 2, and no traceback."""
    for place in ("/dev/full", tmp_path):
        done = collect(report(), "--output", place)
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "django_probe.collect"],
            input=report().encode(),
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_html__of_a_log_without_a_record_is_refused(tmp_path):
    """A release before printed the JUnit XML alone: 2, and why; nothing is printed, and no other report is written."""
    for junit in ([], ["--junit", "junit.xml"]):
        done = collect(report(), "--html", "gate.html", *junit, cwd=tmp_path)
        assert "--html: a log has no record: its gate ran with an older django-probe" in refused(done, 2)
        assert list(tmp_path.iterdir()) == []


def test_refuse__what_is_no_record():
    """24: a record that was printed whole and disagrees with itself."""
    assert "no record: not JSON" in refused(collect(report(form="record")), 24)


def test_command_and_collect_agree(project, tmp_path):
    """What a gate of two shards prints is collected to what its own JUnit files say, and to one page."""
    project.app(
        "shop",
        """\
        import unittest
        class TestPay(unittest.TestCase):
            def test_a(self): print("django-probe:junit 0/2 | <hostile/>"); self.fail("a]]>\\x1b[0m &amp;")
            def test_b(self): pass
            def test_c(self): self.skipTest("\\u20ac")
        """,
    )
    logs, names = "", []
    for index in range(2):
        own = tmp_path / f"{index}.xml"
        done = project.probe(
            "--shard", f"{index}/2", "--junit", str(own), env={"PROBE_REPORT_SINK": "log", "PROBE_RUN_ID": "r1"}
        )
        logs += done.out
        names += [(case.get("name"), case.find("failure") is None) for case in ET.parse(own).iter("testcase")]
    page = tmp_path / "gate.html"
    done = collect(logs, "--junit", "-", "--html", page)
    assert (done.returncode, done.stderr) == (0, b"")
    assert all(f"<b>{name}</b>" in page.read_text(encoding="utf-8") for name in ("test_b", "test_c"))
    found = [(case.get("name"), case.find("failure") is None) for case in ET.fromstring(done.stdout).iter("testcase")]
    assert sorted(found) == sorted(names)
    assert len(found) == 3


def test_page__has_every_exit_code():
    """The table of docs/image.md has the codes that there are."""
    page = (ROOT / "docs" / "image.md").read_text(encoding="utf-8").partition("## The JUnit report of a pod")[2]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)] == [
        int(code) for code in CollectCode
    ]
