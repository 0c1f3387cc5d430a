"""Django projects that the tests of one module share: made once, and only read by the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conftest import MANAGE, Project

if TYPE_CHECKING:
    from pathlib import Path


def new_project(folder: Path) -> Project:
    """Make what the fixture `project` gives, in a folder that outlives one test."""
    made = Project(folder)
    made.write("manage.py", MANAGE)
    made.write("site_urls.py", "urlpatterns = []\n")
    made.configure()
    return made
