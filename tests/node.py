"""What tests need of npm, readers of JUnit and schemas of CRDs: installed once, kept in .cache/."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "npm"


class UnavailableError(Exception):
    """The packages cannot be had here; the message says why."""


def packages(names: Sequence[str]) -> Path:
    """Return the folder of the installed packages; UnavailableError where node, npm or its registry is missing."""
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    if missing:
        raise UnavailableError(f"not installed: {' and '.join(missing)}")
    folder = CACHE / "_".join(names).replace("/", "-")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test workers one installs, and the others wait
        if not folder.exists():
            _install(folder, names)
    return folder / "node_modules"


def _install(folder: Path, names: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        options = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1")
        done = subprocess.run(
            ["npm", "install", *options, *names], cwd=name, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UnavailableError(f"npm cannot install {' and '.join(names)}: {done.stderr.strip()[-400:]}")
        Path(name).rename(folder)  # whole, or not there
        Path(name).mkdir()


def run(names: Sequence[str], code: str, *arguments: str) -> object:
    """Run JavaScript that may require the packages, and return what it printed last, a line of JSON."""
    done = subprocess.run(
        ["node", "-e", code, *arguments], cwd=packages(names).parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
