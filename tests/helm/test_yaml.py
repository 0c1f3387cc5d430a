"""Every YAML file of the repository that is no template is clean."""

from __future__ import annotations

import subprocess
import sys

from tests.helm.tools import ROOT


def test_yamllint__is_clean():
    """`yamllint --strict .` has nothing to say."""
    done = subprocess.run(
        [sys.executable, "-m", "yamllint", "--strict", "--format", "parsable", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
