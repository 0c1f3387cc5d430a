"""Programs that tests use and that a bare machine has not."""

from __future__ import annotations

import shutil

import pytest


def needed(name: str, package: str = "") -> str:
    """Return the path of a program; skip the test where it is not installed, and name Debian's package of it."""
    package = package or name
    return shutil.which(name) or pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
