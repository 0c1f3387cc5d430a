"""What is shipped, and what the repository says about itself."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from release import distributions
from release.versions import version

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
PATH_IN_CODE = re.compile(r"`(?P<path>(?:bench|deploy|django_probe|docs|helm|tests)/[\w./-]+)`")
OTHER_PROJECT = re.compile(r"pip3?\s+install\s+(?:-\S+\s+)*[\"']?django-probe(?!-gate)\b")


def tracked(*patterns: str) -> list[Path]:
    """Return the files of the repository that match, as paths relative to its root."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: what belongs to the repository is not known")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def documents() -> list[Path]:
    """Return every Markdown file of the repository."""
    return tracked("*.md")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of the checkout, of which two builds are the same bytes."""
    folder = tmp_path_factory.mktemp("dist")
    distributions.build(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    """The wheel, opened."""
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_the_package(wheel):
    """Templates, migrations and the marker of typed packages are shipped, not only modules."""
    shipped = set(wheel.namelist())
    assert "django_probe/py.typed" in shipped
    assert {path.as_posix() for path in tracked("django_probe")} <= shipped


def test_the_wheel_holds_nothing_but_the_package(wheel):
    """No tests, no deploy project, no benchmark lands in a team's site-packages."""
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"django_probe"}


def test_the_wheel_says_who_it_is(wheel):
    """The distribution is django-probe-gate; it carries its licence and what it needs."""
    (name,) = [entry for entry in wheel.namelist() if entry.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Name"] == "django-probe-gate"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert any(entry.endswith("licenses/LICENSE") for entry in wheel.namelist())
    always = [need for need in metadata.get_all("Requires-Dist") if "extra ==" not in need]
    names = {re.match(r"[\w-]+", need)[0].lower() for need in always}
    assert names == {"django", "junit-xml", "pyyaml"}


def test_the_wheel_s_description_has_no_link_that_is_dead_at_pypi(wheel):
    """It is the README, whose relative links and anchors lead to the sources of the release."""
    (name,) = [entry for entry in wheel.namelist() if entry.endswith(".dist-info/METADATA")]
    description = Parser().parsestr(wheel.read(name).decode()).get_payload()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown, written = ([match["target"] for match in LINK.finditer(text)] for text in (description, readme))
    sources = f"https://github.com/django-probe/django-probe/blob/v{version()}/"
    assert shown == [target if "://" in target else sources + target for target in written]
    assert f"{sources}docs/checks.md" in shown


def test_the_installed_wheel_works_without_the_repository(dist, tmp_path):
    """What pip makes of the wheel is the package with its version, and Django finds its command."""
    (path,) = dist.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(tmp_path), str(path)], check=True)
    code = (
        "import django_probe, django.core.management as m\n"
        "from django.conf import settings; settings.configure(INSTALLED_APPS=['django_probe'])\n"
        "import django; django.setup()\n"
        "print(django_probe.__file__, django_probe.__version__, m.get_commands()['probe'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    place, version, app = done.stdout.split()
    assert Path(place).is_relative_to(tmp_path)
    assert path.name.startswith(f"django_probe_gate-{version}-")
    assert app == "django_probe"


def test_the_sdist_holds_what_its_tests_need(dist):
    """A distributor can build and test from the sdist alone, and nothing made on this machine is in it."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {
        "LICENSE", "CHANGELOG.md", "Makefile", "pyproject.toml", "django_probe/py.typed", "tests/conftest.py",
        "hatch_build.py", "release/versions.py", ".github/workflows/release.yml",
    } <= names  # fmt: skip
    assert not [name for name in names if name.startswith((".venv", ".tox", ".cache", "build/"))]


def test_nothing_sends_a_reader_to_the_other_project():
    """`django-probe` on PyPI is somebody else's: no file tells anyone to install it."""
    wrong = [
        f"{path}: {match[0]}"
        for path in tracked()
        for match in OTHER_PROJECT.finditer((ROOT / path).read_text(encoding="utf-8", errors="replace"))
    ]
    assert wrong == []


def test_every_dependency_says_why_it_is_there():
    """In pyproject.toml each requirement stands on a line of its own with its reason behind it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    groups = [
        data["project"]["dependencies"],
        *data["project"]["optional-dependencies"].values(),
        *data["dependency-groups"].values(),
    ]
    needs = [need for group in groups for need in group]
    silent = [need for need in needs if not re.search(rf'"{re.escape(need)}"[\],]+ *# \w', text)]
    assert needs
    assert silent == []


def test_every_link_of_a_document_leads_somewhere():
    """A relative link of any Markdown file names a file of the repository."""
    broken = []
    for page in documents():
        for match in LINK.finditer((ROOT / page).read_text(encoding="utf-8")):
            target = match["target"].partition("#")[0]
            outside = "://" in target or target.startswith("mailto:")
            if not outside and not (ROOT / page.parent / target).exists():
                broken.append(f"{page}: {match['target']}")
    assert broken == []


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_anchor_of_a_link_is_a_heading():
    """A link to a part of a Markdown file names a heading of it."""
    broken = []
    for page in documents():
        for match in LINK.finditer((ROOT / page).read_text(encoding="utf-8")):
            name, _, anchor = match["target"].partition("#")
            target = page.parent / name if name else page
            if anchor and "://" not in name and target.suffix == ".md" and anchor not in headings(target):
                broken.append(f"{page}: {match['target']}")
    assert broken == []


def test_every_path_that_a_document_names_exists():
    """A path of this repository in code type, like `deploy/manage.py`, is there."""
    missing = [
        f"{page}: {match['path']}"
        for page in documents()
        for match in PATH_IN_CODE.finditer((ROOT / page).read_text(encoding="utf-8"))
        if not (ROOT / match["path"]).exists()
    ]
    assert missing == []
