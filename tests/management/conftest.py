"""A project for the command, with an app for each way that a run can go."""

from __future__ import annotations

import pytest

from tests.projects import new_project

PASSES = "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n"
TALKS = """\
import os, unittest
print("printed while importing")
os.system("echo echoed while importing")
class TestA(unittest.TestCase):
    def test_a(self):
        print("printed by a probe")
        os.system("echo echoed by a probe; echo echoed by a probe >&2")
    def test_fails(self):
        print("printed by a probe that fails")
        self.fail("no")
"""
SLEEPS = """\
import time, unittest
from pathlib import Path
class TestA(unittest.TestCase):
    def test_a(self):
        Path("it-runs").touch()
        time.sleep(30)
    def test_b(self): pass
"""
REMOVES = """\
import os, shutil, unittest
class TestA(unittest.TestCase):
    def test_a(self): shutil.rmtree(os.environ["REPORTS"])
    def test_b(self): self.assertIsNone(os.environ.get("FAIL"))
"""
SLOW = """\
import time, unittest
class TestA(unittest.TestCase):
    def test_a(self): pass
    def test_slow(self): time.sleep(0.4)
    def test_slower(self): time.sleep(0.5)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project with an app for each way that a run can go, and system checks that fail."""
    made = new_project(tmp_path_factory.mktemp("command"))
    made.app("fine", PASSES)
    made.app("fails", PASSES.replace("pass", "self.fail('the till is empty')"))
    made.app("skips", PASSES.replace("pass", "self.skipTest('not here')"))
    made.app("talks", TALKS)
    made.app("sleeps", SLEEPS)
    made.app("removes", REMOVES)
    made.app("slow", SLOW)
    made.app("accented", PASSES.replace("TestA", "TestCafé"))
    made.app("without")
    made.write(
        "fine/apps.py",
        """\
        from django.apps import AppConfig
        from django.core.checks import Error, register
        class Fine(AppConfig):
            name = "fine"
            def ready(self):
                register(lambda **_: [Error("this system is misconfigured", id="fine.E001")], "fine")
        """,
    )
    return made
