"""With PROBE_REPORT_SINK=log the JUnit XML stands in the log, between marker lines, before the summary."""

from __future__ import annotations

import hashlib
import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from django_probe.reports import junit, sink

LOG = {"PROBE_REPORT_SINK": "log"}


def unwrapped(marked, shard="0/1"):
    """Take the markers off by hand, as the docstring of the module describes them."""
    prefix = f"django-probe:junit {shard} "
    lines = marked.splitlines()
    assert all(line.startswith(prefix) for line in lines)
    text = "".join(line.removeprefix(prefix)[2:] + "\n" * (line[len(prefix)] == "|") for line in lines[1:-1])
    begin = json.loads(lines[0].removeprefix(f"{prefix}begin "))
    return begin, text, json.loads(lines[-1].removeprefix(f"{prefix}end "))


def test_render__is_the_junit_report_line_by_line(run, result):
    """What stands behind the prefixes is the very XML of --junit; the markers say which run, which hash."""
    record = run(
        result(outcome="failed", message="402 != 200", details="Traceback\n\n  line 7\n"), result("shop.T.test")
    )
    begin, text, end = unwrapped(sink.render(record))
    assert text == junit.render(record)
    assert begin == {"run": "6f0c", "gate": "deploy"}
    assert end == {"lines": sink.render(record).count("\n") - 2, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def test_render__names_the_shard_in_every_line(run, result):
    """The lines of several pods can be told apart where their logs are one."""
    record = run(result(), shard="2/4")
    assert unwrapped(sink.render(record), shard="2/4")[1] == junit.render(record)


def test_render__no_line_is_long(run, result):
    """Container runtimes cut a line at 16 KiB: a message of any length stays below, in characters of any width."""
    record = run(result(outcome="failed", message="x" * 50_000, details="\N{SNOWMAN}" * 50_000))
    marked = sink.render(record)
    assert max(len(line.encode()) for line in marked.splitlines()) < 5000
    assert unwrapped(marked)[1] == junit.render(record)


def test_command__prints_the_report_before_the_summary(project):
    """The last line of a pod's log stays the verdict, and the XML stands before it with all that failed."""
    project.app(
        "shop", "import unittest\nclass TestPay(unittest.TestCase):\n    def test_pay(self): self.fail('402')\n"
    )
    done = subprocess.run(
        project.command("probe"),
        env=project.environment(LOG),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    marked = [number for number, line in enumerate(lines) if line.startswith(sink.MARKER)]
    problem = next(number for number, line in enumerate(lines) if line.startswith("=" * 40))
    assert marked == list(range(marked[0], marked[0] + len(marked)))
    assert marked[-1] < problem
    assert lines[-1].startswith("gate default: CLOSED (exit 1)")
    xml = unwrapped("".join(f"{lines[number]}\n" for number in marked))[1]
    assert [case.get("name") for case in ET.fromstring(xml).iter("testcase")] == ["test_pay"]


def test_command__prints_no_report_unless_it_is_asked_to(project):
    """Without the variable, and with "none", standard output stays empty."""
    project.app("shop", "import unittest\nclass TestPay(unittest.TestCase):\n    def test_pay(self): pass\n")
    for env in ({}, {"PROBE_REPORT_SINK": "none"}):
        done = project.probe(env=env)
        assert (done.code, done.out) == (0, "")


def test_command__refuses_another_sink(project):
    """A sink that does not exist is one line and exit code 2: nobody waits for a report that never comes."""
    done = project.probe(env={"PROBE_REPORT_SINK": "file"})
    assert done.code == 2
    assert done.err.strip() == """CommandError: PROBE_REPORT_SINK: 'file' is neither "log" nor "none\""""


def test_command__a_log_that_cannot_be_written_is_undelivered(project):
    """A gate that passed and could not print its report exits with 4."""
    project.app("shop", "import unittest\nclass TestPay(unittest.TestCase):\n    def test_pay(self): pass\n")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            project.command("probe"),
            env=project.environment(LOG),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=90,
            check=False,
        )
    assert done.returncode == 4
    assert b"PROBE_REPORT_SINK" in done.stderr
