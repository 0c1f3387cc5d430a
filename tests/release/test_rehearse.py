"""`make release-rehearsal` takes minutes and is run by hand; where it cannot run, it says at once what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys

from release import ROOT


def test_rehearsal__names_what_is_not_installed():
    """On a machine without Debian's tools nothing is tried, and one line says which packages to install."""
    done = subprocess.run(
        [sys.executable, "-m", "release.rehearse"],
        cwd=ROOT,
        env={**os.environ, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("release-rehearsal: ")
    assert "apt-get install" in done.stderr
