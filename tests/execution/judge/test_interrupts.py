"""SIGTERM and SIGINT: cleanups run, the reports come in time, and say what ran and what never started.

The contract is 3 s, or 8 s where cleanups are still running; a loaded machine may take longer.
"""

from __future__ import annotations

import signal
import time

import pytest

from tests.execution.running import Started, by_label, outcomes, state_of, text_of
from tests.patience import LOADED, wait_for

CLEANUPS_HAVE = 5
WITHOUT_CLEANUPS = 3 + LOADED
WITH_CLEANUPS = 3 + CLEANUPS_HAVE + LOADED

WAITING = """
import ctypes, os, time, unittest
from pathlib import Path

def here(name):
    Path(name).write_text("here\\n")

class TestWaits(unittest.TestCase):
    def test_a_passes(self):
        pass

    def test_b_waits(self):
        self.addCleanup(here, "cleaned")
        here("b")
        time.sleep(600)

    def tearDown(self):
        here("torn-down")

class TestFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(here, "class-cleaned")

    @classmethod
    def tearDownClass(cls):
        here("class-torn-down")

    def test_c_waits(self):
        here("c")
        time.sleep(600)

    def test_d_never_starts(self):
        pass

class TestZ(unittest.TestCase):
    def test_e_never_starts(self):
        pass
"""


@pytest.mark.parametrize(
    ("number", "name", "exit_code"), [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGINT, "SIGINT", 130)]
)
def test_a_signal_ends_the_run_and_cleanups_run(project, number, name, exit_code):
    """What ran is an error that says so, what was done counts, what never started was not run."""
    project.app("shop", WAITING)
    with Started(project, "--parallel", "2") as run:
        for waiting in "bc":
            text_of(project.path / waiting)
        run.signal(number)
        code, record, seconds = run.end()
    assert code == record["exit_code"] == exit_code
    assert record["ended_by"] == name
    assert record["passed"] is False
    assert outcomes(record) == {
        "test_a_passes": "passed",
        "test_b_waits": "error",
        "test_c_waits": "error",
        "test_d_never_starts": "not_run",
        "test_e_never_starts": "not_run",
    }
    ended = by_label(record)
    assert ended["test_b_waits"]["message"] == f"{name} ended the run while this was running"
    assert "time.sleep(600)" in ended["test_c_waits"]["details"]
    assert ended["test_d_never_starts"]["attempts"] == 0
    for cleaned in ("cleaned", "torn-down", "class-cleaned", "class-torn-down"):
        assert (project.path / cleaned).exists(), cleaned
    assert seconds < WITHOUT_CLEANUPS


STUCK = """
import ctypes, os, unittest
from pathlib import Path

class TestStuck(unittest.TestCase):
    def test_in_c(self):
        libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
        libc.pthread_mutex_lock(mutex)
        Path("stuck").write_text(f"{os.getpid()}\\n")
        libc.pthread_mutex_lock(mutex)
"""


def test_sigterm_while_a_probe_hangs_in_c(project):
    """The reports do not wait for it; the record has the stack where it hung."""
    project.app("shop", STUCK)
    with Started(project) as run:
        worker = text_of(project.path / "stuck")
        wait_for(lambda: state_of(worker) == "S", "the probe to wait in C")  # before that it can be interrupted
        run.signal(signal.SIGTERM)
        code, record, seconds = run.end()
    assert code == 143
    (result,) = record["results"]
    assert result["outcome"] == "error"
    assert result["message"].startswith("SIGTERM ended the run while this was running; its tearDown and cleanups did")
    assert "in test_in_c" in result["details"]
    assert seconds < WITHOUT_CLEANUPS


CLEANING = """
import time, unittest
from pathlib import Path

def here(name):
    Path(name).write_text("here\\n")

class TestCleans(unittest.TestCase):
    def test_a_short(self):
        self.addCleanup(here, "short-done")
        self.addCleanup(time.sleep, 1)
        here("short")
        time.sleep(600)

    def test_b_endless(self):
        self.addCleanup(time.sleep, 600)
        self.addCleanup(here, "cleaning")
        here("endless")
        time.sleep(600)
"""


def test_cleanups_have_five_seconds(project):
    """One that takes a while is waited for; one without end is killed, and the reports are in time."""
    project.app("shop", CLEANING)
    with Started(project, "--parallel", "2") as run:
        for name in ("short", "endless"):
            text_of(project.path / name)
        run.signal(signal.SIGTERM)
        code, record, seconds = run.end()
    assert code == 143
    assert (project.path / "short-done").exists()
    assert by_label(record)["test_a_short"]["message"] == "SIGTERM ended the run while this was running"
    endless = by_label(record)["test_b_endless"]
    assert endless["message"].endswith("its tearDown and cleanups did not run to their end")
    assert "doCleanups" in endless["details"]
    assert CLEANUPS_HAVE <= seconds < WITH_CLEANUPS


def test_a_second_signal_does_not_wait_for_cleanups(project):
    """Whoever asks twice gets the reports at once, with the first signal's exit code."""
    project.app("shop", CLEANING)
    with Started(project, "-k", "endless") as run:
        text_of(project.path / "endless")
        run.signal(signal.SIGTERM)
        text_of(project.path / "cleaning")
        run.signal(signal.SIGINT)
        code, record, seconds = run.end()
    assert code == record["exit_code"] == 143
    assert record["ended_by"] == "SIGTERM"
    assert outcomes(record) == {"test_b_endless": "error"}
    assert seconds < CLEANUPS_HAVE


def test_sigterm_during_an_import(project):
    """The module that was being imported is an error, with the stack of where it was."""
    project.app(
        "shop",
        """
        import time
        from pathlib import Path

        Path("importing").write_text("here\\n")
        time.sleep(600)
        """,
    )
    with Started(project) as run:
        text_of(project.path / "importing")
        run.signal(signal.SIGTERM)
        code, record, seconds = run.end()
    assert code == record["exit_code"] == 143
    (result,) = record["results"]
    assert (result["label"], result["outcome"]) == ("shop", "error")
    assert result["message"] == "SIGTERM ended the run while shop.probes was being imported"
    assert "probes.py" in result["details"]
    assert seconds < WITHOUT_CLEANUPS


RESULT_ARRIVES = 1.0
"""Seconds in which a result surely reaches the judge, who says nothing of one that is to be tried again."""


def test_sigterm_while_a_retry_waits(project):
    """Nobody waits for it: what the first attempt did counts."""
    project.app(
        "shop",
        """
        import unittest
        from pathlib import Path

        class TestFails(unittest.TestCase):
            def test_fails(self):
                Path("failed").write_text("here\\n")
                self.fail("the first time")
        """,
    )
    with Started(project, "--retries", "1", "--retry-delay", "10m") as run:
        text_of(project.path / "failed")
        time.sleep(RESULT_ARRIVES)  # before that, the signal would find the probe running
        run.signal(signal.SIGTERM)
        code, record, seconds = run.end()
    assert code == 143
    (result,) = record["results"]
    assert (result["outcome"], result["attempts"], result["message"]) == ("failed", 1, "the first time")
    assert seconds < WITHOUT_CLEANUPS
