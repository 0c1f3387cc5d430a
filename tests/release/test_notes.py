"""The page of a release at GitHub says what the changelog says of it."""

from __future__ import annotations

import pytest

from release import ReleaseError
from release.notes import notes

CHANGELOG = """\
# Changelog

## Unreleased

- Not yet.

## 1.2.3 - 2026-11-30

### Added

- [A page](docs/page.md#part), [a site](https://a.example/), and more.

## 1.2.2 - 2026-11-01

- Older.
"""


@pytest.mark.parametrize("version", ["1.2.3", "1.2.3rc1"])
def test_notes__are_the_section_of_the_version(version):
    """Its links lead to the sources of the tag; a candidate has the notes of what it is to be."""
    assert notes(CHANGELOG, version) == (
        "### Added\n\n"
        f"- [A page](https://github.com/django-probe/django-probe/blob/v{version}/docs/page.md#part), "
        "[a site](https://a.example/), and more.\n"
    )


def test_notes__of_a_version_without_a_section_are_refused():
    """What is still under "Unreleased" has no notes: the message says what to do."""
    with pytest.raises(ReleaseError, match=r'nothing under "## 1\.2\.4 - YYYY-MM-DD"; give what is under "Unreleased"'):
        notes(CHANGELOG, "1.2.4")
