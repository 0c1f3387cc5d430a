"""What a person reads on the screen or in a log, at 3 a.m., of a run as it goes and when it is done."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from django_probe import details
from django_probe.attachments import Attachment
from django_probe.reports.console.console import Console
from django_probe.results import EndedBy

TOLD_AND_DONE = """\
import sys
from datetime import UTC, datetime
from django_probe.reports.console.console import Console
from django_probe.results import Outcome, ProbeResult, ProbeRun
now = datetime.now(UTC)
result = ProbeResult("shop.TestX.test_y", Outcome.FAILED, message="3 != 4")
console = Console(sys.stderr, color=False, live=False)
console.selected(1)
console.ended(result)
console.finished(ProbeRun("id", "deploy", now, now, 1, (result,)))
sys.exit(1)
"""


def written(run, *, listen=True, color=False, **options):
    """Return what the console writes of a run, from its selection to its verdict."""
    stream = io.StringIO()
    console = Console(stream, color=color, live=False, **options)
    if listen:
        console.selected(len(run.results))
        for result in run.results:
            console.ended(result)
    console.finished(run)
    return stream.getvalue()


@pytest.fixture
def closed(run, result):
    """A run in which a bit of everything happened."""
    return run(
        result("shop.TestCart.test_add", duration=0.4),
        result("shop.TestStock.test_count", "failed", blocking=False, message="3 != 4"),
        result(outcome="failed", message="402 != 200", details="Traceback\n  …\n", output="paying\n", attempts=2),
        result("shop.TestSearch.test_index", "skipped", message="no search here"),
        result("shop.TestMail.test_send", "expected_failure", message="known"),
        ended_by=EndedBy.FAILFAST,
    )


def test_log__a_line_a_probe_then_each_problem_then_the_verdict(closed):
    """The log of a job reads from the top; what closed the gate stands at the bottom, with the verdict."""
    assert written(closed) == textwrap.dedent("""\
        5 probes to run
        passed   shop.TestCart.test_add (0.400s)
        failed   shop.TestStock.test_count (0.051s, warn-only)
        failed   shop.TestCheckout.test_pay (0.051s, 2 attempts)
        skipped  shop.TestSearch.test_index (0.051s): no search here
        expected failure shop.TestMail.test_send (0.051s): known
        ==============================================================================
        failed   shop.TestStock.test_count (0.051s, warn-only)
        ------------------------------------------------------------------------------
        3 != 4

        ==============================================================================
        failed   shop.TestCheckout.test_pay (0.051s, 2 attempts)
        ------------------------------------------------------------------------------
        402 != 200

        Traceback
          …

        --- captured output ---
        paying

        The gate is closed by:
          failed   shop.TestCheckout.test_pay: 402 != 200
        Warn-only:
          failed   shop.TestStock.test_count: 3 != 4
        gate deploy: CLOSED (exit 1): 1 blocking probe did not pass; 5 selected: 1 passed, 2 failed \
(1 warn-only), 1 skipped, 1 expected failure in 1.20s
        """)


def test_log__names_what_a_problem_attached(run, result):
    """On one line, below its output; the content is in other reports."""
    attached = (Attachment("page\x1b[31m.html", "text/plain", 5120, "<p>"), Attachment("shot", "image/png", 1, b"x"))
    log = written(run(result(attachments=attached), result("shop.TestX.test_1", "failed", attachments=attached)))
    assert log.count("attached: ") == 1
    assert "\n\nattached: page\\x1b[31m.html (5.0 KiB), shot (1 byte)\n\n" in log
    assert "<p>" not in log


def test_log__the_slowest_are_named_where_asked_for(run, result):
    """--durations N shows the N that took longest, the slowest first."""
    given = run(*(result(f"shop.X.test_{n}", duration=n / 10) for n in range(20)))

    text = written(given, listen=False, durations=2)

    assert text.splitlines()[:-1] == [
        "The slowest 2:",
        "     1.90s  shop.X.test_19",
        "     1.80s  shop.X.test_18",
        "",
    ]


def test_log__what_closed_the_gate_is_named_once_more_above_the_verdict(run, result):
    """The tracebacks of several problems fill screens; their names and the verdict are on the last one."""
    problems = [result(f"shop.X.test_{n}", "failed", message=f"{n} != 4") for n in range(22)]

    lines = written(run(result("shop.X.test_z", "not_run"), *problems)).splitlines()

    assert lines[-23:-1] == [
        "The gate is closed by:",
        *(f"  failed   shop.X.test_{n}: {n} != 4" for n in range(20)),
        "  and 3 more",
    ]


DOWN = """\
Traceback (most recent call last):
  File "/srv/shop/probes.py", line {line}, in test_{line}
    Price.objects.count()
  [20 frames left out, down to psycopg/connection.py:126 (connect)]
django.db.utils.OperationalError: connection failed
"""


@pytest.fixture
def down(run, result):
    """A run of 200 probes whose database is down, and of five that failed by themselves."""
    many = [
        result(
            f"shop.X.test_{n}",
            "error",
            message="OperationalError: connection failed",
            details=details.joined(DOWN.format(line=n), f"every frame of {n}"),
        )
        for n in range(200)
    ]
    return run(*many, *(result(f"shop.Y.test_{n}", "failed", message=f"{n} != 5") for n in range(5)))


def test_log__one_cause_is_told_once(down):
    """Whoever is woken by 200 failures sees on one screen that they are one, and what the others are."""
    text = written(down)

    assert len(text.splitlines()) <= 60
    assert text.count("Traceback") == 1
    assert "error    shop.X.test_0 (0.051s) and 199 more like it\n" in text
    assert "every frame" not in text
    assert text.splitlines()[-9:-1] == [
        "The gate is closed by:",
        "  error    200 probes: OperationalError: connection failed",
        "           shop.X.test_0, shop.X.test_1, shop.X.test_2 and 197 more",
        *(f"  failed   shop.Y.test_{n}: {n} != 5" for n in range(5)),
    ]


def test_log__of_hundreds_of_causes_tells_twenty(run, result):
    """Those that close the gate come before warn-only ones; how many are left out is said, and `-v 2` tells all."""
    many = run(
        *(result(f"shop.X.test_{n}", "failed", blocking=False, message=f"{n} != 0") for n in range(10)),
        *(result(f"shop.Y.test_{n}", "failed", message=f"{n} != 1", details=f"Traceback of {n}") for n in range(300)),
    )

    text, whole = written(many), written(many, verbosity=2)

    assert text.count("Traceback of") == 20
    assert "[... 290 more causes of problems are not told in full: --verbosity 2 does so ...]" in text
    assert "failed   shop.X" not in text.partition("The gate is closed by:")[0].partition("290 more")[2]
    assert whole.count("Traceback of") == 300
    assert "not told in full" not in whole


def test_log__verbosity_2_gives_every_problem_with_every_frame(down):
    """Nothing is left out for whoever asks for all."""
    text = written(down, verbosity=2)

    assert all(f"error    shop.X.test_{n} (0.051s)\n-" in text for n in range(200))
    assert text.count("every frame of") == 200


def test_log__the_middle_of_much_output_is_left_out(run, result):
    """The beginning and the end say what happened; JSON and JUnit have all of it."""
    talkative = run(result(outcome="failed", message="no", output="\n".join(f"line {n}" for n in range(1000))))

    text, whole = written(talkative), written(talkative, verbosity=2)

    assert "line 9\n[... 960 lines left out: --verbosity 2 shows them ...]\nline 970\n" in text
    assert "line 500\n" in whole


def test_log__verbosity_0_leaves_problems_and_verdict(closed):
    """Silence means healthy: nothing is said of what passed or was skipped."""
    text = written(closed, verbosity=0)

    assert text == written(closed, listen=False)
    assert "test_add" not in text
    assert "402 != 200" in text


def test_log__without_color_has_no_escape(closed):
    """A log that is read as text is text."""
    assert "\x1b" not in written(closed)


def test_color__says_the_same_words(closed):
    """Colour adds nothing but colour, and a line that is coloured ends in its own line."""
    colored = written(closed, color=True)

    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == written(closed)
    assert "\x1b[32mpassed" in colored
    assert "\x1b[33mfailed   shop.TestStock" in colored
    assert "\x1b[31mfailed   shop.TestCheckout" in colored
    assert colored.splitlines()[-1].startswith("\x1b[1;31mgate deploy: CLOSED")


def test_log__escape_sequences_of_a_probe_are_seen_and_not_obeyed(run, result):
    """A probe cannot clear the screen, hide what it did, or forge the last line."""
    hostile = "\x1b[2J\x1b]0;title\x07\r\x00gate deploy: PASSED\ttab\nline\u202e"
    given = run(result(f"shop.{hostile}", "failed", message=hostile, details=hostile, output=hostile), gate=hostile)

    text = written(given)

    assert not set(text) & {*map(chr, range(9)), *map(chr, range(11, 32)), "\x7f", "\u202e"}
    assert "\\x1b[2J" in text
    assert "PASSED\ttab\nline\\u202e\n" in text
    assert text.splitlines()[-1].startswith("gate \\x1b[2J")


def test_log__what_the_encoding_cannot_take_is_escaped(run, result):
    """A log in ASCII, as under LANG=C, or in Latin-1 gets an escape, not an exception."""
    raw = io.BytesIO()
    console = Console(io.TextIOWrapper(raw, encoding="latin-1"), color=False, live=False)

    console.finished(run(result(outcome="failed", message="grün \u20ac \ud800")))

    assert b"gr\xfcn \\u20ac \\ud800" in raw.getvalue()


def test_log__twenty_thousand_lines_in_order(run, result):
    """A large run has every one of its lines."""
    given = run(*(result(f"shop.X.test_{n}") for n in range(20_000)))

    lines = written(given).splitlines()

    assert lines[1:-1] == [f"passed   shop.X.test_{n} (0.051s)" for n in range(20_000)]


def start(script, stderr, *arguments):
    """Run a script with this standard error, as buffered as Python makes it; give its exit status."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        stderr=stderr,
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=30,
        check=False,
    )
    return done.returncode


def test_stream__whose_reader_is_gone_does_not_change_the_exit_code():
    """`2>&1 | head` ends: the verdict is still the exit status, and not Python's own 120."""
    reader, writer = os.pipe()
    os.close(reader)

    try:
        assert start(TOLD_AND_DONE, writer) == 1
    finally:
        os.close(writer)


def test_stream__that_is_full_does_not_change_the_exit_code():
    """No space for the log is no reason for another verdict."""
    with Path("/dev/full").open("wb") as full:
        assert start(TOLD_AND_DONE, full) == 1


def test_stream__that_was_closed_from_the_start_is_no_error():
    """`2>&-`: there is nobody to tell, and that is all."""
    script = "import os, sys; os.close(2); os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"

    assert start(script, subprocess.DEVNULL, TOLD_AND_DONE) == 1


def test_stream__that_is_closed_in_the_middle_is_no_error(run, result):
    """Whatever happens to the stream, nothing is raised out of the console."""
    stream = io.StringIO()
    console = Console(stream, color=False, live=True)
    console.selected(1)
    stream.close()

    console.ended(result(outcome="failed"))
    console.tick(1, 1, [])
    console.finished(run(result()))
