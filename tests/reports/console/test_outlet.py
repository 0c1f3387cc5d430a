"""Nobody waits for the reader of what people read: it may be slow, asleep, or never have come."""

from __future__ import annotations

import os
import pty
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from django_probe.reports.console.outlet import Outlet
from tests.patience import LOADED

WRITTEN = "".join(f"passed   shop.TestX.test_{number} (0.051s)\n" for number in range(20_000))
SOON = 2 + LOADED


@contextmanager
def stream(kind):
    """Yield the end to read, and a text stream on the end to write, of a pipe, a socket or a terminal."""
    if kind == "terminal":
        reader, writer = pty.openpty()
    elif kind == "socket":
        reader, writer = (end.detach() for end in socket.socketpair())
    else:
        reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as taken, os.fdopen(writer, "w", encoding="utf-8") as text:
        yield taken, text


def fill(descriptor):
    """Write to a pipe until it takes nothing more."""
    os.set_blocking(descriptor, False)
    try:
        while os.write(descriptor, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(descriptor, True)


@pytest.mark.parametrize("kind", ["pipe", "socket", "terminal"])
def test_flush__of_what_nobody_reads_takes_no_time(kind):
    """The judge goes on, and keeps what was not taken."""
    with stream(kind) as (_, text):
        outlet = Outlet(text)
        began = time.monotonic()

        outlet.write(WRITTEN)
        for _ in range(100):
            outlet.flush()

        assert outlet.behind
        assert time.monotonic() - began < LOADED


@pytest.mark.parametrize("kind", ["pipe", "socket", "terminal"])
def test_finish__gives_up_a_reader_that_stands_still(kind):
    """After two seconds; then nothing is left that could hold the process at its end."""
    with stream(kind) as (_, text):
        outlet = Outlet(text)
        began = time.monotonic()

        outlet.write(WRITTEN)
        outlet.finish()

        assert 1.5 < time.monotonic() - began < SOON
        assert os.path.samestat(os.fstat(text.fileno()), Path(os.devnull).stat())
        assert not outlet.behind


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_finish__a_reader_that_slept_and_is_slow_gets_every_line(kind):
    """`| less`: what the reader did not want while probes ran is there when it does."""
    read = []

    def slowly(taken):
        while block := taken.read(16_384):
            read.append(block)
            time.sleep(0.05)

    with stream(kind) as (taken, text):
        outlet = Outlet(text)
        outlet.write(WRITTEN)
        outlet.flush()
        outlet.write("the verdict\n")
        reader = threading.Thread(target=slowly, args=(taken,))
        reader.start()
        outlet.finish()
        text.close()
        reader.join()

    assert b"".join(read).decode() == WRITTEN + "the verdict\n"


def test_flush__a_pipe_that_others_write_to_stays_as_it_is_for_them():
    """A shell that shares it must not find that its own writes do not wait any more."""
    with stream("pipe") as (_, text):
        outlet = Outlet(text)
        outlet.write(WRITTEN)
        outlet.flush()

        assert os.get_blocking(text.fileno())


@pytest.mark.parametrize("full", [False, True])
def test_command__whose_log_nobody_reads_answers(project, full):
    """It may fill up as the gate runs, or be full from the start: exit code and record are what they were to be."""
    project.app(
        "shop",
        """
        import unittest

        class TestX(unittest.TestCase):
            pass

        for number in range(3_000):
            setattr(TestX, f"test_{number:04}", lambda self: None)
        """,
    )
    reader, writer = os.pipe()
    if full:
        fill(writer)
    with project.start("probe", "--json", "-", stderr=writer) as command:
        os.close(writer)
        out, _ = command.communicate(timeout=30)
    os.close(reader)

    assert command.returncode == 0
    assert b'"passed": true' in out


def test_command__whose_report_nobody_reads_says_so(project):
    """`--json -` into a pipe that stays full is exit 4, and the rest of what was printed does not hold the end."""
    project.app("shop", "import unittest\nclass TestX(unittest.TestCase):\n    def test_y(self): pass\n")
    project.configure("print('loading settings')\n")
    reader, writer = os.pipe()
    fill(writer)
    with project.start("probe", "--json", "-", stdout=writer) as command:
        os.close(writer)
        _, err = command.communicate(timeout=30)
    os.close(reader)

    assert command.returncode == 4
    assert b"--json -: could not be delivered: nobody reads the other end of the pipe\n" in err
