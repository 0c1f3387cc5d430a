"""The version is written in one place, and everything that names it agrees."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from itertools import chain

import pytest

import django_probe
from release import ROOT, ReleaseError, versions


@pytest.fixture
def checkout(tmp_path):
    """A copy of every file that names the version."""
    for place in versions.PLACES:
        for path in ROOT.glob(place.files):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return tmp_path


def test_versions__of_the_checkout_agree():
    """The charts, the pages and the golden manifests name the version of the package."""
    assert versions.disagreements() == []
    assert versions.version() == django_probe.__version__


def test_version__that_is_written_is_everywhere(checkout):
    """A candidate's version is Helm's where Helm reads it; nothing of the old one is left."""
    versions.write("7.8.9rc2", checkout)

    assert versions.disagreements(checkout) == []
    chart = (checkout / "helm/django-probe/Chart.yaml").read_text(encoding="utf-8")
    assert "\nversion: 7.8.9-rc.2\n" in chart
    assert '\nappVersion: "7.8.9rc2"\n' in chart
    assert "rev: v7.8.9rc2\n" in (checkout / "docs/gates.md").read_text(encoding="utf-8")
    assert "django_probe_gate-7.8.9rc2-py3-none-any.whl" in (checkout / "README.md").read_text(encoding="utf-8")


def test_version__stands_nowhere_else():
    """What a user reads or runs names the version where a release changes it; figures name the one they are of."""
    figures = {"docs/benchmarks.md", "docs/compared.md"}
    shown = ("README.md", "action.yml", "docs/**/*.*", "examples/**/*.*", "helm/**/*.*", "templates/*")
    named = rf"(?<![\d.]){re.escape(django_probe.__version__)}(?![\d.]*\d)"
    places = [found for place in versions.PLACES for found in place.versions(ROOT)]
    known = {(path, match.start("version")) for path, match in places if match}

    stray = [
        f"{path.relative_to(ROOT)}: {match.start()}"
        for path in chain.from_iterable(map(ROOT.glob, shown))
        if path.is_file() and str(path.relative_to(ROOT)) not in figures
        for match in re.finditer(named, path.read_text(encoding="utf-8", errors="replace"))
        if (path, match.start()) not in known
    ]

    assert stray == []


def test_disagreement__names_the_file_and_what_is_expected(checkout):
    """Whoever forgets the chart reads which line it is; a place that is gone is told of too."""
    chart = checkout / "helm/django-probe/Chart.yaml"
    chart.write_text(
        chart.read_text(encoding="utf-8").replace(f"\nversion: {django_probe.__version__}\n", "\nversion: 0.0.9\n"),
        encoding="utf-8",
    )
    (checkout / "docs/image.md").write_text("# Image\n", encoding="utf-8")

    found = versions.disagreements(checkout)

    assert f"helm/django-probe/Chart.yaml: version: 0.0.9: expected {django_probe.__version__}" in found
    assert [each for each in found if each.startswith("docs/image.md: no version where one belongs: ")]


@pytest.mark.parametrize("text", ["1.2", "v1.2.3", "1.2.3-rc1", "1.2.3.dev0", "1.2.3\n"])
def test_version__that_is_none_is_refused(text):
    """Whatever PyPI, Helm and a tag would not all take the same way is no version of ours."""
    with pytest.raises(ReleaseError, match="not a version; expected one such as 1"):
        versions.checked(text)


@pytest.mark.parametrize(
    ("tag", "code"),
    [(f"v{django_probe.__version__}", 0), (django_probe.__version__, 1), ("v1.2.3-nightly", 1), ("", 1)],
)
def test_tag__has_to_be_that_of_the_version(tag, code):
    """The workflow starts for more tags than are one: the step stops the others."""
    command = [sys.executable, "-m", "release.versions", "--tag", tag]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert done.stdout == ("" if code else f"{django_probe.__version__}\n")
    assert ("a tag is v and that version" in done.stderr) is bool(code)
