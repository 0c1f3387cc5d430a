"""Django projects that the tests of one module share: made once, and only read by the tests."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

from tests import warm
from tests.conftest import MANAGE, Completed, Project

if TYPE_CHECKING:
    from pathlib import Path


def new_project(folder: Path) -> Project:
    """Make what the fixture `project` gives, in a folder that outlives one test."""
    made = Project(folder)
    made.write("manage.py", MANAGE)
    made.write("site_urls.py", "urlpatterns = []\n")
    made.configure()
    return made


def python(site: Project, code: str, env: dict[str, str] | None = None, *, cold: bool = False) -> Completed:
    """Run a script in a project, with Django set up: what a team's own code does without the command.

    A cold start has imported nothing before that; see tests/warm.py.
    """
    setup = 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"\nimport django\ndjango.setup()\n'
    command = [sys.executable, "-c", setup + dedent(code)]
    start = warm.cold if cold else warm.run
    done = start(command, cwd=site.path, env=site.environment(env))
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())
