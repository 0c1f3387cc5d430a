"""Makes the Django projects that are measured: as `startproject` does, with one app of probes and tests."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path

CLASS_SIZE = 10

_SETTINGS = """
INSTALLED_APPS += ["django_probe", "shop"]
TEST_OUTPUT_DIR = str(BASE_DIR / "xmlrunner")  # where unittest-xml-reporting writes
"""

_PYTEST = """\
[pytest]
DJANGO_SETTINGS_MODULE = benched.settings
python_files = tests.py
"""

_HEAD = """\
import os
import time
import unittest

WAIT = float(os.environ.get("BENCH_WAIT", "0"))
"""

# A probe that waits for a server does nothing meanwhile; an empty one must not pay for looking up the time.
_EMPTY = "pass"
_WAITING = "time.sleep(WAIT)"


def module(count: int, *, waiting: bool = False) -> str:
    """Return the source of `count` probes, which wait `BENCH_WAIT` seconds each or do nothing."""
    body = _WAITING if waiting else _EMPTY
    lines = [_HEAD]
    for number in range(count):
        if number % CLASS_SIZE == 0:
            lines.append(f"\n\nclass Test{number // CLASS_SIZE:05}(unittest.TestCase):")
        lines.append(f"    def test_{number:05}(self):\n        {body}\n")
    return "\n".join(lines)


def asking(count: int) -> str:
    """Return the source of `count` probes that ask the project for a page through Django's client."""
    head = "import unittest\n\nfrom django.test import Client\n"
    lines = [head]
    for number in range(count):
        if number % CLASS_SIZE == 0:
            lines.append(f"\n\nclass Test{number // CLASS_SIZE:05}(unittest.TestCase):")
        body = 'self.assertEqual(Client(SERVER_NAME="localhost").get("/none/").status_code, 404)'
        lines.append(f"    def test_{number:05}(self):\n        {body}\n")
    return "\n".join(lines)


def generate(folder: Path, python: Path, source: str) -> Path:
    """Make a project in a new folder whose app `shop` has this source as its probes and as its tests."""
    for name, text in _started(python).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    with (folder / "benched" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(_SETTINGS)
    (folder / "pytest.ini").write_text(_PYTEST, encoding="utf-8")
    shop = folder / "shop"
    shop.mkdir()
    for name, text in (("__init__", ""), ("probes", source), ("tests", source)):
        (shop / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


@cache
def _started(python: Path) -> dict[str, str]:
    """Return the files that `startproject` makes."""
    with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as name:
        folder = Path(name)
        subprocess.run([str(python), "-m", "django", "startproject", "benched", name], check=True)
        return {
            file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
            for file in folder.rglob("*")
            if file.is_file()
        }
