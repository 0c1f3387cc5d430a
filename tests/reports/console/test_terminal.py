"""On a real terminal, one line is drawn again and again, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from django_probe.reports.console.terminal import is_terminal, progress, wants_color, width

SCRIPT = """\
import sys
from datetime import UTC, datetime
from django_probe.reports.console.console import Console, is_terminal, wants_color
from django_probe.results import Outcome, ProbeResult, ProbeRun
now = datetime.now(UTC)
label = sys.argv[1] + ".TestX.test_last"
passed = ProbeResult(label, Outcome.PASSED)
failed = ProbeResult("shop.X.test_b", Outcome.FAILED, message="3 != 4")
color = wants_color(sys.stderr, no_color="--no-color" in sys.argv)
console = Console(sys.stderr, color=color, live=is_terminal(sys.stderr))
console.selected(3)
console.tick(0, 3, [])
console.tick(0, 3, [("shop.X.test_short", 0.2), (label, 61.4)])
console.ended(passed)
console.tick(1, 3, [(label, 61.8)])
console.ended(failed)
console.tick(2, 3, [("shop.X.test_c", 1.0)])
console.finished(ProbeRun("id", "deploy", now, now, 3, (passed, failed)))
"""


def on_terminal(columns, *arguments, **environment):
    """Run the script on a terminal of that many columns; give all that arrives there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stderr=theirs,
        env={
            **inherited,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONIOENCODING": "utf-8",
            "TERM": "xterm",
            **environment,
        },
    )
    os.close(theirs)
    arrived = b""
    try:
        while chunk := os.read(ours, 65536):
            arrived += chunk
    except OSError:  # Linux's way to say that the other end of a terminal is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(30) == 0
    return arrived.decode()


def frames(arrived):
    """Return the progress lines that were drawn."""
    return re.findall(r"\r\x1b\[K(\d+/\d+ done[^\r\x1b]*)", arrived)


def screen(arrived):
    """Return the lines that a terminal shows in the end: a carriage return and an erasing are obeyed."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", arrived).replace("\r\n", "\n")
    return [line.rpartition("\r\x1b[K")[2] for line in plain.split("\n")]


def test_progress__done_problems_and_the_slowest_in_flight():
    """Whoever watches sees how far it is, whether it is bad, and what they wait for."""
    assert frames(on_terminal(80, "shop")) == [
        "0/3 done",
        "0/3 done | 61s shop.TestX.test_last",
        "1/3 done | 62s shop.TestX.test_last",
        "2/3 done, 1 problem | 1s shop.X.test_c",
    ]


def test_progress__leaves_nothing_on_the_screen():
    """What stays is the line of each problem as it came, the problems in full, and the verdict."""
    shown = screen(on_terminal(80, "shop"))

    assert shown[:2] == ["3 probes to run", "failed   shop.X.test_b (0.000s)"]
    assert shown[2].startswith("====")
    assert shown[-2].startswith("gate deploy: CLOSED (exit 1): 1 blocking probe did not pass; ")
    assert not any("done" in line for line in shown)


@pytest.mark.parametrize("columns", [12, 20, 40, 80])
@pytest.mark.parametrize(
    "label",
    ["s" * 500, "漢" * 100, "e\u0301" * 100, "❤\ufe0f" * 100, "\x1b[5m\n" * 20],
    ids=["long", "wide", "combining", "emoji", "escapes"],
)
def test_progress__never_wraps(columns, label):
    """A line that wrapped could not be erased: however wide the characters, it stays within the terminal."""
    drawn = frames(on_terminal(columns, label))

    assert len(drawn) == 4
    for frame in drawn:
        shown = frame.replace("漢", "[]").replace("❤\ufe0f", "<3").replace("\u0301", "")
        assert len(shown) < columns


def test_progress__keeps_the_end_of_a_long_label():
    """The method's name tells more than the app's."""
    assert frames(on_terminal(40, "s" * 500))[1] == "0/3 done | 61s ...sssss.TestX.test_last"


def test_color__on_a_terminal():
    """A terminal gets colours."""
    assert "\x1b[31mfailed" in on_terminal(80, "shop")


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})]
)
def test_color__not_where_it_is_not_wanted(arguments, environment):
    """--no-color, NO_COLOR and a terminal that cannot do it: no colour."""
    assert "\x1b[3" not in on_terminal(80, "shop", *arguments, **environment)


def test_color__an_empty_no_color_says_nothing():
    """As no-color.org has it: only a value that is not empty counts."""
    assert "\x1b[31m" in on_terminal(80, "shop", NO_COLOR="")


def test_dumb_terminal__gets_a_line_a_probe():
    """Where no line can be erased, none is drawn."""
    arrived = on_terminal(80, "shop", TERM="dumb")

    assert not frames(arrived)
    assert "\x1b" not in arrived
    assert "passed   shop.TestX.test_last (0.000s)" in arrived


def test_a_file_a_closed_stream_and_none_are_no_terminals():
    """Colour and the progress line are for people: nothing else gets them, and nothing raises."""
    closed = io.StringIO()
    closed.close()

    for stream in (io.StringIO(), closed, None):
        assert not is_terminal(stream)
        assert not wants_color(stream, no_color=False)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("shop", 4),
        ("grün", 4),
        ("漢字", 4),
        ("e\u0301", 1),
        ("a\u200db", 2),
        ("❤\ufe0f", 2),
        ("🎉", 2),
    ],
)
def test_width__is_what_a_terminal_makes_of_it(text, cells):
    """Wide characters take two cells, joining and combining ones none, an emoji made of a heart two."""
    assert width(text) == cells


@pytest.mark.parametrize("room", range(60))
def test_progress__fits_any_room(room):
    """Down to no room at all, the line is not longer than there is room."""
    line = progress(99, 100, 12, ("漢字.TestX.test_y", 3.0), room)

    assert width(line) <= room
