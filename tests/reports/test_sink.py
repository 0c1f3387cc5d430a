"""With PROBE_REPORT_SINK=log the record stands in the log, between marker lines, before the summary."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import subprocess
from pathlib import Path

from django_probe.attachments import BYTES, TEXT, Attachment
from django_probe.reports import json as records
from django_probe.reports import sink, text
from django_probe.reports.reading import record as reading

LOG = {"PROBE_REPORT_SINK": "log"}


def unwrapped(marked, shard="0/1"):
    """Take the markers off by hand, as the docstring of the module describes them."""
    prefix = f"django-probe:junit {shard} "
    lines = marked.splitlines()
    assert all(line.startswith(prefix) for line in lines)
    assert all(line.startswith(f"{prefix}= ") for line in lines[1:-1])
    text = gzip.decompress(base64.b64decode("".join(line.removeprefix(f"{prefix}= ") for line in lines[1:-1])))
    begin = json.loads(lines[0].removeprefix(f"{prefix}begin "))
    return begin, text.decode(), json.loads(lines[-1].removeprefix(f"{prefix}end "))


def test_render__is_the_record_compressed(run, result):
    """What stands behind the prefixes is the very record of --json; the markers say the run, the pod, the hash."""
    record = run(
        result(outcome="failed", message="402 != 200", details="Traceback\n\n  line 7\n"), result("shop.T.test")
    )
    begin, text, end = unwrapped(sink.render(record))
    assert text == records.render(record)
    about = {
        "run": "6f0c",
        "gate": "deploy",
        "pod": "pod-x",
        "started_at": "2026-11-23T10:00:00.123Z",
        "form": "record",
    }
    check = sink.checksum("0/1", about)
    assert begin == {**about, "check": check}
    assert end == {"lines": 1, "sha256": hashlib.sha256(text.encode()).hexdigest(), "check": check}


def test_render__names_the_shard_in_every_line(run, result):
    """The lines of several pods can be told apart where their logs are one."""
    record = run(result(), shard="2/4")
    assert unwrapped(sink.render(record), shard="2/4")[1] == records.render(record)


def test_render__carries_few_attachments(run, result):
    """Those of problems come first; of what does not fit, the log has the name and the size, and says so."""
    most = sink.MOST_ATTACHED
    large, small = Attachment("a.png", BYTES, most, b"x" * (most - 99)), Attachment("b.txt", TEXT, 5, "small")
    record = run(
        result("shop.T.a", attachments=(large,)), result("shop.T.b", outcome="failed", attachments=(small,) * 2)
    )
    passed, failed = reading.read(unwrapped(sink.render(record))[1]).results
    assert failed.attachments == (small, small)
    assert passed.attachments == (large,)
    record = run(
        result("shop.T.a", attachments=(small, large)), result("shop.T.b", outcome="failed", attachments=(large,))
    )
    passed, failed = reading.read(unwrapped(sink.render(record))[1]).results
    assert failed.attachments == (large,)
    assert passed.attachments[0] == small
    assert (passed.attachments[1].name, passed.attachments[1].size) == ("a.png", most)
    assert passed.attachments[1].content.startswith("[left out: a log carries 64 KiB")


def test_render__no_line_is_too_long(run, result):
    """Container runtimes cut a line at 16 KiB: what does not compress takes several lines."""
    noise = random.Random(3)
    record = run(
        result(
            outcome="failed", message="x", details="".join(chr(noise.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))
        )
    )
    marked = sink.render(record)
    assert marked.count("\n") > 5
    assert max(len(line.encode()) for line in marked.splitlines()) < 10_000
    assert unwrapped(marked)[1] == records.render(record)


def test_command__prints_the_report_before_the_summary(project):
    """The last line of a pod's log stays the verdict, and the record stands before it with all that failed."""
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
    marked = [number for number, line in enumerate(lines) if line.startswith(text.MARKER)]
    problem = next(number for number, line in enumerate(lines) if line.startswith("=" * 40))
    assert marked == list(range(marked[0], marked[0] + len(marked)))
    assert marked[-1] < problem
    assert lines[-3:-1] == ["The gate is closed by:", "  failed   shop.TestPay.test_pay: 402"]
    assert lines[-1].startswith("gate default: CLOSED (exit 1)")
    record = json.loads(unwrapped("".join(f"{lines[number]}\n" for number in marked))[1])
    assert [result["label"] for result in record["results"]] == ["shop.TestPay.test_pay"]


def test_command__of_200_probes_fits_a_screen(project):
    """Helm 4 prints the log of a closed gate as one escaped line: it is short, and its end says all that matters.

    Everything is on standard output, so that nobody mixes two streams.
    """
    methods = "".join(f"    def test_{number:03}(self): pass\n" for number in range(197))
    failing = "".join(
        f"    def test_z{number}(self): self.fail('{number} is out of stock ' + 'x' * 400)\n" for number in range(3)
    )
    project.app("shop", f"import unittest\nclass TestStock(unittest.TestCase):\n{methods}{failing}")
    done = project.probe("--parallel", "2", env=LOG)
    assert (done.code, done.err) == (1, "")
    assert len(json.dumps(done.out)) < 200 * 55
    assert done.out.count("\npassed ") == 20
    *_, listed, first, second, third, verdict = done.out.splitlines()
    assert listed == "The gate is closed by:"
    for number, line in enumerate((first, second, third)):
        assert line.startswith(f"  failed   shop.TestStock.test_z{number}: {number} is out of stock xxx")
        assert len(line) < 400
    assert verdict.startswith("gate default: CLOSED (exit 1): 3 blocking probes did not pass")


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
