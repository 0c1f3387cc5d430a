"""The site of the documentation, as the workflow publishes it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "docs.yml"
# What a browser fetches without being asked: scripts, styles, images, icons; not what it is told of addresses.
FETCHED = re.compile(
    r'<(?:script|img|iframe)\b[^>]*\bsrc="?([^">\s]+)|<link\b(?![^>]*rel="?(?:canonical|alternate|prev|next))[^>]*\bhref="?([^">\s]+)'
)


def publish(folder: Path, **variables: str) -> None:
    """Run the step of the workflow that publishes, in a folder; GitHub's own program does nothing."""
    (step,) = [step for step in yaml.safe_load(WORKFLOW.read_text())["jobs"]["publish"]["steps"] if "name" in step]
    tools = folder.parent / "bin"
    tools.mkdir()
    (tools / "gh").symlink_to("/bin/true")
    path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_MKDOCS_2_WARNING": "1", **variables}
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the branch gh-pages has after the release v1.2.3; every warning of mkdocs would have been an error."""
    folder = tmp_path_factory.mktemp("site")
    checkout, origin = folder / "checkout", folder / "origin"
    checkout.mkdir()
    for path in ROOT.iterdir():
        if path.name not in {".git", "build"}:
            (checkout / path.name).symlink_to(path)
    subprocess.run(["git", "init", "--quiet", "--bare", origin], check=True)
    for words in (
        ["init", "--quiet"],
        ["remote", "add", "origin", origin],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--allow-empty", "--message=it"],
    ):
        subprocess.run(["git", *words], cwd=checkout, check=True)
    publish(checkout, GITHUB_REF_TYPE="tag", GITHUB_REF_NAME="v1.2.3")
    archive = subprocess.run(["git", "archive", "gh-pages"], cwd=origin, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder / "branch", filter="data")
    return folder / "branch"


def test_release__is_published_under_its_minor_version(branch):
    """A release has its site under its minor version, which is the latest one, and whoever names none comes to it."""
    (version,) = json.loads((branch / "versions.json").read_text())
    assert (version["version"], version["aliases"]) == ("1.2", ["latest"])
    assert (branch / "latest" / "index.html").is_file()
    assert "latest/" in (branch / "index.html").read_text()


def test_site__has_every_page(branch):
    """Each page of docs/ is on the site and in its search, and the README is the front."""
    pages = [path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")]
    index = json.loads((branch / "latest" / "search" / "search_index.json").read_text())
    searched = {entry["location"] for entry in index["docs"]}
    assert pages
    assert [page for page in pages if f"{page}/" not in searched] == []
    assert "See a gate pass" in (branch / "latest" / "index.html").read_text()
    assert [path for path in branch.rglob("*") if "hooks" in path.name] == []


def test_site__asks_no_other_host(branch):
    """No page fetches anything from elsewhere, nor has it the part of the theme that asks GitHub for stars."""
    for page in (branch / "latest").rglob("*.html"):
        text = page.read_text()
        fetched = {source or link for source, link in FETCHED.findall(text)}
        assert fetched, page
        assert [address for address in fetched if "//" in address] == [], page
        assert 'data-md-component="source"' not in text, page
