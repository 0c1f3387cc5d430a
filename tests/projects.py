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


_DECIDE = ("INSTALLED_APPS", "ROUTER", "AUTH_USER", "AUTO_FIELD")
"""What settings say in the lines that decide which tables there are."""
_tables: dict[tuple[object, ...], bytes] = {}


def migrated(site: Project) -> Project:
    """Make the tables of a project whose own apps have none, and return it.

    What `migrate` made in the SQLite file of one project is copied into the next that would get the same.
    """
    if "DATABASE" in site.settings:
        return _migrate(site)
    lines = [line for line in site.settings.splitlines() if any(word in line for word in _DECIDE)]
    key = ("django_probe.history" in site.apps, *lines)
    file = site.path / "db.sqlite3"
    if key in _tables:
        file.write_bytes(_tables[key])
    else:
        _tables[key] = _migrate(site).path.joinpath(file.name).read_bytes()
    return site


def _migrate(site: Project) -> Project:
    done = site.run("migrate", "--verbosity", "0")
    assert done.code == 0, done.err
    return site


def python(site: Project, code: str, env: dict[str, str] | None = None, *, cold: bool = False) -> Completed:
    """Run a script in a project, with Django set up: what a team's own code does without the command.

    A cold start has imported nothing before that; see tests/warm.py.
    """
    setup = 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"\nimport django\ndjango.setup()\n'
    command = [sys.executable, "-c", setup + dedent(code)]
    start = warm.cold if cold else warm.run
    done = start(command, cwd=site.path, env=site.environment(env))
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())
