"""Loading is guarded: whatever runs while probes are imported reads only."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from textwrap import dedent

import pytest

CREATE = "connection.cursor().execute(\"INSERT INTO thing (name) VALUES ('{}')\")"

WRITERS = {
    "module": """
        WRITTEN = write("module")
    """,
    "body": """
        class TestBody(unittest.TestCase):
            WRITTEN = write("body")
            def test_it(self):
                pass
    """,
    "skip": """
        @unittest.skipUnless(write("skip"), "nothing was written")
        class TestSkip(unittest.TestCase):
            def test_it(self):
                pass
    """,
    "load": """
        def load_tests(loader, tests, pattern):
            write("load_tests")
            return tests
    """,
    "suites": """
        def suite():
            write("suite")
            return unittest.TestSuite()
    """,
    "init": """
        class TestInit(unittest.TestCase):
            def __init__(self, *args):
                super().__init__(*args)
                write("init")
            def test_it(self):
                pass
    """,
    "thread": """
        import threading
        def run():
            try:
                write("thread")
            except Exception as error:
                print("the thread was told:", type(error).__name__)
        THREAD = threading.Thread(target=run)
        THREAD.start()
        class TestThread(unittest.TestCase):
            def test_it(self):
                THREAD.join()
    """,
    "reads": """
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM thing")
            NAMES = cursor.fetchall()
        class TestReads(unittest.TestCase):
            def test_it(self):
                self.assertEqual(NAMES[0][0], "old 1")
    """,
}

HEAD = """
import unittest
from django.db import connection

def write(name):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO thing (name) VALUES (%s)", [name])
    return True

"""


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("        ") for line in text.splitlines())


@pytest.fixture(params=["PostgreSQL", "SQLite"])
def writers(request, project):
    """A project each of whose probe modules writes while it is imported; gives what tells what is written."""
    for name, text in WRITERS.items():
        project.app(name, HEAD + _dedented(text))
    if request.param == "PostgreSQL":
        postgres, shop = request.getfixturevalue("postgres"), request.getfixturevalue("shop")
        project.configure(f"DATABASES = {{'default': {postgres.settings(shop)!r}}}\n")
        return request.getfixturevalue("written")
    with closing(sqlite3.connect(project.path / "db.sqlite3")) as database:
        database.execute("CREATE TABLE thing (id integer PRIMARY KEY, name text NOT NULL)")
        database.execute("INSERT INTO thing (name) VALUES ('old 1')")
        database.commit()

    def things():
        with closing(sqlite3.connect(project.path / "db.sqlite3")) as database:
            return [name for (name,) in database.execute("SELECT name FROM thing WHERE name NOT LIKE 'old%'")]

    return things


@pytest.mark.parametrize(
    "command",
    [
        ["probe"],
        ["probe", "--list"],
        ["probe", "--parallel", "0"],
        ["probe", "--parallel", "0", "--list"],
        ["probe", "--database-access", "rollback"],
        ["check", "--deploy", "--tag", "probes"],
    ],
    ids=" ".join,
)
def test_nothing_is_written_while_probes_are_loaded(project, writers, command):
    """Module code, class bodies, decorators, load_tests, suite, `__init__` and threads are refused their writes."""
    done = project.run(*command)
    assert writers() == []
    assert done.code in (0, 1), done.err
    if command[0] == "probe" and "--list" not in command:
        assert "while probes are imported, databases are read-only" in done.err


def test_a_refused_write_is_the_import_error_of_its_module(project, writers):
    """The other modules' probes run, and the error says which write it was."""
    done, record = project.record()
    outcomes = {result["label"]: result["outcome"] for result in record["results"]}
    assert done.code == 1
    assert outcomes["reads.TestReads.test_it"] == "passed", done.err
    assert outcomes["thread.TestThread.test_it"] == "passed", done.err
    (broken,) = [result for result in record["results"] if result["label"].startswith("module")]
    assert "(the statement began: INSERT INTO thing)" in broken["details"]
    assert writers() == []


HIDERS = {
    "hides": """
        try:
            write("module")
        except Exception:
            WRITTEN = None
    """,
    "skips": """
        try:
            write("module")
        except Exception:
            raise unittest.SkipTest("no shop")
    """,
    "chooses": """
        import contextlib
        def load_tests(loader, tests, pattern):
            with contextlib.suppress(Exception):
                write("load_tests")
            return tests
    """,
    "clean": "",
}
PROBE = "\n\nclass TestIt(unittest.TestCase):\n    def test_it(self): pass\n"


@pytest.mark.parametrize("options", [[], ["--parallel", "0"], ["--isolation", "process"]], ids=" ".join)
def test_a_refused_write_that_is_hidden_is_the_error_of_its_module(project, writers, options):
    """Module code, a module that then skips itself, and load_tests; the modules beside it run."""
    for name, text in HIDERS.items():
        project.app(name, HEAD + dedent(text) + PROBE)

    done, record = project.record(*HIDERS, *options)

    assert done.code == 1
    found = {result["label"]: result for result in record["results"]}
    assert found.keys() == {"hides", "skips", "chooses", "clean.TestIt.test_it"}
    assert found["clean.TestIt.test_it"]["outcome"] == "passed"
    for name in ("hides", "skips", "chooses"):
        assert found[name]["outcome"] == "error"
        assert found[name]["message"].startswith(f"{name}.probes: code hid the error of a refused write: ")
        assert "(the statement began: INSERT INTO thing)" in found[name]["message"]
        assert f"{name}/probes.py" in found[name]["details"]
    assert writers() == []


def test_a_write_that_read_write_allows_is_no_error_of_its_module(project, writers):
    """What nobody refused, nobody hid."""
    project.app("hides", HEAD + dedent(HIDERS["hides"]) + PROBE)

    assert project.probe("hides", "--database-access", "read-write").code == 0
    assert writers() == ["module"]


def test_read_write_holds_nothing_while_loading(project, writers):
    """Where the run may write, loading may too."""
    project.probe("module", "--database-access", "read-write", "--list")
    assert writers() == ["module"]
