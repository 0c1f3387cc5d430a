"""`python -m release.versions [--tag TAG | VERSION]`: the version is written in one place, and everywhere agrees.

Without an argument it checks that every place names the version of `django_probe/__init__.py`; with --tag that the
tag does too; with a VERSION it writes that one everywhere.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from release import ROOT, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SOURCE: Final = "django_probe/__init__.py"
_VERSION: Final = re.compile(r"(?P<release>\d+\.\d+\.\d+)(?:rc(?P<candidate>\d+))?")
_ANY: Final = r"(?P<version>\d+\.\d+\.\d+[\w.-]*?)"


@dataclass(frozen=True)
class Place:
    """Where a version stands: a `pattern` in the files of a glob; `chart` is whether as Helm writes it."""

    files: str
    pattern: str
    chart: bool = False
    needed: bool = True
    """Whether each of the files has to have it."""

    def versions(self, root: Path) -> Iterator[tuple[Path, re.Match[str] | None]]:
        """Give each place with its match; a file that needs one and has none comes with None."""
        for path in sorted(root.glob(self.files)):
            found = list(re.finditer(self.pattern, path.read_text(encoding="utf-8"), re.MULTILINE))
            yield from ((path, match) for match in found)
            if self.needed and not found:
                yield path, None


_TEXTS: Final = ("README.md", "docs/**/*.md", "helm/django-probe/README.md")
PLACES: Final = (
    Place(SOURCE, rf'^__version__ = "{_ANY}"$'),
    Place("helm/django-probe/Chart.yaml", rf"^version: {_ANY}$", chart=True),
    Place("helm/django-probe/Chart.yaml", rf'^appVersion: "{_ANY}"$'),
    Place("helm/django-probe/Chart.yaml", rf"image: ghcr\.io/django-probe/django-probe:{_ANY}$"),
    Place("templates/gate.yml", rf"^      default: {_ANY}$"),
    Place("docs/ci.md", rf"/v{_ANY}/templates/gate\.yml$"),
    Place("docs/ci.md", rf"/gate@v{_ANY}`"),
    Place("examples/parent-chart/Chart.yaml", rf"^    version: {_ANY}$", chart=True),
    Place("docs/helm.md", rf"^    version: {_ANY}$", chart=True),
    Place("docs/image.md", rf"--build-arg VERSION={_ANY} "),
    Place("tests/helm/golden/*.yaml", rf'helm\.sh/chart: "django-probe-{_ANY}"$', chart=True, needed=False),
    Place("tests/helm/golden/*.yaml", rf'app\.kubernetes\.io/version: "{_ANY}"$', needed=False),
    Place("tests/helm/golden/*.yaml", rf'image: "django-probe:{_ANY}"$', needed=False),
    *(Place(files, rf"django_probe_gate-{_ANY}-py3", needed=False) for files in _TEXTS),
    *(Place(files, rf"^ +rev: v{_ANY}$", needed=False) for files in _TEXTS),
    *(Place(files, rf"django-probe/django-probe(?:/[\w./-]+)?@v?{_ANY}(?=[\s`]|$)", needed=False) for files in _TEXTS),
    *(Place(files, rf"githubusercontent\.com/django-probe/django-probe/v{_ANY}/", needed=False) for files in _TEXTS),
    *(Place(files, rf"ghcr\.io/django-probe/django-probe:{_ANY}(?=[\s`\"])", needed=False) for files in _TEXTS),
    *(Place(files, rf"oci://ghcr\.io/\S+ --version {_ANY}(?=[\s`])", chart=True, needed=False) for files in _TEXTS),
)


def version(root: Path = ROOT) -> str:
    """Return the version of the source; ReleaseError where it is none that can be released."""
    found = re.search(PLACES[0].pattern, (root / SOURCE).read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ReleaseError(f"{SOURCE}: states no __version__")
    return checked(found["version"])


def checked(text: str) -> str:
    """Return the text if it is a version such as 1.2.3 or 1.2.3rc1; else raise ReleaseError."""
    if not _VERSION.fullmatch(text):
        raise ReleaseError(f"{text}: not a version; expected one such as 1.2.3, or 1.2.3rc1 for a candidate")
    return text


def of_chart(text: str) -> str:
    """Return a version as Helm writes it: that of a candidate is 1.2.3-rc.1."""
    parts = _VERSION.fullmatch(checked(text))
    return f"{parts['release']}-rc.{parts['candidate']}" if parts and parts["candidate"] else text


def disagreements(root: Path = ROOT) -> list[str]:
    """Return a sentence for each place that names another version than the source, or none."""
    right = version(root)
    wrong = []
    for place in PLACES:
        expected = of_chart(right) if place.chart else right
        for path, match in place.versions(root):
            name = path.relative_to(root)
            if match is None:
                wrong.append(f"{name}: no version where one belongs: {place.pattern}")
            elif match["version"] != expected:
                wrong.append(f"{name}: {match[0].strip()}: expected {expected}")
    return wrong


def write(new: str, root: Path = ROOT) -> None:
    """Write a version into every place."""
    for place in PLACES:
        text = of_chart(new) if place.chart else checked(new)
        for path in {path for path, match in place.versions(root) if match}:
            content = path.read_text(encoding="utf-8")
            path.write_text(re.sub(place.pattern, _with(text), content, flags=re.MULTILINE), encoding="utf-8")


def _with(text: str) -> Callable[[re.Match[str]], str]:
    """Return what puts the text in place of the version in a match."""

    def replaced(match: re.Match[str]) -> str:
        start, end = (position - match.start() for position in match.span("version"))
        return match[0][:start] + text + match[0][end:]

    return replaced


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return 1 where versions disagree."""
    parser = argparse.ArgumentParser(prog="python -m release.versions", description=__doc__, allow_abbrev=False)
    parser.add_argument("--tag", help="the tag of the release, which has to be v and the version")
    parser.add_argument("version", nargs="?", help="write this one everywhere")
    options = parser.parse_args(arguments)
    try:
        if options.version:
            write(options.version)
        wrong = disagreements()
        right = version()
    except ReleaseError as error:
        wrong, right = [str(error)], ""
    if options.tag is not None and options.tag != f"v{right}":
        wrong.append(f"the tag is {options.tag}, and {SOURCE} says {right}: a tag is v and that version")
    for sentence in wrong:
        sys.stderr.write(f"release.versions: {sentence}\n")
    if not wrong:
        sys.stdout.write(f"{right}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
