"""docs/api.md: each name that users write is there, is what the page says, and has the types that they see."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from django_probe.naming import misspelt
from tests import documents
from tests.conftest import ROOT
from tests.projects import python

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = ROOT / ".cache" / f"mypy-3.{sys.version_info.minor}"  # mypy reads Django's types once on a machine
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([\w.]+)` \|", re.MULTILINE)
PATHS = [name for name in ROW.findall(PAGE) if name.startswith("django_probe")]
NAMES = {name for name in ROW.findall(PAGE) if name.startswith("PROBE_")}
DOTTED = re.compile(r"django_probe(?:\.\w+)+|django_probe")
EVERYTHING = """\
INSTALLED_APPS += ["django_probe.contrib.platform", "django_probe.contrib.http", "django_probe.history"]
ROOT_URLCONF = "shop_urls"
"""
IMPORT = """
    import json, pkgutil, sys
    names = json.loads({!r})
    for name in names:
        pkgutil.resolve_name(name)
    print(len(names))
"""
REVERSE = """
    from django.urls import reverse
    given = {"gate": ["deploy"], "badge": ["deploy"], "run": ["a1"]}
    names = ("index", "live", "ready", "gates", "gate", "badge", "runs", "run", "compare", "metrics", "openapi")
    for name in names:
        print(reverse(f"django_probe:{name}", args=given.get(name, [])))
"""


def written_in_documents() -> Iterator[tuple[str, str]]:
    """Yield every name of ours that a Python block of a document writes, with the block."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in documents.blocks(page):
            if block.language != "python":
                continue
            for node in ast.walk(ast.parse(block.text)):
                if isinstance(node, ast.ImportFrom) and DOTTED.fullmatch(node.module or ""):
                    yield from ((f"{node.module}.{alias.name}", str(block)) for alias in node.names)
                elif isinstance(node, ast.Constant) and DOTTED.fullmatch(str(node.value)):
                    yield node.value, str(block)


@pytest.fixture
def site(project):
    """A project with every app of ours, and their URLs."""
    project.write(
        "shop_urls.py",
        "from django.urls import include, path\n" + 'urlpatterns = [path("probe/", include("django_probe.urls"))]\n',
    )
    project.configure(EVERYTHING)
    return project


def test_every_path__can_be_imported(site):
    """In a project that has every app, each name of the page leads to something."""
    assert len(PATHS) == len(set(PATHS)) >= 14
    done = python(site, IMPORT.format(json.dumps(PATHS)))
    assert (done.code, done.out) == (0, f"{len(PATHS)}\n"), done.err


def test_every_url__can_be_reversed(site):
    """The names of the URLs that the page promises are there."""
    named = re.findall(r"`django_probe:(\w+)`", PAGE)
    assert len(named) == 11
    assert all(f'"{name}"' in REVERSE for name in named)
    done = python(site, REVERSE)
    gates, runs = ("gates/", "gates/deploy/", "gates/deploy/badge.svg"), ("runs/", "runs/a1/", "compare/")
    paths = ("", "live/", "ready/", *gates, *runs, "metrics/", "openapi.json")
    assert done.out.split() == [f"/probe/{path}" for path in paths], done.err


def test_every_setting__is_on_the_page():
    """The settings and environment variables that the package knows are those of the page.

    A new one goes there, and into django_probe/naming/misspelt.py.
    """
    known = {
        node.value
        for path in (ROOT / "django_probe").rglob("*.py")
        if path.name != "misspelt.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and re.fullmatch(r"PROBE_[A-Z_]+", str(node.value))
    }
    assert known - misspelt.OWN == NAMES
    assert known <= misspelt.SETTINGS | misspelt.VARIABLES | misspelt.OWN


def test_documents__write_public_names_alone():
    """What the documents' Python imports, or names in settings, is public."""
    shown = list(written_in_documents())
    assert len(shown) > 10
    assert [(name, block) for name, block in shown if name not in PATHS] == []


def test_types__are_what_users_get(tmp_path):
    """Mypy's strictest accepts what users write, with the types of the installed package, and refuses what is wrong.

    A line with `type: ignore` is wrong: if mypy accepted it, the comment would be unused, which is an error too.
    """
    shutil.copytree(ROOT / "tests" / "typing", tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11", "--cache-dir", CACHE, "."],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.fullmatch(r"Success: no issues found in [1-9]\d* source files\n", done.stdout)
