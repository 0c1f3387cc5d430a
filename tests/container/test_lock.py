"""The lock file: what the image installs, and nothing that its hash does not name."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release import sbom

ROOT = Path(__file__).resolve().parents[2]


def entries() -> dict[str, str]:
    """Return the text of each pinned package by its name."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    return {block.partition("==")[0]: block for block in blocks}


def test_every_package_has_one_version_and_hashes():
    """A file that changed at the registry is refused by pip."""
    for name, block in entries().items():
        assert re.match(rf"{re.escape(name)}==[\w.]+ \\\n    --hash=sha256:[0-9a-f]{{64}}", block), block


def test_it_has_what_the_project_and_its_extras_need():
    """A dependency that was added to pyproject.toml without renewing the lock is found here, not in the build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [need for part in ("server", "postgresql", "metrics", "checks") for need in extras[part]]
    needed += project["dependencies"]
    names = {re.match(r"[\w-]+", need)[0].lower() for need in needed}
    assert names <= set(entries())


def test_it_keeps_to_the_ranges_and_has_what_its_packages_need():
    """What `make lock` would not change but for newer releases: no range is broken, no need is left out."""
    locked = sbom.locked()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {"server", "postgresql", "metrics", "checks"}
    needs = [*project["dependencies"], *(need for name in extras for need in project["optional-dependencies"][name])]
    wanted = [(Requirement(need), "") for need in needs]
    for requirement, _ in tuple(wanted):
        wanted += _needs(requirement)

    broken = [
        f"{requirement}, of {by or 'pyproject.toml'}"
        for requirement, by in wanted
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]

    assert broken == []


def _needs(requirement: Requirement) -> list[tuple[Requirement, str]]:
    """Return what the installed package needs on the image's Python, with the extras that are asked for, and why."""
    environment = {
        "python_version": "3.13",
        "python_full_version": "3.13.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    needs = map(Requirement, metadata.requires(requirement.name) or [])
    return [
        (need, requirement.name)
        for need in needs
        if need.marker is None
        or any(need.marker.evaluate({**environment, "extra": extra}) for extra in {"", *requirement.extras})
    ]


def test_it_names_no_place_to_fetch_from():
    """Whoever builds has an index of their own."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--find-links|--trusted|--extra-index", text)
