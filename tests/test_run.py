"""Of how the suite is run: what a second run by itself may excuse, and what it may not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import run

UNSTEADY = """
from pathlib import Path
HERE = Path(__file__).parent
def test_unsteady():
    seen = HERE / "seen"
    before = seen.exists()
    seen.touch()
    assert before
def test_good(): pass
"""
BAD = "def test_bad(): assert False\n"


@pytest.fixture
def suite(tmp_path):
    """Run the tests of some files as the suite's are run, and return the exit code and what was printed."""

    def ran(**files: str):
        (tmp_path / "pytest.ini").touch()
        for name, text in files.items():
            (tmp_path / f"test_{name}.py").write_text(text)
        line = [
            sys.executable,
            run.__file__,
            tmp_path / "report.xml",
            run.ALONE,
            "--rootdir",
            tmp_path,
            tmp_path,
        ]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90)
        return done.returncode, done.stdout

    return ran


def test_run__a_failure_that_passes_by_itself_is_told_as_unsteady(suite):
    """The suite is green, and the last lines name the test."""
    code, told = suite(one=UNSTEADY)

    assert code == 0
    assert told.endswith("UNSTEADY: failed, and passed by themselves; mend them:\n  test_one::test_unsteady\n")


def test_run__a_failure_that_stays_is_one(suite):
    """One failure that passes by itself excuses no other."""
    code, told = suite(one=UNSTEADY, two=BAD)

    assert code == 1
    assert "1 failed, 1 passed" in told
    assert "UNSTEADY" not in told


def test_run__many_failures_are_not_run_again(suite):
    """More than a few are the code's; they would pass by themselves, and are failures all the same."""
    code, told = suite(**{f"n{number}": UNSTEADY.replace('"seen"', f'"{number}"') for number in range(run.FEW + 1)})

    assert code == 1
    assert "run again" not in told


def test_run__where_pytest_cannot_do_its_work(suite):
    """Nothing collected is no success, and an error of collection no failure to be excused."""
    assert suite(one="")[0] == 5
    assert suite(two="import nothing_of_this_name\n")[0] not in (0, 5)
