"""What GitHub runs: every action is pinned, a job may do what it needs and no more, and PyPI comes last."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

from release import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: (?:\./\S+(?:  #.*)?|[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+)$")
IMAGE = re.compile(r"\b(?:image|generator)[:=] ?([\w./-]+:[\w.-]+)")


def read(name):
    """Return a workflow; YAML 1.1 takes its key `on` for true."""
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))


def steps(workflow):
    """Return the steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_action__is_pinned_to_a_commit_with_its_version_beside_it(path):
    """Nobody can change what runs here by moving a tag; an image is named by digest likewise."""
    text = path.read_text(encoding="utf-8")
    uses = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses: " in line]
    images = IMAGE.findall(text)

    assert [use for use in uses if not PINNED.fullmatch(use)] == []
    assert [image for image in images if f"{image}@sha256:" not in text] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_job__has_only_the_permissions_that_it_names(path):
    """Nothing is granted to all jobs, a checkout leaves no token behind, and no expression is put into a script."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert workflow["permissions"] == {}
    assert all(job["permissions"] for job in workflow["jobs"].values())
    for step in steps(workflow):
        assert "${{" not in step.get("run", "")
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_release__publishes_in_the_order_of_what_can_be_taken_back():
    """The suite before the registry, the registry before PyPI, the page last."""
    jobs = read("release.yml")["jobs"]

    def before(name):
        needs = jobs[name].get("needs", [])
        direct = [needs] if isinstance(needs, str) else needs
        return {*direct, *(far for near in direct for far in before(near))}

    assert before("image") == {"check", "suite", "distributions"}
    assert before("pypi") == {*before("image"), "image", "chart"}
    assert before("page") == {*before("pypi"), "pypi"}
    publishing = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    assert (
        publishing == {name for name, job in jobs.items() if "environment" in job} == {"image", "chart", "pypi", "page"}
    )


def test_tools__of_a_release_are_pinned_by_hash():
    """Each that the group "release" names is in the lock; nothing else is installed where a release is built."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["release"]
    lock = (ROOT / "release" / "requirements.lock").read_text(encoding="utf-8")
    installs = [
        line
        for name in ("release.yml", "package.yml")
        for step in steps(read(name))
        for line in step.get("run", "").splitlines()
        if "pip install" in line
    ]

    assert all("--require-hashes --requirement release/requirements.lock" in line for line in installs)
    assert installs
    for need in map(Requirement, group):
        (version,) = re.findall(rf"^{need.name}==(\S+) \\\n    --hash=sha256:[0-9a-f]{{64}}", lock, re.MULTILINE)
        assert need.specifier.contains(version), need


def test_package__builds_on_pull_requests_and_may_write_nothing():
    """What it builds is what a release publishes; no job of it could."""
    workflow = read("package.yml")

    assert set(workflow[True]) == {"pull_request", "schedule"}
    assert {right for job in workflow["jobs"].values() for right in job["permissions"].values()} == {"read"}
