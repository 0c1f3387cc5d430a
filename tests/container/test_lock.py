"""The lock file: what the image installs, and nothing that its hash does not name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

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


def test_it_names_no_place_to_fetch_from():
    """Whoever builds has an index of their own."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--find-links|--trusted|--extra-index", text)
