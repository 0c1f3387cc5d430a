"""What the project says of itself to GitHub, to Artifact Hub and to whoever upgrades, held against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

import django_probe

ROOT = Path(__file__).resolve().parent.parent
SOURCES = "https://github.com/django-probe/django-probe/blob/main/"
RAW = "https://raw.githubusercontent.com/django-probe/django-probe/main/"
CHART = yaml.safe_load((ROOT / "helm" / "django-probe" / "Chart.yaml").read_text(encoding="utf-8"))
# https://artifacthub.io/docs/topics/annotations/helm
CHANGES = {"added", "changed", "deprecated", "removed", "fixed", "security"}
# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-githubs-form-schema
FIELDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def annotation(name: str) -> list[dict]:
    """Return what an annotation of the chart holds, which is YAML in a text."""
    return yaml.safe_load(CHART["annotations"][f"artifacthub.io/{name}"])


def test_chart__has_what_artifact_hub_reads():
    """Image, licence, links and icon are those of this version and of this repository; each change has a known kind."""
    assert [image["image"] for image in annotation("images")] == [
        f"ghcr.io/django-probe/django-probe:{django_probe.__version__}"
    ]
    assert annotation("license") == "BSD-3-Clause"
    assert "BSD 3-Clause" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert {change["kind"] for change in annotation("changes")} <= CHANGES
    assert all(change["description"] for change in annotation("changes"))
    links = [link["url"] for link in annotation("links")]
    assert [url for url in links if not url.startswith("https://")] == []
    ours = [url.removeprefix(SOURCES) for url in links if url.startswith(SOURCES)]
    ours.append(CHART["icon"].removeprefix(RAW))
    assert [name for name in ours if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_issue_form__is_one(path):
    """Each form has a name, a description and fields that GitHub knows; the other file leads to where forms do not."""
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert all(link["url"].startswith("https://") and link["about"] for link in form["contact_links"])
        return
    assert form["name"]
    assert form["description"]
    assert {field["type"] for field in form["body"]} <= FIELDS
    named = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["label"] for field in named)
    assert len({field["id"] for field in named}) == len(named) > 0


def test_dependabot__looks_where_something_is():
    """Each folder that it is sent to has what its kind reads."""
    reads = {"pip": "pyproject.toml", "docker": "Dockerfile", "github-actions": ".github/workflows"}
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == set(reads)
    for update in updates:
        assert (ROOT / update["directory"].strip("/") / reads[update["package-ecosystem"]]).exists()


def test_upgrade__leaves_the_version_before_working():
    """A migration of the history only adds, and what it adds to a table may be empty, as docs/upgrading.md says."""
    for path in (ROOT / "django_probe" / "history" / "migrations").glob("0*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).startswith("migrations.")):
                continue
            operation = call.func.attr
            assert operation in {"CreateModel", "AddField", "AddIndex"} or path.name.startswith("0001"), path
            if operation == "AddField":
                field = next(keyword.value for keyword in call.keywords if keyword.arg == "field")
                given = {keyword.arg: keyword.value for keyword in field.keywords}
                is_null = "null" in given and given["null"].value is True
                assert is_null or "db_default" in given, f"{path}: {ast.unparse(call)}"


def test_comparison__has_the_figures_of_the_benchmarks():
    """Each ratio of docs/compared.md stands in docs/benchmarks.md; one is newer, and says so."""
    benchmarks = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    told = set(re.findall(r"\b\d+\.\d+(?= (?:times|of)\b| on an idle)", (ROOT / "docs" / "compared.md").read_text()))
    assert {"8.4", "12.6", "0.98", "0.20", "1.25", "1.15"} <= told
    assert sorted(figure for figure in told if figure not in benchmarks) == []
