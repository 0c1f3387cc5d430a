"""The URLconf is loaded once, before any probe's time begins, and closes the gate only where it hangs or kills."""

from __future__ import annotations

import pytest

from tests.execution.running import outcomes

CLIENT = """
import unittest
from django.test import Client

class TestClient(unittest.TestCase):
    def test_a(self): self.assertEqual(Client().get("/").status_code, 200)
    def test_b(self): self.assertEqual(Client().get("/").status_code, 200)

class TestElse(unittest.TestCase):
    def test_c(self): pass
"""
URLS = """
from pathlib import Path
with Path("loaded").open("a") as file: file.write("x")
{first}
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("ok"))]
"""


@pytest.mark.parametrize("options", [(), ("--parallel", "3", "--retries", "1")])
def test_run__the_urlconf_is_loaded_once(project, options):
    """Not by each worker, and not in the time of the first probe that asks for a page."""
    project.app("shop", CLIENT)
    project.write("site_urls.py", URLS.format(first="import time; time.sleep(1.5)"))

    done, record = project.record(*options, "--timeout", "1s")

    assert done.code == 0, done.err
    assert set(outcomes(record).values()) == {"passed"}
    assert (project.path / "loaded").read_text() == "x"


@pytest.mark.parametrize("first", ["1 / 0", "import sys; sys.exit(3)", "import no_such_module"])
def test_run__a_urlconf_that_does_not_import_is_an_error_of_the_probes_that_need_it(project, first):
    """The gate may have probes that ask for no page; those that do say what is wrong."""
    project.app("shop", CLIENT)
    project.write("site_urls.py", URLS.format(first=first))

    done, record = project.record()

    assert done.code == 1
    assert outcomes(record) == {"test_a": "error", "test_b": "error", "test_c": "passed"}
    assert "warning: the URLconf site_urls does not import (" in done.err


@pytest.mark.parametrize("urlconf", ["", "ROOT_URLCONF = None", "del ROOT_URLCONF"])
def test_run__a_project_without_a_urlconf_has_none_to_load(project, urlconf):
    """Nothing is asked of it."""
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
    project.configure(urlconf)

    assert project.probe().code == 0


def test_run__a_urlconf_that_ends_the_process_closes_the_gate_and_is_named(project):
    """Nobody would be left to fork workers."""
    project.app("shop", CLIENT)
    project.write("site_urls.py", URLS.format(first="import os; os._exit(0)"))

    done, record = project.record()

    assert done.code == 1
    (result,) = record["results"]
    assert (result["label"], result["outcome"]) == ("urlconf", "error")
    assert result["message"] == "importing the URLconf site_urls ended the process: it exited with status 0"


def test_run__a_urlconf_that_hangs_closes_the_gate_and_is_named(project):
    """It has the time of an import, and every worker would hang in it; the stack says where it is."""
    project.app("shop", CLIENT)
    project.write("site_urls.py", URLS.format(first="import time; time.sleep(600)"))

    done, record = project.record("--timeout", "1s")

    assert done.code == 1
    (result,) = record["results"]
    assert result["message"] == "importing the URLconf site_urls did not end within 10 s"
    assert "site_urls.py" in result["details"]


def test_run__where_nothing_is_to_run_no_urlconf_is_loaded(project):
    """What was judged while loading needs no pages."""
    project.app("shop", "1 / 0\n")
    project.write("site_urls.py", URLS.format(first=""))

    assert project.probe().code == 1
    assert not (project.path / "loaded").exists()
