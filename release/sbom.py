"""`python -m release.sbom WHEEL FILE`: writes the packages of the image, with their licences, as CycloneDX JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

from release import ROOT, ReleaseError

LOCK: Final = "requirements.lock"
PYTHON: Final = (3, 13)
_PINNED: Final = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>\S+)", re.MULTILINE)


def write(wheel: Path, target: Path, root: Path = ROOT) -> None:
    """Write the SBOM of the wheel with everything in the lock; ReleaseError where it does not say just that."""
    need_python()
    with tempfile.TemporaryDirectory() as name:
        python = environment(Path(name), wheel, root)
        options = ["--output-format", "JSON", "--output-reproducible", "--output-file", str(target)]
        project = ["--pyproject", str(root / "pyproject.toml"), "--mc-type", "application"]
        _run([sys.executable, "-m", "cyclonedx_py", "environment", *project, *options, str(python)])
    version = wheel.name.split("-")[1]
    content = json.loads(target.read_text(encoding="utf-8"))
    content["metadata"]["component"]["version"] = version  # which is dynamic, so pyproject.toml does not state it
    target.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    wrong = {**locked(root), "django-probe-gate": version}.items() ^ read(target).items()
    if wrong:
        raise ReleaseError(f"{target}: is not what {LOCK} says: {', '.join(sorted(name for name, _ in wrong))}")


def need_python() -> None:
    """Raise ReleaseError where this Python is older than the image's, for which the lock is."""
    if sys.version_info < PYTHON:
        raise ReleaseError(
            f"{LOCK} is for Python {'.'.join(map(str, PYTHON))}, which the image has, and this is "
            f"{sys.version.split()[0]}: make clean release-rehearsal PYTHON=python3.13"
        )


def environment(folder: Path, wheel: Path, root: Path = ROOT) -> Path:
    """Return the Python of a new virtualenv in `folder` that has the wheel, and what the image has beside it."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python), "install"]
    _run([*pip, "--require-hashes", "--requirement", str(root / LOCK)])
    _run([*pip, "--no-deps", str(wheel)])
    return python


def locked(root: Path = ROOT) -> dict[str, str]:
    """Return the version of each package of the lock by its name."""
    text = (root / LOCK).read_text(encoding="utf-8")
    return {match["name"]: match["version"] for match in _PINNED.finditer(text)}


def read(path: Path) -> dict[str, str]:
    """Return the version of each package of an SBOM, that which it is of too, by its name as the lock writes that."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("bomFormat") != "CycloneDX":
        raise ReleaseError(f"{path}: no CycloneDX")
    components = [content["metadata"]["component"], *content["components"]]
    return {re.sub(r"[-_.]+", "-", each["name"]).lower(): each["version"] for each in components}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")


def main(arguments: list[str]) -> int:
    """Write the SBOM of the wheel to the file."""
    try:
        wheel, target = map(Path, arguments)
    except ValueError:
        sys.stderr.write("usage: python -m release.sbom WHEEL FILE\n")
        return 2
    try:
        write(wheel, target)
    except ReleaseError as error:
        sys.stderr.write(f"release.sbom: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
