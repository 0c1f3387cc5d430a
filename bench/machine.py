"""Describes the machine, and makes an interpreter with this package and its peers."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
PEERS = ("unittest-xml-reporting", "pytest", "pytest-django", "gunicorn", "django-health-check")

_VERSIONS = """\
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def with_peers() -> Path:
    """Make a virtualenv with this package and its peers, and return its Python. Raise if pip fails."""
    home = CACHE / f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", f"{ROOT}[server,postgresql,checks]", *PEERS], check=True)
    return python


def describe(python: Path) -> dict[str, object]:
    """Return what figures depend on: the interpreter, the versions, the system, the cores."""
    listed = subprocess.run(
        [str(python), "-c", _VERSIONS, "Django", *PEERS], check=True, capture_output=True, text=True
    )
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        **json.loads(listed.stdout),
    }
