"""The container's project as users see it: `manage.py` as a subprocess, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from tests import warm

# The project is for the image, whose Python is the newer; tests/test_examples.py runs it on both ends of the range.
collect_ignore_glob = ["test_*.py"] if sys.version_info < (3, 13) else []

ROOT = Path(__file__).resolve().parents[2]
MANAGE = ROOT / "deploy" / "manage.py"

# What a process needs to start at all; everything else is what a test sets.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass
class Deployment:
    """A folder to work in, where the database is too, and what is set in the environment."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str = "") -> Path:
        """Write a dedented file."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
        return target

    def run(self, *arguments: str, flags: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` in this folder, with these variables set as well; every warning is an error."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        own = {"DATABASE_URL": f"sqlite:///{self.path}/db.sqlite3", "PYTHONDONTWRITEBYTECODE": "1"}
        done = warm.run(
            [sys.executable, "-W", "error", *flags, MANAGE, *arguments],
            cwd=self.path,
            env={**kept, **own, **self.environment, **variables},
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def evaluate(self, code: str, expression: str = "None", **variables: str):
        """Run the code in `manage.py shell`, and give the value of the expression, by way of JSON."""
        whole = f"{textwrap.dedent(code)}\nimport json as _json\nprint(_json.dumps({expression}, default=str))"
        done = self.run("shell", "--no-imports", "-c", whole, **variables)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout.splitlines()[-1])

    def create_user(self) -> subprocess.CompletedProcess[str]:
        """Make a user "ann" who may do everything."""
        who = ("--noinput", "--username", "ann", "--email", "ann@shop.example")
        done = self.run("createsuperuser", *who, DJANGO_SUPERUSER_PASSWORD="correct horse")
        assert (done.returncode, done.stderr) == (0, "")
        return done

    def setting(self, name: str, **variables: str):
        """Return a setting as `manage.py shell` sees it; None where there is none of this name."""
        return self.evaluate("from django.conf import settings", f"getattr(settings, {name!r}, None)", **variables)

    def refusal(self, **variables: str) -> str:
        """Return the one line with which `manage.py check` refuses the environment, by exit code 2."""
        done = self.run("check", **variables)
        assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.strip()


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """The container's project with an empty folder to work in."""
    return Deployment(tmp_path)


@pytest.fixture
def kept(deployment: Deployment) -> Deployment:
    """The container's project with a history in a SQLite file, whose tables are there; what is probed has none."""
    return with_history(deployment)


@pytest.fixture
def kept_with_ann(deployment: Deployment) -> Deployment:
    """The same, with a user "ann"."""
    return with_history(deployment, user=True)


def with_history(deployment: Deployment, *, user: bool = False) -> Deployment:
    """Return the project with a history in a SQLite file, and with a user "ann" where one is wanted.

    The file is a copy: `migrate` and a password's hash take their time.
    """
    deployment.environment["PROBE_HISTORY_DATABASE_URL"] = f"sqlite:///{deployment.path}/history.sqlite3"
    deployment.write("db.sqlite3")
    (deployment.path / "history.sqlite3").write_bytes(_history(user=user))
    return deployment


@cache
def _history(*, user: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.sqlite3"
        made = Deployment(Path(folder), {"PROBE_HISTORY_DATABASE_URL": f"sqlite:///{file}"})
        made.write("db.sqlite3")
        if user:
            file.write_bytes(_history(user=False))
            made.create_user()
        else:
            done = made.run("migrate", "--database", "history", "--verbosity", "0")
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return file.read_bytes()
