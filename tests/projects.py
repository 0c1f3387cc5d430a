"""Django projects that the tests of one module share: made once, and only read by the tests."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

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


def python(site: Project, code: str, env: dict[str, str] | None = None) -> Completed:
    """Run a script in a project, with Django set up: what a team's own code does without the command."""
    setup = 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"\nimport django\ndjango.setup()\n'
    done = subprocess.run(
        [sys.executable, "-c", setup + dedent(code)],
        cwd=site.path,
        env=site.environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return Completed(done.returncode, done.stdout, done.stderr)
