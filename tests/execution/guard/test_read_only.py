"""Read-only on SQLite."""

from __future__ import annotations

import pytest


def test_every_write_to_sqlite_is_refused(script, files):
    """ORM, raw cursors, transactions, threads, every alias: refused; what reads goes on."""
    told = script(
        """
        def in_atomic():
            with transaction.atomic(), transaction.atomic():
                insert()

        def raw_cursor():
            with connection.cursor() as cursor:
                cursor.cursor.execute("INSERT INTO thing (name) VALUES ('raw')")

        def executescript():
            with connection.cursor() as cursor:
                cursor.executescript("BEGIN; INSERT INTO thing (name) VALUES ('script'); COMMIT;")

        def by_driver():
            connection.ensure_connection()
            connection.connection.execute("PRAGMA 'query_only' = 0")
            connection.connection.execute("INSERT INTO thing (name) VALUES ('by the driver')")

        def off_in_a_script():
            with connection.cursor() as cursor:
                cursor.executescript("SELECT 1; PRAGMA query_only = 0; INSERT INTO thing (name) VALUES ('script')")

        def after_reconnect():
            connection.close()
            insert()

        def with_schema_editor():
            with connection.schema_editor() as editor:
                editor.add_field(Thing, models.IntegerField(default=1, name="more"))

        ways = {
            "create": lambda: Thing.objects.create(name="orm"),
            "update": lambda: Thing.objects.update(name="orm"),
            "insert": insert,
            "atomic": in_atomic,
            "second alias": lambda: insert(alias="second"),
            "second alias, orm": lambda: Thing.objects.using("second").create(name="orm"),
            "raw cursor": raw_cursor,
            "executescript": executescript,
            "after reconnect": after_reconnect,
            "schema editor": with_schema_editor,
            "create table": lambda: sql("CREATE TABLE other (id int)"),
            "temporary": lambda: sql("CREATE TEMPORARY TABLE other (id int)"),
            "drop": lambda: sql("DROP TABLE thing"),
            "vacuum": lambda: sql("VACUUM"),
            "user_version": lambda: sql("PRAGMA user_version = 7"),
            "switched off": lambda: sql("PRAGMA query_only = 0"),
            "switched off in a schema": lambda: sql("PRAGMA main . query_only = 0"),
            "switched off in quotes": lambda: sql('/* app */ PRAGMA "main"."query_only"(0)'),
            "switched off in a text": lambda: sql("PRAGMA 'query_only'=0"),
            "switched off in brackets": lambda: sql("PRAGMA [query_only] = 0"),
            "switched off in backticks": lambda: sql("PRAGMA main.`query_only` = off"),
            "switched off while explaining": lambda: sql("EXPLAIN PRAGMA query_only=0"),
            "switched off by the driver": by_driver,
            "switched off in a script": off_in_a_script,
            "journal": lambda: sql("PRAGMA journal_mode = wal"),
            "attach": lambda: sql("ATTACH 'new.sqlite3' AS other"),
            "attach a URI": lambda: sql("ATTACH 'file:new.sqlite3?mode=rwc' AS other"),
            "attach a parameter": lambda: sql("ATTACH %s AS other", "new.sqlite3"),
            "vacuum into": lambda: sql("VACUUM INTO 'new.sqlite3'"),
            "a new connection": lambda: connection.get_new_connection(connection.get_connection_params()),
            "write in atomic": lambda: in_thread(in_atomic)["missing"],
        }
        for name, way in ways.items():
            with guard.during(READ_ONLY):
                told[name] = attempt(way)
            with guard.during(READ_ONLY):
                told["in a thread: " + name] = in_thread(way)
        with guard.during(READ_ONLY):
            told["count"] = [Thing.objects.using(alias).count() for alias in connections]
        """
    )
    assert told.pop("count") == [1, 1]
    assert {name: end for name, end in told.items() if "error" not in end} == {}
    assert "(the statement began: INSERT INTO thing)" in told["insert"]["notes"][0]
    assert 'mark it with @probe(database_access="rollback")' in told["insert"]["notes"][0]
    assert files("first") == files("second") == ["old"]
    assert not (script.project.path / "new.sqlite3").exists()


def test_sqlite_writes_again_when_the_access_allows(script, files):
    """Query-only goes with the access, in threads that stay too."""
    told = script(
        """
        with guard.during(READ_WRITE):
            insert("read-write")
        with guard.during(READ_ONLY):
            told["refused"] = attempt(insert)
        with guard.during(READ_WRITE):
            insert("read-write again")
        with guard.during(READ_ONLY):
            told["again"] = attempt(insert)
        guard.close()
        insert("after the guard")
        told["wrappers"] = len(connection.execute_wrappers)
        """
    )
    assert told["refused"]["error"] == told["again"]["error"] == "OperationalError"
    assert told["wrappers"] == 0
    assert files() == ["old", "read-write", "read-write again", "after the guard"]


def test_transactions_that_begin_with_a_write_lock_only_read(script, files):
    """With transaction_mode IMMEDIATE atomic blocks work under read-only, and are as configured afterwards."""
    script.project.configure("DATABASES['default']['OPTIONS'] = {'transaction_mode': 'immediate'}\n")
    told = script(
        """
        def in_atomic(action):
            begun = []
            connection.ensure_connection()
            connection.connection.set_trace_callback(begun.append)
            with transaction.atomic():
                return [begun[0], action()]

        for access in (READ_ONLY, READ_WRITE):
            with guard.during(access):
                told[access] = [in_atomic(Thing.objects.count), attempt(in_atomic, insert)]
        """
    )
    assert told["read-only"][0] == ["BEGIN", 1]
    assert told["read-only"][1]["error"] == "OperationalError"
    assert told["read-write"][0] == ["BEGIN IMMEDIATE", 1]
    assert files() == ["old", "a thing"]


@pytest.mark.usefixtures("files")
def test_a_driver_connection_that_a_probe_closed_is_not_handed_on(script):
    """The next probe, whatever its access, connects anew."""
    told = script(
        """
        for access in (READ_ONLY, READ_WRITE):
            with guard.during(access):
                Thing.objects.count()
                connection.connection.close()
            with guard.during(access):
                told[access] = attempt(Thing.objects.count)
        """
    )
    assert told == {access: {"value": 1} for access in ("read-only", "read-write")}


@pytest.mark.usefixtures("files")
def test_what_a_probe_sets_on_sqlite_ends_with_it(script):
    """A pragma, an attached database, query_only switched off past Django: the next probe has none of it."""
    told = script(
        """
        for access in (READ_ONLY, READ_WRITE):
            with guard.during(access):
                sql("PRAGMA case_sensitive_like = 1")
                sql("ATTACH ':memory:' AS other")
            with guard.during(access):
                told[access] = [sql("SELECT 'a' LIKE 'A'")[0][0], len(sql("SELECT * FROM pragma_database_list"))]
        with guard.during(READ_ONLY):
            connection.ensure_connection()
            connection.connection.set_authorizer(None)
            connection.connection.execute("PRAGMA query_only = 0")
        with guard.during(READ_ONLY):
            told["insert"] = attempt(insert)
        """
    )
    assert told.pop("insert")["error"] == "OperationalError"
    assert told == {"read-only": [1, 1], "read-write": [1, 1]}


def test_a_database_in_memory_is_kept_and_held(script):
    """Django never closes a database in memory; what it is held to changes in place."""
    script.databases(default={"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    told = script(
        """
        sql("CREATE TABLE thing (id integer PRIMARY KEY, name text NOT NULL)")
        with guard.during(READ_ONLY):
            told["first"] = attempt(insert, "read-only")
        with guard.during(READ_WRITE):
            insert("read-write")
        for _ in range(2):
            with guard.during(ROLLBACK):
                insert("rollback")
                told["inside"] = Thing.objects.count()
        with guard.during(READ_ONLY):
            told["second"] = attempt(insert, "read-only")
        guard.close()
        insert("after")
        told["names"] = list(Thing.objects.values_list("name", flat=True))
        connection.connection.close()
        """
    )
    assert told["first"]["error"] == told["second"]["error"] == "OperationalError"
    assert told["inside"] == 2
    assert told["names"] == ["read-write", "after"]


@pytest.mark.usefixtures("files")
def test_a_wrapper_that_the_probe_puts_around_statements_stays_its_own(script):
    """Django's execute_wrapper() works beside the guard's, even where it is what connects."""
    told = script(
        """
        seen = []
        def watch(execute, sql, params, many, context):
            seen.append(sql)
            return execute(sql, params, many, context)
        with guard.during(READ_ONLY):
            with connection.execute_wrapper(watch):
                sql("SELECT 1")
                told["insert"] = attempt(insert)
            sql("SELECT 2")
            told["after"] = attempt(insert)
        told["seen"] = seen
        """
    )
    assert told["seen"] == ["SELECT 1", "INSERT INTO thing (name) VALUES (%s)"]
    assert told["insert"]["notes"]
    assert told["after"]["notes"]
