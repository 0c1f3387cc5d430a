"""`python -m release.distributions FOLDER`: builds sdist and wheel, twice, and keeps them if they are the same."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from release import ROOT, ReleaseError


def build(folder: Path, root: Path = ROOT) -> list[Path]:
    """Put sdist and wheel of the checkout into `folder`; ReleaseError where two builds are not the same bytes."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        for place in (first, second):
            _build(Path(place), root)
        names = sorted(path.name for path in Path(first).iterdir())
        _, different, missing = filecmp.cmpfiles(first, second, names, shallow=False)
        if different or missing:
            raise ReleaseError(f"two builds of the same commit differ: {', '.join([*different, *missing])}")
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy(Path(first) / name, folder / name)) for name in names]


def _build(folder: Path, root: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    # Hatchling gives every file in the archives this time.
    epoch = {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or _committed(root)}
    done = subprocess.run(command, cwd=root, env={**os.environ, **epoch}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"hatchling cannot build: {done.stderr.strip()}")


def _committed(root: Path) -> str:
    """Return when the commit was made, in seconds of the epoch."""
    command = ["git", "log", "-1", "--pretty=%ct"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError("not a clone, so there is no time of a commit; set SOURCE_DATE_EPOCH")
    return done.stdout.strip()


def main(arguments: list[str]) -> int:
    """Build into the folder that is named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m release.distributions FOLDER\n")
        return 2
    try:
        built = build(Path(arguments[0]))
    except ReleaseError as error:
        sys.stderr.write(f"release.distributions: {error}\n")
        return 1
    for path in built:
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
