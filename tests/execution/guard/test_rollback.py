"""Rollback: what a probe writes is seen by it, and by nobody afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

SQLITE, DIRECT, POOLED = "SQLite", "PostgreSQL", "PostgreSQL through PgBouncer"


@pytest.fixture(params=[SQLITE, DIRECT, POOLED])
def kept(request, project, script):
    """What tells the things that are in the database for good; they begin with none."""
    if request.param == SQLITE:
        path = project.path / "shop.sqlite3"
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE thing (id integer PRIMARY KEY, name text NOT NULL)")
        script.databases(default={"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)})

        def names():
            with closing(sqlite3.connect(path)) as database:
                return [name for (name,) in database.execute("SELECT name FROM thing ORDER BY id")]

        return names
    shop, written = request.getfixturevalue("shop"), request.getfixturevalue("written")
    server = request.getfixturevalue("postgres" if request.param == DIRECT else "bouncer")
    script.databases(default=server.settings(shop, DISABLE_SERVER_SIDE_CURSORS=request.param == POOLED))
    return written


def test_what_a_probe_writes_is_seen_by_it_and_undone(script, kept):
    """However it writes, and whether it ends well or not; commits of atomic blocks are none."""
    told = script(
        """
        def in_atomic():
            with transaction.atomic():
                Thing.objects.create(name="in atomic")

        def durable():
            with transaction.atomic(durable=True):
                insert("durable")
            with transaction.atomic(durable=True):
                insert("durable again")

        def bulk():
            Thing.objects.bulk_create([Thing(name="one"), Thing(name="two")])

        def rolled_back_inside():
            insert("first")
            try:
                with transaction.atomic():
                    insert("second")
                    raise ValueError
            except ValueError:
                insert("third")

        def left_open():
            transaction.atomic().__enter__()
            insert("left open")

        def broken_and_left():
            transaction.atomic().__enter__()
            attempt(sql, "nonsense")

        def marked():
            insert("marked")
            transaction.set_rollback(True)

        def ends_badly():
            insert("bad end")
            raise RuntimeError

        def on_commit():
            transaction.on_commit(lambda: insert("on commit"))
            with transaction.atomic():
                transaction.on_commit(lambda: insert("on commit in atomic"))

        def ddl():
            sql("CREATE TABLE other (id int)")
            sql("INSERT INTO other VALUES (1)")

        def reconnects():
            insert("before close")
            connection.close()
            attempt(insert, "after close")

        def connects_first():
            connection.close()
            connection.connect()
            insert("after connect")

        def autocommit_first():
            told["set_autocommit"] = attempt(connection.set_autocommit, True)
            attempt(insert, "autocommit")

        def commits():
            insert("committed")
            told["commit"] = attempt(transaction.commit)

        def raw():
            connection.ensure_connection()
            connection.connection.execute("INSERT INTO thing (name) VALUES ('raw')")

        def copy_of_the_connection():
            copy = connection.copy()
            with copy.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM thing")
            copy.close()

        before = Thing.objects.count()
        connections.close_all()
        ways = (
            insert, in_atomic, durable, bulk, rolled_back_inside, left_open, broken_and_left, marked,
            ends_badly, on_commit, ddl, reconnects, connects_first, autocommit_first, commits, raw,
            copy_of_the_connection,
        )
        for way in ways:
            try:
                with guard.during(ROLLBACK):
                    try:
                        way()
                    finally:
                        told[way.__name__] = attempt(lambda: Thing.objects.count() - before).get("value")
            except RuntimeError:
                pass
            with guard.during(ROLLBACK):
                told["after " + way.__name__] = Thing.objects.count() - before
        """
    )
    assert told.pop("set_autocommit")["error"] == "TransactionManagementError"
    assert told.pop("commit")["error"] == "TransactionManagementError"
    afterwards = {name: told.pop(name) for name in list(told) if name.startswith("after ")}
    assert set(afterwards.values()) == {0}
    assert not told.pop("broken_and_left")
    assert told == {
        "insert": 1,
        "in_atomic": 1,
        "durable": 2,
        "bulk": 2,
        "rolled_back_inside": 2,
        "left_open": 1,
        "marked": None,
        "ends_badly": 1,
        "on_commit": 0,
        "ddl": 0,
        "reconnects": None,
        "connects_first": 1,
        "autocommit_first": 1,
        "commits": 1,
        "raw": 1,
        "copy_of_the_connection": 0,
    }
    assert kept() == []


def test_a_probe_inside_its_class_sees_what_the_fixture_wrote(script, kept):
    """Each probe's writes are undone at its end, the fixture's at the end of the class."""
    told = script(
        """
        names = lambda: list(Thing.objects.exclude(name__startswith="old").values_list("name", flat=True))
        with guard.during(ROLLBACK):
            insert("fixture")
            open_in_fixture = transaction.atomic()
            open_in_fixture.__enter__()
            insert("fixture, in atomic")
            for number in range(3):
                with guard.during(ROLLBACK):
                    insert(f"probe {number}")
                    told[number] = names()
                    if number == 1:
                        transaction.atomic().__enter__()
                        attempt(sql, "nonsense")
            open_in_fixture.__exit__(None, None, None)
            told["tear-down"] = names()
        with guard.during(ROLLBACK):
            told["next"] = names()
        """
    )
    fixture = ["fixture", "fixture, in atomic"]
    assert told == {
        **{str(number): [*fixture, f"probe {number}"] for number in range(3)},
        "tear-down": fixture,
        "next": [],
    }
    assert kept() == []


def test_a_connection_first_used_inside_a_class_is_undone_with_the_probe(script, kept):
    """What only a probe uses, and not its class's fixture, begins with the probe."""
    told = script(
        """
        with guard.during(ROLLBACK):
            for number in range(2):
                with guard.during(ROLLBACK):
                    before = Thing.objects.count()
                    with transaction.atomic(durable=True):
                        insert()
                    told[number] = Thing.objects.count() - before
                    transaction.atomic().__enter__()  # and never left
            told["tear-down"] = Thing.objects.count() - before
        """
    )
    assert told == {"0": 1, "1": 1, "tear-down": 0}
    assert kept() == []


def test_other_threads_only_read(script, kept):
    """Only the probe's own thread can be rolled back: others, the async ORM's too, are told so."""
    told = script(
        """
        async def async_write():
            try:
                return await Thing.objects.acreate(name="async")
            finally:
                await sync_to_async(connections.close_all)()

        with guard.during(ROLLBACK):
            told["read"] = "value" in in_thread(Thing.objects.count)
            told["thread"] = in_thread(insert)
            told["async"] = attempt(lambda: asyncio.run(async_write()))
        with guard.during(READ_WRITE):
            told["read-write"] = in_thread(insert, "by a thread")
        """
    )
    assert told["read"]
    for way in ("thread", "async"):
        assert told[way]["error"] in ("InternalError", "OperationalError")
        assert "database_access rollback" in told[way]["notes"][0]
        assert 'database_access="read-write"' in told[way]["notes"][0]
    assert "value" in told["read-write"]
    assert kept() == ["by a thread"]


def test_an_async_view_through_the_client_is_undone(script, kept):
    """What Django runs in the probe's own thread, async views included, is in the probe's transaction."""
    script.project.write(
        "site_urls.py",
        """
        from asgiref.sync import sync_to_async
        from django.db import connection
        from django.http import HttpResponse
        from django.urls import path

        def write():
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO thing (name) VALUES ('by a view')")

        async def view(request):
            await sync_to_async(write)()
            return HttpResponse("written")

        urlpatterns = [path("write/", view)]
        """,
    )
    told = script(
        """
        from django.test import Client
        with guard.during(ROLLBACK):
            before = Thing.objects.count()
            told["answer"] = Client(SERVER_NAME="localhost").get("/write/").content.decode()
            told["more"] = Thing.objects.count() - before
        """
    )
    assert told == {"answer": "written", "more": 1}
    assert kept() == []


def test_a_commit_past_django_is_found_out(script, kept):
    """A probe that ends the transaction in SQL has an error that says what that means."""
    told = script(
        """
        def commit():
            with guard.during(ROLLBACK):
                insert("committed past Django")
                sql("COMMIT")

        def commit_in_class():
            with guard.during(ROLLBACK):
                with guard.during(ROLLBACK):
                    insert("committed in a class")
                    sql("COMMIT")

        told["commit"] = attempt(commit)
        told["in class"] = attempt(commit_in_class)
        with guard.during(ROLLBACK):
            insert("next probe")
        """
    )
    for end in told.values():
        assert end["error"] == "GuardError"
        assert "database default: the transaction that was to be rolled back was ended by the probe" in end["message"]
    assert kept() == ["committed past Django", "committed in a class"]


def test_a_transaction_ended_on_the_quiet_is_found_out(script, kept):
    """However a commit is hidden, by closing the connection last or by connecting anew, the probe errs."""
    told = script(
        """
        raw = lambda: (connection.ensure_connection(), connection.connection)[1]
        write = lambda name: raw().execute(f"INSERT INTO thing (name) VALUES ('{name}')")

        def driver_commits():
            insert("driver commits")
            raw().commit()
            connection.close()

        def driver_commits_and_closes():
            insert("driver commits and closes")
            raw().commit()
            raw().close()

        def sql_commits():
            insert("sql commits")
            sql("COMMIT")
            connection.close()

        def script_commits():
            insert("script commits")
            raw().execute("COMMIT")
            connection.close()
            connection.connect()
            Thing.objects.count()

        def driver_out_of_transaction():
            raw().rollback()
            if connection.vendor == "postgresql":  # sqlite3 is so already, past Django
                raw().autocommit = True
            write("driver out of transaction")
            connection.close()

        def replaced():
            insert("replaced")
            first = raw()
            first.commit()
            connection.connection = None
            connection.connect()
            first.close()

        def of_a_copy():
            copy = connection.copy()
            with copy.cursor() as cursor:
                cursor.execute("INSERT INTO thing (name) VALUES ('of a copy')")
            copy.connection.commit()
            copy.close()

        def context_of_the_driver():
            with raw():
                write("context of the driver")

        ways = (
            driver_commits, driver_commits_and_closes, sql_commits, script_commits, driver_out_of_transaction,
            replaced, of_a_copy, context_of_the_driver,
        )
        def run(way):
            with guard.during(ROLLBACK):
                way()
        def run_in_class(way):
            with guard.during(ROLLBACK):
                try:
                    run(way)
                except GuardError as error:
                    raise GuardError("inner " + str(error))  # and not at the end of the class
        for way in ways:
            for runs in (run, run_in_class):
                told[f"{way.__name__} {runs.__name__}"] = attempt(runs, way)
                with guard.during(ROLLBACK):
                    insert("next probe")
        """
    )
    assert {name: end for name, end in told.items() if end.get("error") != "GuardError"} == {}
    assert all("what it wrote may have stayed" in end["message"] for end in told.values())
    assert all(end["message"].startswith("inner ") for name, end in told.items() if name.endswith("class"))
    names = {name.rsplit(" ", 1)[0].replace("_", " ") for name in told}
    assert sorted(kept()) == sorted(2 * [*names])


def test_a_connection_closed_in_its_transaction_is_no_error(script, kept):
    """Django's ways to close a connection, a fork that closes its copy, a server that ends it: nothing stays."""
    told = script(
        """
        import os
        from django.db import close_old_connections

        def forks():
            if os.fork() == 0:
                connections.close_all()
                os._exit(0)
            os.wait()

        def twice():
            connection.close()
            connection.close()

        def after_an_error():
            attempt(sql, "nonsense")
            connection.close()

        def terminated():
            attempt(sql, "SELECT pg_terminate_backend(pg_backend_pid())")
            connection.close()

        def in_atomic():
            with transaction.atomic():
                connection.close()

        ways = (close_old_connections, connections.close_all, connection.close, twice, after_an_error)
        for way in (*ways, forks, terminated, in_atomic):
            with guard.during(ROLLBACK):
                insert("in its transaction")
                way()
            with guard.during(ROLLBACK), guard.during(ROLLBACK):
                insert("in its transaction")
                way()
            told[way.__name__] = "no error"
        """
    )
    assert set(told.values()) == {"no error"}
    assert kept() == []


def test_a_prepared_transaction_is_found_out(script, postgres, shop):
    """One half of a two-phase commit takes what was written out of the rollback's reach."""
    script.databases(default=postgres.settings(shop))
    told = script(
        """
        def prepare():
            with guard.during(ROLLBACK):
                insert("prepared")
                sql("PREPARE TRANSACTION 'mine'")
                connection.close()

        told["prepare"] = attempt(prepare)
        guard.close()
        sql("ROLLBACK PREPARED 'mine'")
        """
    )
    assert told["prepare"]["error"] == "GuardError"


def test_a_database_that_is_down_fails_only_the_probe_that_uses_it(script):
    """No access connects to a database before the probe does."""
    down = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": "1",
        "NAME": "shop",
        "USER": "x",
    }
    up = script.project.path / "up.sqlite3"
    up.touch()
    script.databases(
        default={"ENGINE": "django.db.backends.sqlite3", "NAME": str(up)},
        down=down,
    )
    told = script(
        """
        for access in DatabaseAccess:
            with guard.during(access):
                told[access] = [attempt(sql, "SELECT 1"), attempt(sql, "SELECT 1", alias="down")["error"]]
        """
    )
    assert told == {
        access: [{"value": [[1]]}, "OperationalError"] for access in ("read-only", "rollback", "read-write")
    }


def test_a_database_without_transactions_cannot_be_rolled_back(script):
    """A backend that has no transactions, or does not say, is an error of the probe that uses it."""
    script.project.write("bare/__init__.py", "")
    script.project.write(
        "bare/base.py",
        """
        from django.db.backends.base.features import BaseDatabaseFeatures
        from django.db.backends.sqlite3 import base
        from django.db.backends.sqlite3.features import DatabaseFeatures

        class Features(DatabaseFeatures):
            supports_transactions = BaseDatabaseFeatures.supports_transactions  # asks by creating a table

        class DatabaseWrapper(base.DatabaseWrapper):
            display_name = "Bare"
            features_class = Features
        """,
    )
    path = script.project.path / "bare.sqlite3"
    path.touch()
    script.databases(default={"ENGINE": "bare", "NAME": str(path)})
    told = script(
        """
        with guard.during(ROLLBACK):
            told["table"] = attempt(sql, "CREATE TABLE other (id int)")
        with guard.during(READ_WRITE):
            told["tables"] = connection.introspection.table_names()
        """
    )
    assert told["table"]["error"] == "GuardError"
    assert 'database "default": Bare does not say that it has transactions' in told["table"]["message"]
    assert told["tables"] == []


def test_a_wrapper_of_the_projects_writes_nothing_while_its_connection_is_made(script, kept):
    """What it executes by the driver is undone too, though Django's own statements to begin with are not watched."""
    told = script(
        """
        def write_first(execute, query, params, many, context):
            context["cursor"].cursor.execute("INSERT INTO thing (name) VALUES ('wrapper')")
            return execute(query, params, many, context)

        with guard.during(ROLLBACK), connection.execute_wrapper(write_first):
            told["names"] = [each.name for each in Thing.objects.filter(name="wrapper")]
        told["wrappers"] = len(connection.execute_wrappers)
        guard.close()
        told["afterwards"] = len(connection.execute_wrappers)
        """
    )
    assert told == {"names": ["wrapper"], "wrappers": 1, "afterwards": 0}
    assert kept() == []


def test_a_wrapper_of_the_projects_that_comes_with_each_connection_is_there_once(script, kept):
    """A receiver of `connection_created` that looks whether its own is there finds it at the next connection too."""
    told = script(
        """
        from django.db.backends.signals import connection_created

        def tag(execute, *rest):
            return execute(*rest)

        def tags(connection, **_):
            if tag not in connection.execute_wrappers:
                connection.execute_wrappers.append(tag)

        connection_created.connect(tags)
        for _ in range(3):
            with guard.during(ROLLBACK):
                insert("tagged")
        told["wrappers"] = connection.execute_wrappers.count(tag)
        """
    )
    assert told == {"wrappers": 1}
    assert kept() == []
