"""What the documents show is what happens."""

from __future__ import annotations

import pytest

from tests import documents
from tests.conftest import ROOT

# The pages that other tests execute, or that show nothing which could be.
ELSEWHERE = {"benchmarks.md", "container-settings.md", "database-safety.md", "ready-made-probes.md"}
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name not in ELSEWHERE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page__does_what_it_shows(page, tmp_path):
    """Each block of a page does what it says: files are written, commands run, and their output is what is shown."""
    documents.try_page(page, tmp_path)
