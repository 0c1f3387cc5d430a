"""`--parallel 0`: the command's own process runs the probes, under the same guard, and makes the same record."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.execution.running import Started, by_label, outcomes, text_of

PROBES = """
import os, sys, unittest
from pathlib import Path
from django.db import connection

class TestHere(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        Path("pid").write_text(f"{os.getpid()} {os.getppid()}\\n")
        cls.addClassCleanup(Path("cleaned").touch)

    def test_a_passes(self):
        print("for the person at the terminal")

    def test_b_fails(self):
        self.assertEqual(402, 200)

    def test_c_exits(self):
        sys.exit(0)

    def test_d_writes(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE written (id integer)")

    def test_e_interrupts(self):
        raise KeyboardInterrupt

    def test_f_passes_later(self):
        Path("attempted").open("a").write("x")
        self.assertEqual(Path("attempted").read_text(), "xx")

class TestSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise ConnectionError("no shop")

    def test_g_never_starts(self):
        pass

class TestTearDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise ConnectionError("stuck")

    def test_h_passes(self):
        pass
"""


def test_the_record_is_the_same_as_ever(project):
    """Outcomes, messages, attempts and labels are those of workers; only the output was not captured."""
    project.app("shop", PROBES)
    (project.path / "db.sqlite3").touch()
    records = {}
    for parallel in ("1", "0"):
        (project.path / "attempted").unlink(missing_ok=True)
        options = ("--retries", "1", "--retry-delay", "10ms", "--parallel", parallel)
        with Started(project, *options) as run:
            run.signal(0)
            code, records[parallel], _ = run.end()
        assert code == 1
        pid, parent = map(int, (project.path / "pid").read_text().split())
        assert run.process.pid == (pid if parallel == "0" else parent)
        assert (project.path / "cleaned").exists()

    def told(record):
        return {
            (result["label"], result["outcome"], result["message"], result["attempts"], result["blocking"])
            for result in record["results"]
        }

    assert told(records["0"]) == told(records["1"])
    assert outcomes(records["0"]) == {
        "test_a_passes": "passed",
        "test_b_fails": "failed",
        "test_c_exits": "error",
        "test_d_writes": "error",
        "test_e_interrupts": "error",
        "test_f_passes_later": "passed",
        "test_g_never_starts": "error",
        "test_h_passes": "passed",
        "tearDownClass": "error",
    }
    assert "read-only" in by_label(records["0"])["test_d_writes"]["message"]
    assert not any(result["output"] for result in records["0"]["results"])


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run(project, number, exit_code):
    """The probe that ran is an error and its cleanups run; the rest was not run."""
    project.app(
        "shop",
        """
        import time, unittest
        from pathlib import Path

        class TestWaits(unittest.TestCase):
            def test_a_waits(self):
                self.addCleanup(Path("cleaned").touch)
                Path("here").write_text("here\\n")
                time.sleep(600)

            def test_b_never_starts(self):
                pass
        """,
    )
    with Started(project, "--parallel", "0") as run:
        text_of(project.path / "here")
        run.signal(number)
        code, record, _ = run.end()
    assert code == record["exit_code"] == exit_code
    assert outcomes(record) == {"test_a_waits": "error", "test_b_never_starts": "not_run"}
    assert (project.path / "cleaned").exists()


def test_a_signal_does_not_wait_for_a_retry(project):
    """The delay is cut short: what the first attempt did counts."""
    project.app(
        "shop",
        """
        import unittest
        from pathlib import Path

        class TestFails(unittest.TestCase):
            def tearDown(self):
                Path("here").write_text("here\\n")

            def test_fails(self):
                self.fail("the first time")
        """,
    )
    with Started(project, "--parallel", "0", "--retries", "1", "--retry-delay", "10m") as run:
        text_of(project.path / "here")
        time.sleep(0.3)  # for the delay to begin
        run.signal(signal.SIGTERM)
        code, record, _ = run.end()
    assert code == 143
    assert [result["attempts"] for result in record["results"]] == [1]


def test_failfast_stops_within_a_class(project):
    """As in workers: the rest of the class is not run, and its tearDownClass is."""
    project.app(
        "shop",
        """
        import unittest
        from pathlib import Path

        class TestStops(unittest.TestCase):
            @classmethod
            def tearDownClass(cls):
                Path("torn-down").touch()

            def test_a_fails(self):
                self.fail("on purpose")

            def test_b_never_starts(self):
                pass
        """,
    )
    done, record = project.record("--parallel", "0", "--failfast")
    assert done.code == 1
    assert outcomes(record) == {"test_a_fails": "failed", "test_b_never_starts": "not_run"}
    assert (project.path / "torn-down").exists()


@pytest.mark.parametrize("left", ["mock.patch.dict(sys.modules, clear=True).start()", "builtins.__import__ = None"])
def test_there_is_a_record_whatever_a_probe_left(project, left):
    """What makes records is imported before the first probe runs, which may take everything from who imports later."""
    project.app(
        "shop",
        f"""
        import builtins, sys, unittest
        from unittest import mock

        class TestLeaves(unittest.TestCase):
            def test_a(self):
                {left}
        """,
    )
    done = project.run("probe", "--parallel", "0")
    assert "1 selected: 1 passed" in done.err  # whatever Python itself says at its end


def test_a_breakpoint_works(project):
    """The debugger reads from the terminal and shows the probe's own frame."""
    project.app(
        "shop",
        """
        import unittest

        class TestDebugged(unittest.TestCase):
            def test_debugged(self):
                answer = 6 * 7
                breakpoint()
                self.assertEqual(answer, 43)
        """,
    )
    done = subprocess.run(
        project.command("probe", "--parallel", "0"),
        cwd=project.path,
        env=project.environment(),
        input="p 'the answer is', answer\nanswer += 1\nc\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "('the answer is', 42)" in done.stdout + done.stderr
