"""A project whose settings, models and probes do what the environment of a test tells them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests import warm
from tests.conftest import Completed, Project
from tests.projects import new_project

if TYPE_CHECKING:
    from pathlib import Path

TOLD = 'import os\nexec(os.environ.get("{}", ""))\n'
PROBES = """\
import os, time, unittest
from pathlib import Path
class TestA(unittest.TestCase):
    def test_a(self):
        exec(os.environ.get("IN_PROBE", ""))
"""
REPORTS = ("record.json", "gate.xml", "summary.md", "run.html", "termination")


@dataclass
class Gate:
    """`django-probe probe` in a project: run to its end, or started."""

    site: Project
    out: Path
    python: tuple[str, ...] = field(default=(sys.executable, "-m", "django_probe"))

    def options(self) -> list[str]:
        """Return the options that ask for every report."""
        names = {"--json": "record.json", "--junit": "gate.xml", "--summary": "summary.md", "--html": "run.html"}
        return [part for option, name in names.items() for part in (option, str(self.out / name))]

    def environment(self, env: dict[str, str]) -> dict[str, str]:
        """Return the environment of the command."""
        return self.site.environment({"PROBE_TERMINATION_LOG": str(self.out / "termination"), **env})

    def run(
        self, *arguments: str, cwd: Path | None = None, timeout: float = 90, changes: bool = False, **env: str
    ) -> Completed:
        """Run it to its end.

        Where the project changes something before the engine is imported, in its manage.py or where it `changes` it in
        its settings, it starts from nothing on the newer end of the version range: see tests/warm.py.
        """
        start = warm.cold if warm.NEWER_END and (changes or "IN_MANAGE" in env) else warm.run
        command = [*self.python, "probe", *arguments]
        done = start(command, cwd=cwd or self.site.path, env=self.environment(env), timeout=timeout)
        return Completed(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace"))

    def start(self, *arguments: str, stdout: Any = subprocess.PIPE, **env: str) -> subprocess.Popen[bytes]:
        """Start it."""
        return subprocess.Popen(
            [*self.python, "probe", *arguments],
            cwd=self.site.path,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def run_closed(self, descriptor: int, *arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        """Run it with a descriptor closed from the start."""
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {descriptor}>&-', "sh", *self.python, "probe", *arguments],
            cwd=self.site.path,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=90,
            check=False,
        )

    def bare(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run the program with these arguments alone."""
        return subprocess.run(
            [*self.python, *arguments],
            cwd=self.out,
            env=self.environment({}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=90,
            check=False,
        )

    def stale(self) -> None:
        """Leave the reports of an earlier run that passed."""
        for name in REPORTS:
            (self.out / name).write_text("passed, earlier")

    def record(self) -> dict:
        """Return the record, once every report agrees with it."""
        record = json.loads((self.out / "record.json").read_text())
        message = json.loads((self.out / "termination").read_text())
        assert message["exit_code"] == record["exit_code"]
        assert f'name="exit_code" value="{record["exit_code"]}"' in (self.out / "gate.xml").read_text()
        assert "startup" in (self.out / "summary.md").read_text() or record["results"][0]["label"] != "startup"
        return record

    def startup(self) -> dict:
        """Return the one result of a run that the supervisor had to judge by itself."""
        record = self.record()
        (result,) = record["results"]
        assert (result["label"], result["outcome"], result["blocking"]) == ("startup", "error", True)
        return result


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The project: it runs the code of IN_MANAGE, IN_SETTINGS, IN_MODELS and IN_PROBE where these are read."""
    made = new_project(tmp_path_factory.mktemp("supervised"))
    made.app("shop", PROBES)
    made.write("shop/models.py", TOLD.format("IN_MODELS"))
    made.configure(TOLD.format("IN_SETTINGS"))
    manage = made.path / "manage.py"
    manage.write_text(TOLD.format("IN_MANAGE") + manage.read_text())
    return made


@pytest.fixture
def gate(told, tmp_path):
    """`django-probe probe` in that project."""
    return Gate(told, tmp_path)


def wait_for(path: Path) -> str:
    """Return what a file says, once it says something."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.02)
    raise AssertionError(f"{path} never came")


def gone(pid: int) -> bool:
    """Return whether a process has ended."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
