"""`python -m release.chart DIGEST FOLDER`: packs the chart of a release, whose values name its image by digest."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from release import ROOT, ReleaseError
from release.versions import of_chart, version

IMAGE: Final = "ghcr.io/django-probe/django-probe"
CHART: Final = "helm/django-probe"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def pack(digest: str, folder: Path, *, image: str = IMAGE, helm: str = "helm", root: Path = ROOT) -> Path:
    """Return the packed chart, which runs `image` at `digest` unless its values say otherwise; else ReleaseError."""
    if not _DIGEST.fullmatch(digest):
        raise ReleaseError(f"{digest!r}: not a digest; expected sha256: and 64 hexadecimal digits")
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name) / "django-probe"
        shutil.copytree(root / CHART, staged)
        values = staged / "values.yaml"
        text = values.read_text(encoding="utf-8")
        text = _set(text, "  repository: django-probe", f"  repository: {image}")
        text = _set(text, '  digest: ""', f"  digest: {digest}")
        values.write_text(text, encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
        run(helm, "package", str(staged), "--destination", str(folder))
    return folder / f"django-probe-{of_chart(version(root))}.tgz"


def run(*command: str) -> str:
    """Return what a program prints on both streams; ReleaseError where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}: exit code {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def _set(text: str, line: str, new: str) -> str:
    """Return the values with one line in place of another, which stands there once."""
    if text.count(f"\n{line}\n") != 1:
        raise ReleaseError(f"{CHART}/values.yaml: expected the line {line.strip()!r} once")
    return text.replace(f"\n{line}\n", f"\n{new}\n")


def main(arguments: list[str]) -> int:
    """Pack the chart of the digest into the folder."""
    try:
        digest, folder = arguments
    except ValueError:
        sys.stderr.write("usage: python -m release.chart DIGEST FOLDER\n")
        return 2
    try:
        sys.stdout.write(f"{pack(digest, Path(folder))}\n")
    except ReleaseError as error:
        sys.stderr.write(f"release.chart: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
