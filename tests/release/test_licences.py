"""Everything that the image installs has a licence that is allowed, each for a reason."""

from __future__ import annotations

from importlib import metadata

import pytest

from release import licences, sbom


def test_licences__of_what_the_image_installs_are_allowed():
    """Read from the packages that are installed here, which are those of the lock."""
    assert licences.problems(sbom.locked()) == []


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package of these lines of metadata."""

    def _package(*lines):
        folder = tmp_path / "strange-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", "Name: strange", *lines, ""]))
        monkeypatch.syspath_prepend(tmp_path)
        metadata.MetadataPathFinder.invalidate_caches()

    return _package


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["License-Expression: MIT OR Apache-2.0"], []),
        (
            ["License-Expression: MIT AND AGPL-3.0-only"],
            ["strange: AGPL-3.0-only: not among the licences that are allowed; see ALLOWED"],
        ),
        (["License: whatever"], ["strange: states no licence that is known here"]),
        (["Classifier: License :: OSI Approved :: BSD License"], []),
    ],
)
def test_licence__that_is_not_allowed_is_named(package, lines, problem):
    """By its identifier; a package that states none is no better."""
    package(*lines)

    assert licences.problems(["strange"]) == problem


def test_licence__of_what_is_not_installed_is_not_known():
    """A package of the lock that the environment lacks is no silent pass."""
    assert licences.problems(["no-such-package"]) == ["no-such-package: is not installed, so its licence is not known"]
