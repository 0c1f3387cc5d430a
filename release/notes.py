"""`python -m release.notes VERSION`: prints what the changelog says of a version, for its page at GitHub."""

from __future__ import annotations

import re
import sys

from release import ROOT, ReleaseError

_SOURCES = "https://github.com/django-probe/django-probe/blob"
_RELATIVE = re.compile(r"(?<=\]\()(?![a-z]+:|#)(?=[^)\s]+\))")


def notes(changelog: str, version: str) -> str:
    """Return the version's section without its heading, with absolute links; ReleaseError where it has none.

    That of a candidate, 1.2.3rc1, is the section of the release, 1.2.3.
    """
    release = version.partition("rc")[0]
    found = re.search(
        rf"^## {re.escape(release)} - \d{{4}}-\d\d-\d\d\n(?P<text>.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE
    )
    if found is None or not found["text"].strip():
        raise ReleaseError(
            f'CHANGELOG.md: nothing under "## {release} - YYYY-MM-DD"; give what is under "Unreleased" that heading'
        )
    return _RELATIVE.sub(f"{_SOURCES}/v{version}/", found["text"].strip()) + "\n"


def main(arguments: list[str]) -> int:
    """Print the notes of the version that is named."""
    try:
        (version,) = arguments
        sys.stdout.write(notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version))
    except ValueError:
        sys.stderr.write("usage: python -m release.notes VERSION\n")
        return 2
    except ReleaseError as error:
        sys.stderr.write(f"release.notes: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
