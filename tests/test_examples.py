"""The shop that `make gate` probes, in a copy of the checkout."""

from __future__ import annotations

import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.reader import new_checkout

if TYPE_CHECKING:
    from pathlib import Path

UNSET = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}  # `make test` may have started the tests
NOT_OURS = ("PROBE_", "DJANGO_")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout whose virtualenv runs the Python of the tests."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -W error "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return new_checkout(tmp_path / "checkout", python)


def make(folder: Path, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile in a checkout."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET and not name.startswith(NOT_OURS)}
    return subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=folder,
        env={**kept, **variables, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def files(folder: Path) -> set[str]:
    """Return the files of a folder and of those below it, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_gate__passes_with_one_skip_that_says_why(checkout):
    """Every probe of a fresh checkout passes, but the one that has no URL to ask; files are made below it alone.

    The shop's table is in the database that is probed, and no table of the history or of its users is.
    """
    before, beside = files(checkout), files(checkout.parent)
    done = make(checkout, "gate")
    assert done.returncode == 0, done.stderr
    assert "9 selected: 8 passed, 1 skipped" in done.stderr
    assert "TestTargets.test_each_answers_as_the_release" in done.stderr
    assert "PROBE_TARGETS is empty" in done.stderr
    assert files(checkout) - before == {"build/history.sqlite3", "build/junit.xml", "db.sqlite3"}
    assert all(name.startswith("checkout/") for name in files(checkout.parent) - beside)
    with closing(sqlite3.connect(checkout / "db.sqlite3")) as connection:
        listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        assert sorted(name for (name,) in listed) == ["django_migrations", "shop_product"]


def test_gate__passes_without_a_history(checkout):
    """Where PROBE_HISTORY_DATABASE_URL is empty, one database has all tables."""
    done = make(checkout, "gate", PROBE_HISTORY_DATABASE_URL="")
    assert done.returncode == 0, done.stderr
    assert "9 selected: 8 passed, 1 skipped" in done.stderr
    assert not (checkout / "build/history.sqlite3").exists()


def test_probe_path__with_another_shop_is_one_line(checkout):
    """A folder of PROBE_PATH with an app of the same name is refused before anything runs."""
    (checkout / "own").mkdir()
    (checkout / "own/shop.py").write_text("", encoding="utf-8")
    done = make(checkout, "gate", PROBE_PATH="own")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith('PROBE_PATH: there is an app "shop" already')
    assert "Traceback" not in done.stderr
