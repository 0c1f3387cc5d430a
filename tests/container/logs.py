"""What a gate's log holds for CI."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

from tests.container.images import ROOT


def collected(log: str) -> dict[str, list[str]]:
    """Return the cases that `collect` finds in a log, by name, with the tags within."""
    done = subprocess.run(
        [sys.executable, "-m", "django_probe.collect"],
        input=log,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {case.get("name"): [part.tag for part in case] for case in ET.fromstring(done.stdout).iter("testcase")}
