"""A gate on a system that others wrote: the project that `wagtail start` makes.

It runs on Python 3.13 and newer alone (so in one of the two test environments), because it takes half a minute: Wagtail
is installed from PyPI into a virtualenv under `.cache/`, which later runs find there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import junitparser
import pytest

__test__ = sys.version_info >= (3, 13)

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("wagtail>=7", "PyYAML>=6", "junit-xml>=1.9")

PROBES = """\
import unittest

from django.test import tag
from wagtail.models import Page
from wagtail.search.backends import get_search_backend

from django_probe.client import Client


class TestSite(unittest.TestCase):
    @tag("pages")
    def test_a_page_is_served(self):
        response = Client().get("/")
        self.assertEqual(response.status_code, 200)
        self.assertIn(b"Wagtail", response.content)

    def test_the_orm_finds_the_root_page(self):
        self.assertEqual(Page.objects.get(depth=1).title, "Root")

    def test_the_search_backend_answers(self):
        found = get_search_backend().search("home", Page)
        self.assertIn("Home", [page.title for page in found])
"""

SETTINGS = """\
from .dev import *
INSTALLED_APPS += ["django_probe", "django_probe.contrib.platform"]
PROBE_POLICY = BASE_DIR / "probe.yaml"
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database.fallback"}}  # needs no index
"""

# What Wagtail's migrations come to. They take a minute to run, and are no part of what is gated here.
EMPTY = """\
from .probed import *


class Nothing(dict):
    def __contains__(self, app):
        return True

    def __missing__(self, app):
        return None


MIGRATION_MODULES = Nothing()
"""
MIGRATED = """
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from home.models import HomePage
from wagtail.models import Locale, Page, Site

call_command("migrate", run_syncdb=True, verbosity=0)
settings.MIGRATION_MODULES = {}
recorder = MigrationRecorder(connection)
recorder.ensure_schema()
for migration in MigrationLoader(connection).disk_migrations:
    recorder.record_applied(*migration)
Locale.objects.create(language_code="en")
root = Page.add_root(instance=Page(title="Root", slug="root"))
home = root.add_child(instance=HomePage(title="Home", slug="home"))
Site.objects.create(hostname="localhost", root_page=home, is_default_site=True)
"""

POLICY = """\
gates:
  deploy:
    parallel: 2
    timeout: 30s
  site:
    probes: [home]
"""


@pytest.fixture(scope="session")
def wagtail():
    """A Python with Wagtail, in a virtualenv of its own; made once, though several test processes may ask for it."""
    folder = ROOT / ".cache" / f"wagtail-{sys.version_info.major}.{sys.version_info.minor}"
    folder.parent.mkdir(exist_ok=True)
    python, stamp = folder / "bin" / "python", folder / "installed"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != f"{sys.version} {PACKAGES}":
            shutil.rmtree(folder, ignore_errors=True)
            bare = [sys.executable, "-m", "venv", "--without-pip", str(folder)]  # the tests' own pip does for it
            subprocess.run(bare, check=True, capture_output=True)
            install = [
                sys.executable,
                "-m",
                "pip",
                "--python",
                str(python),
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-compile",
                *PACKAGES,
            ]
            done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=600)
            if done.returncode:
                pytest.skip(f"Wagtail cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
            stamp.write_text(f"{sys.version} {PACKAGES}")
    return python


class Site:
    """The project of `wagtail start`, with probes."""

    def __init__(self, python, folder):
        self.folder = folder / "shop"
        self.database = self.folder / "db.sqlite3"
        self._python = python
        subprocess.run([str(python.parent / "wagtail"), "start", "shop"], cwd=folder, check=True, capture_output=True)
        (self.folder / "shop" / "settings" / "probed.py").write_text(SETTINGS)
        (self.folder / "home" / "probes.py").write_text(PROBES)
        (self.folder / "probe.yaml").write_text(POLICY)
        (self.folder / "shop" / "settings" / "empty.py").write_text(EMPTY)
        self.manage("shell", "--verbosity", "0", "--command", MIGRATED, settings="empty")

    def manage(self, *arguments, code=0, settings="probed"):
        """Run `manage.py`, which must exit with `code`; give what it wrote on standard error."""
        others = ("PROBE_", "DJANGO_", "PYTHONDONTWRITEBYTECODE")  # what is imported is compiled once, the rest never
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        done = subprocess.run(
            [str(self._python), "manage.py", *arguments],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": f"shop.settings.{settings}"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stderr

    def gate(self, name, *, code):
        """Run a gate, which must end with this exit code; give its cases as a JUnit reader reads them, by name."""
        self.manage("probe", "--gate", name, "--junit", "junit.xml", code=code)
        suites = junitparser.JUnitXml.fromfile(str(self.folder / "junit.xml"))
        return suites, {f"{case.classname}.{case.name}": case for suite in suites for case in suite}


def test_gate__of_a_wagtail_site_opens_and_closes_with_it(wagtail, tmp_path):
    """Ready-made probes and three of the team's pass; then the home page is unpublished, and the gate says which."""
    site = Site(wagtail, tmp_path)

    suites, cases = site.gate("deploy", code=0)

    assert (suites.failures, suites.errors) == (0, 0)
    assert {name for name, case in cases.items() if name.startswith("home.") and case.is_passed} == {
        "home.TestSite.test_a_page_is_served",
        "home.TestSite.test_the_orm_finds_the_root_page",
        "home.TestSite.test_the_search_backend_answers",
    }
    assert sum(name.startswith("probe_platform.") and case.is_passed for name, case in cases.items()) >= 3

    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute("UPDATE wagtailcore_page SET live = 0 WHERE slug = 'home'")

    suites, cases = site.gate("site", code=1)

    assert (suites.tests, suites.failures, suites.errors) == (3, 1, 0)
    (problem,) = cases["home.TestSite.test_a_page_is_served"].result
    assert isinstance(problem, junitparser.Failure)
    assert problem.message == "404 != 200"
    assert cases["home.TestSite.test_the_orm_finds_the_root_page"].is_passed
