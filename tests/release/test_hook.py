"""pre-commit installs our hook out of the repository, and it judges the policy files of a commit."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig

import pytest

from release import ROOT


def git(folder, *arguments):
    """Run git in a folder."""
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def team(tmp_path):
    """The repository of a team, with two policies in its index, one of which is wrong."""
    folder = tmp_path / "team"
    (folder / "deploy").mkdir(parents=True)
    git(folder, "init")
    (folder / "deploy" / "probe.yaml").write_text("gates:\n  deploy: {probes: [shop]}\n")
    (folder / "probe.yml").write_text("gates:\n  deploy: {timout: 3s}\n")
    (folder / "values.yaml").write_text("gates: [not, a, policy]\n")
    git(folder, "add", ".")
    return folder


def test_hook__judges_policies_and_no_other_file(team, tmp_path):
    """`pre-commit try-repo` clones, installs and runs it. Here pip takes the needs from what is installed already."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: pre-commit has nothing to clone")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON"))},
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_BUILD_ISOLATION": "0",  # which switches the isolation off
        "PIP_NO_INDEX": "1",
        "PIP_COMPILE": "0",  # it runs once
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "django-probe-policy", "--all-files"]
    done = subprocess.run(
        command, cwd=team, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )

    assert done.returncode == 1, done.stdout
    assert "deploy/probe.yaml: 1 gate, 0 checks\n  gate deploy: probes shop\n" in done.stdout
    assert 'probe.yml: gates.deploy.timout: unknown key; did you mean "timeout"?\n' in done.stdout
    assert "values.yaml" not in done.stdout
