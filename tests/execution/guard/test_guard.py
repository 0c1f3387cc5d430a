"""The guard as its caller sees it: what it costs, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import re

import pytest

from tests.execution.guard.test_backends import ODD


@pytest.fixture
def held(script, postgres, shop):
    """A script whose project has a PostgreSQL."""
    script.databases(default=postgres.settings(shop))
    return script


def test_a_probe_that_uses_no_database_connects_to_none(held):
    """Whatever it may do, a block without a statement opens no connection."""
    told = held(
        """
        for access in DatabaseAccess:
            with guard.during(access):
                told[access] = [connection.connection is None]
            told[access].append(connection.connection is None)
        """
    )
    assert told == {"read-only": [True, True], "rollback": [True, True], "read-write": [True, True]}


def test_a_read_only_query_sends_all_of_its_transaction_at_once(held, tmp_path):
    """What goes over the wire is the query in a transaction of its own, which is asked before its COMMIT."""
    told = held(
        f"""
        for access in (READ_WRITE, READ_ONLY):
            with guard.during(access), open({str(tmp_path)!r} + f"/{{access}}", "w+") as trace:
                Thing.objects.filter(id=1).exists()
                connection.connection.pgconn.trace(trace.fileno())
                Thing.objects.filter(id=1).exists()
                connection.connection.pgconn.untrace()
                trace.seek(0)
                told[access] = trace.read()
        """
    )
    sent = {
        access: re.findall(r'\tF\t\d+\t(?:(?:Query|Parse)\t.*?"(\w+)|(Sync))', trace) for access, trace in told.items()
    }
    assert sent == {
        "read-write": [("SELECT", "")],
        "read-only": [("BEGIN", ""), ("SELECT", ""), ("SELECT", ""), ("COMMIT", ""), ("", "Sync")],
    }


def test_an_access_may_be_a_text_and_holds_as_much(held):
    """What is none of the three names is an error before anything could be written."""
    told = held(
        """
        def inside(access):
            with guard.during(access):
                return insert("inside")

        for access in ("read-only", "rollback", "nonsense"):
            told[access] = attempt(inside, access).get("error")
        told["left"] = Thing.objects.filter(name="inside").count()
        """
    )
    assert told == {"read-only": "InternalError", "rollback": None, "nonsense": "ValueError", "left": 0}


def test_fixtures_and_probes_of_different_access_do_not_mix(held):
    """Inside a block another access is an error that says what to decorate; the outer one goes on."""
    told = held(
        """
        def inside(access):
            with guard.during(access):
                insert("inside")

        for outer in DatabaseAccess:
            for inner in DatabaseAccess:
                with guard.during(outer):
                    told[f"{outer} {inner}"] = attempt(inside, inner).get("error")
                    told[f"{outer} {inner}, then"] = attempt(Thing.objects.count).get("value", "") >= 300
        """
    )
    assert all(told[key] for key in told if key.endswith("then"))
    mixed = {key: end for key, end in told.items() if not key.endswith("then")}
    assert mixed.pop("read-only read-only") == "InternalError"
    assert mixed.pop("rollback rollback") is mixed.pop("read-write read-write") is None
    assert set(mixed.values()) == {"GuardError"}


def test_what_a_probe_leaves_open_is_rolled_back(held, written):
    """An open transaction, autocommit switched off, a lost atomic block: the next probe begins afresh."""
    told = held(
        """
        def autocommit_off():
            transaction.set_autocommit(False)
            insert("left uncommitted")

        def atomic():
            transaction.atomic().__enter__()
            insert("left in atomic")

        def closed_in_atomic():
            transaction.atomic().__enter__()
            insert("closed in atomic")
            connection.close()

        def raw():
            connection.ensure_connection()
            connection.connection.autocommit = False
            connection.connection.execute("INSERT INTO thing (name) VALUES ('left raw')")

        def raw_closed():
            connection.ensure_connection()
            connection.connection.close()

        for leave in (autocommit_off, atomic, closed_in_atomic, raw, raw_closed):
            with guard.during(READ_WRITE):
                leave()
            with guard.during(READ_WRITE):
                told[leave.__name__] = [connection.get_autocommit(), connection.in_atomic_block]
                insert("after " + leave.__name__)
        """
    )
    assert set(map(tuple, told.values())) == {(True, False)}
    assert written() == [
        "after autocommit_off",
        "after atomic",
        "after closed_in_atomic",
        "after raw",
        "after raw_closed",
    ]


def test_close_leaves_the_process_as_it_was(held, written):
    """After close() no method of Django's is ours, nothing is open, and code that goes on may write."""
    told = held(
        """
        from django.db.backends.base.base import BaseDatabaseWrapper
        from django.db.backends.postgresql.base import DatabaseWrapper
        names = ("connect", "ensure_connection", "set_autocommit", "on_commit", "_close")
        classes = (BaseDatabaseWrapper, DatabaseWrapper)
        methods = lambda: [getattr(cls, name) for cls in classes for name in names]
        before = methods()
        guard.close()  # nothing was held yet
        insert("before")
        for access in DatabaseAccess:
            with guard.during(access):
                Thing.objects.count()
                during = methods()
            guard.close()
            told[access] = [before == methods(), before == during, connection.connection is None]
            insert("after " + access)
        connection.ensure_connection()
        told["autocommit"] = connection.connection.autocommit
        told["class"] = type(connection.connection).__name__
        """
    )
    assert told.pop("autocommit")
    assert told.pop("class") == "Connection"
    assert set(map(tuple, told.values())) == {(True, False, True)}
    assert written() == ["before", "after read-only", "after rollback", "after read-write"]


def test_a_backend_with_methods_of_its_own_is_held_too(held, postgres, shop, written):
    """A backend that overrides how Django connects, with its base's method or without, is no way round."""
    held.project.write("own/__init__.py", "")
    held.project.write(
        "own/base.py",
        """
        from django.db.backends.postgresql import base

        class DatabaseWrapper(base.DatabaseWrapper):
            def connect(self):
                super().connect()
                with self.cursor() as cursor:
                    cursor.execute("SET statement_timeout = '11111ms'")

            def ensure_connection(self):
                if self.connection is None:
                    self.connect()
        """,
    )
    held.databases(default={**postgres.settings(shop), "ENGINE": "own"})
    told = held(
        """
        with guard.during(READ_ONLY):
            told["read-only"] = attempt(insert)
            told["timeout"] = sql("SHOW statement_timeout")
        with guard.during(ROLLBACK):
            insert("rollback")
            told["rollback"] = Thing.objects.count()
        """
    )
    assert told["read-only"]["error"] == "InternalError"
    assert told["timeout"] == [["11111ms"]]
    assert told["rollback"] == 301
    assert written() == []


SHOP_PROBES = """
    import unittest
    from django.db import connection
    from django_probe import probe

    def execute(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def count():
        return execute("SELECT count(*) FROM thing")[0][0]

    class TestReadOnly(unittest.TestCase):
        def test_read(self):
            self.assertEqual(count(), 300)

        def test_write(self):
            execute("INSERT INTO thing (name) VALUES ('refused')")

        def test_write_is_caught(self):
            with self.assertRaises(Exception):
                execute("INSERT INTO thing (name) VALUES ('refused')")
            self.assertEqual(count(), 300)

    @probe(database_access="rollback")
    class TestRollback(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            execute("INSERT INTO thing (name) VALUES ('by the class')")

        def test_first(self):
            execute("INSERT INTO thing (name) VALUES ('by a probe')")
            self.assertEqual(count(), 302)

        def test_second(self):
            execute("INSERT INTO thing (name) VALUES ('by another probe')")
            self.assertEqual(count(), 302)

    class TestCommit(unittest.TestCase):
        @probe(database_access="rollback")
        def test_commit(self):
            execute("COMMIT")
    """


@pytest.mark.parametrize("workers", ["0", "1", "3"])
def test_a_gate_holds_its_probes(project, postgres, shop, written, workers):
    """Through the command, with workers or without: what was refused, and how to allow it, is in the record."""
    project.app("shop", SHOP_PROBES)
    project.configure(f"DATABASES = {{'default': {postgres.settings(shop)!r}}}\n")
    done, record = project.record("--parallel", workers)
    results = {result["label"].removeprefix("shop."): result for result in record["results"]}
    assert {label: result["outcome"] for label, result in results.items()} == {
        "TestReadOnly.test_read": "passed",
        "TestReadOnly.test_write": "error",
        "TestReadOnly.test_write_is_caught": "error",
        "TestRollback.test_first": "passed",
        "TestRollback.test_second": "passed",
        "TestCommit.test_commit": "error",
    }, done.err
    hidden = results["TestReadOnly.test_write_is_caught"]["message"]
    assert hidden.startswith("code hid the error of a refused write: django-probe refused this write")
    refused = results["TestReadOnly.test_write"]["details"]
    assert "cannot execute INSERT in a read-only transaction" in refused
    assert "django-probe refused this write" in refused
    assert '@probe(database_access="rollback")' in refused
    assert "the transaction that was to be rolled back was ended" in results["TestCommit.test_commit"]["details"]
    assert done.code == 1
    assert written() == []


def test_a_gate_says_before_it_runs_what_it_cannot_hold(project):
    """A database that read-only does not know: exit 2, one line with the ways out, and nothing ran."""
    project.app("shop", SHOP_PROBES)
    project.write("odd/__init__.py", "")
    project.write("odd/base.py", ODD)
    project.configure("DATABASES['reports'] = {'ENGINE': 'odd', 'NAME': 'reports'}\n")
    done = project.probe("shop.TestReadOnly.test_read")
    assert done.code == 2
    assert 'database "reports"' in done.err
    assert "choose rollback or read-write with --database-access or in the gate" in done.err
    assert "test_read" not in done.err


def test_a_database_file_that_does_not_exist_is_not_created(project):
    """To open it would make an empty one, of which the next probe would say that it answers."""
    project.app(
        "shop",
        """
        import unittest
        from django.db import connection
        from django_probe import probe

        class TestFile(unittest.TestCase):
            def test_read_only(self):
                connection.ensure_connection()

            @probe(database_access="rollback")
            def test_rollback(self):
                connection.ensure_connection()
        """,
    )

    done, record = project.record()

    assert done.code == 1
    for result in record["results"]:
        assert result["outcome"] == "error"
        assert "does not exist, and a probe may not create it" in result["message"]
    assert not (project.path / "db.sqlite3").exists()


HIDDEN = """
from contextlib import suppress
from django.contrib.auth.models import Group
from django.db import connection
import unittest

def audit(action):
    with suppress(Exception):
        action()

class TestHidden(unittest.TestCase):
    def test_orm(self):
        audit(lambda: Group.objects.create(name="audit"))

    def test_driver(self):
        connection.ensure_connection()
        audit(lambda: connection.connection.execute("DELETE FROM auth_group"))
"""


@pytest.mark.parametrize("database", ["PostgreSQL", "SQLite"])
def test_a_hidden_write_is_named_with_the_way_to_it(project, request, database):
    """The statement's first words and the project's own frames are in the record, none of a library's."""
    project.app("shop", HIDDEN)
    if database == "PostgreSQL":
        settings = request.getfixturevalue("postgres").settings(request.getfixturevalue("shop"))
        project.configure(f"DATABASES = {{'default': {settings!r}}}\n")
    project.run("migrate")
    _, record = project.record()
    results = {result["label"].rpartition(".")[2]: result for result in record["results"]}
    seen = ["test_orm", "test_driver"] if database == "PostgreSQL" else ["test_orm"]  # SQLite's driver cannot tell
    for name, began in zip(seen, ("INSERT INTO", "DELETE FROM"), strict=False):
        result = results[name]
        assert result["message"].startswith("code hid the error of a refused write: django-probe refused this write")
        assert f"(the statement began: {began}" in result["message"]
        assert "probes.py" in result["details"]
        assert "in audit" in result["details"]
        assert f"in {name}" in result["details"]
        assert "site-packages" not in result["details"]


def test_no_thread_writes_while_its_worker_ends(project, postgres, shop, written):
    """A thread that a probe left tries until its process is gone, and is refused until then."""
    project.app(
        "shop",
        """
        import threading, unittest
        from contextlib import suppress
        from django.db import connection

        def write():
            while True:
                with suppress(Exception), connection.cursor() as cursor:
                    cursor.execute("INSERT INTO thing (name) VALUES ('by a thread')")

        class TestThread(unittest.TestCase):
            def test_leaves_threads(self):
                for _ in range(4):
                    threading.Thread(target=write, daemon=True).start()
        """,
    )
    project.configure(f"DATABASES = {{'default': {postgres.settings(shop)!r}}}\n")
    for workers in ("1", "1", "0", "0"):
        project.probe("--parallel", workers)
    assert written() == []
