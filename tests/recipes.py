"""Does what a CI does with the job that docs/ci.md shows for it, as far as that can be done without the CI.

Each system's job is read as that system reads it: the shell commands, the files with the reports. The commands run
one after another until one fails, with the shell that the system uses; the exit code of that one is the job's.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import yaml
from junitparser import Error, Failure, JUnitXml

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Project

PROBES = """\
import unittest


class TestShop(unittest.TestCase):
    def test_is_open(self):
        self.assertTrue({open})
"""
INSTALLS = "python -m pip install -r requirements.txt"
SHELLS = {  # https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#exit-codes-and-error-action-preference
    "github": ["bash", "-e", "-c"],
    "gitlab": ["bash", "-eo", "pipefail", "-c"],
    "jenkins": ["sh", "-xe", "-c"],
}


class Job(NamedTuple):
    """What a CI takes from a job."""

    commands: list[str]
    junit: str
    html: str


def github(text: str) -> Job:
    """Read a workflow of GitHub Actions."""
    (job,) = yaml.safe_load(text)["jobs"].values()
    steps = job["steps"]
    used = dict(step["uses"].split("@v") for step in steps if "uses" in step)
    assert used == {name: _major(name) for name in used}, "the majors that our own workflows use"
    assert all(("run" in step) != ("uses" in step) for step in steps)
    (upload,) = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert upload["if"] == "${{ !cancelled() }}", "a report of a gate that is closed is the one that somebody reads"
    junit, html = upload["with"]["path"].split()
    return Job([step["run"] for step in steps if "run" in step], junit, html)


def _major(action: str) -> str:
    """Return the newest major of an action that a file of this project uses."""
    files = [ROOT / "action.yml", *(ROOT / ".github" / "workflows").glob("*.yml")]
    used = [re.findall(rf"uses: {action}@[0-9a-f]+ +# v(\d+)", file.read_text(encoding="utf-8")) for file in files]
    return max((major for each in used for major in each), key=int)


def gitlab(text: str) -> Job:
    """Read a job of GitLab CI."""
    (job,) = yaml.safe_load(text).values()
    artifacts = job["artifacts"]
    assert artifacts["when"] == "always"
    (html,) = artifacts["paths"]
    return Job(job["script"], artifacts["reports"]["junit"], html)


def jenkins(text: str) -> Job:
    """Read a declarative Jenkinsfile, as far as its braces and the arguments of its steps go."""
    depth = 0
    for line in text.splitlines():
        depth += line.count("{") - line.count("}")
        assert depth >= 0, line
    assert depth == 0
    ((junit, html),) = re.findall(r"always \{\s+junit '([^']+)'\s+archiveArtifacts '([^']+)'", text)
    return Job(re.findall(r"^ +sh '([^']+)'$", text, re.MULTILINE), junit, html)


READERS = {"github": github, "gitlab": gitlab, "jenkins": jenkins}


def try_recipe(system: str, text: str, project: Project, environment: Callable[..., dict[str, str]]) -> None:
    """Run the job with a gate that closes and with one that passes: the job ends alike, and has a report of it."""
    job = READERS[system](text)
    assert [command for command in job.commands if command != INSTALLS]
    for is_open, expected in ((False, 1), (True, 0)):
        project.app("shop", PROBES.format(open=is_open))
        summary = project.path / "summary.md"
        summary.write_text("", encoding="utf-8")
        assert _run(system, job.commands, project, environment(GITHUB_STEP_SUMMARY=str(summary))) == expected
        report = project.path / job.junit
        assert _problems(JUnitXml.fromfile(str(report))) == expected
        report.unlink()
        (project.path / job.html).unlink()
        if "GITHUB_STEP_SUMMARY" in text:
            assert f"(exit {expected})" in summary.read_text(encoding="utf-8")


def _run(system: str, commands: list[str], project: Project, environment: dict[str, str]) -> int:
    for command in commands:
        if command != INSTALLS:
            shell = [*SHELLS[system], command]
            done = subprocess.run(shell, cwd=project.path, env=environment, capture_output=True, check=False)
            if done.returncode:
                return done.returncode
    return 0


def _problems(xml: JUnitXml) -> int:
    return sum(isinstance(result, Error | Failure) for suite in xml for case in suite for result in case.result)
