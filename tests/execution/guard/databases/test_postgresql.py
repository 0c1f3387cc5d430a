"""Read-only on PostgreSQL with psycopg 3, by the server itself, directly and through a transaction pooler."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

DIRECT, POOLED = "direct", "through PgBouncer"


@pytest.fixture(params=[DIRECT, POOLED])
def door(request, script, postgres, bouncer, shop):
    """The way to the database that the script's settings name; gives the server at its end."""
    server = postgres if request.param == DIRECT else bouncer
    script.databases(default=server.settings(shop, DISABLE_SERVER_SIDE_CURSORS=request.param == POOLED))
    return server


@pytest.mark.usefixtures("door")
def test_every_write_is_refused(script, written):
    """Whatever way a write takes, the server refuses it, says what it was, and the ways out come with it."""
    told = script(
        """
        import logging
        from psycopg.sql import SQL, Identifier
        logging.getLogger("psycopg").disabled = True  # it tells of the pipeline's error on its own

        def copy_in():
            with connection.cursor() as cursor, cursor.copy("COPY thing (name) FROM STDIN") as copy:
                copy.write_row(["copied"])

        def call():
            with connection.cursor() as cursor:
                cursor.callproc("write")

        def raw():
            connection.ensure_connection()
            connection.connection.execute("INSERT INTO thing (name) VALUES ('raw')")

        def raw_cursor():
            with connection.cursor() as cursor:
                cursor.cursor.execute("INSERT INTO thing (name) VALUES ('raw cursor')")

        def driver_transaction():
            connection.ensure_connection()
            with connection.connection.transaction():
                connection.connection.execute("INSERT INTO thing (name) VALUES ('driver')")

        def pipeline():
            connection.ensure_connection()
            with connection.connection.pipeline():
                connection.connection.execute("INSERT INTO thing (name) VALUES ('pipeline')")

        def stream():
            connection.ensure_connection()
            list(connection.connection.cursor().stream("INSERT INTO thing (name) VALUES ('s') RETURNING id"))

        def many():
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO thing (name) VALUES (%s)", [["one"], ["two"]])

        def atomic(action, *args):
            with transaction.atomic(), transaction.atomic():
                return action(*args)

        def lock():
            with transaction.atomic():
                return list(Thing.objects.select_for_update()[:1])

        def autocommit_off():
            connection.set_autocommit(False)
            try:
                insert()
            finally:
                connection.rollback()
                connection.set_autocommit(True)

        def autocommit_on():
            connection.set_autocommit(True)
            connection.connection.autocommit = True
            insert()

        def after_reconnect():
            connection.ensure_connection()
            connection.close()
            insert()

        def after_connect():
            connection.close()
            connection.connect()
            insert()

        def copy_of_the_connection():
            copy = connection.copy()
            try:
                with copy.cursor() as cursor:
                    cursor.execute("INSERT INTO thing (name) VALUES ('copy')")
            finally:
                copy.close()

        async def async_orm():
            try:
                await Thing.objects.acreate(name="async")
            finally:
                await sync_to_async(connections.close_all)()

        ways = {
            "orm create": lambda: Thing.objects.create(name="orm"),
            "orm update": lambda: Thing.objects.update(name="orm"),
            "orm delete": lambda: Thing.objects.all().delete(),
            "orm bulk": lambda: Thing.objects.bulk_create([Thing(name="bulk")]),
            "orm for update": lock,
            "async orm": lambda: asyncio.run(async_orm()),
            "insert": insert,
            "insert in atomic": lambda: atomic(insert),
            "create in atomic": lambda: atomic(Thing.objects.create),
            "executemany": many,
            "copy()": copy_in,
            "callproc()": call,
            "callproc() in atomic": lambda: atomic(call),
            "the driver's connection": raw,
            "the driver's cursor": raw_cursor,
            "the driver's transaction": driver_transaction,
            "the driver's pipeline": pipeline,
            "the driver's stream": stream,
            "set_autocommit(False)": autocommit_off,
            "set_autocommit(True)": autocommit_on,
            "after close()": after_reconnect,
            "after connect()": after_connect,
            "connection.copy()": copy_of_the_connection,
        }
        statements = [
            "CREATE TABLE other (id int)",
            "CREATE TEMPORARY TABLE other (id int)",
            "ALTER TABLE thing ADD COLUMN more int",
            "DROP TABLE thing",
            "TRUNCATE thing",
            "SELECT nextval('thing_id_seq')",
            "SELECT setval('thing_id_seq', 1)",
            "SELECT * FROM thing FOR UPDATE",
            "SELECT * FROM thing FOR SHARE",
            "WITH new AS (INSERT INTO thing (name) VALUES ('cte') RETURNING 1) SELECT * FROM new",
            "SELECT write()",
            "CALL write_and_commit()",
            "DO $$ BEGIN INSERT INTO thing (name) VALUES ('do'); END $$",
            "EXPLAIN ANALYZE INSERT INTO thing (name) VALUES ('explain')",
            "BEGIN; INSERT INTO thing (name) VALUES ('script'); COMMIT",
            "BEGIN READ WRITE; INSERT INTO thing (name) VALUES ('script'); COMMIT",
            "START TRANSACTION READ WRITE",
            "SET TRANSACTION READ WRITE",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE; INSERT INTO thing (name) VALUES (1)",
            "SET LOCAL transaction_read_only = off",
            "SELECT 1; COMMIT; INSERT INTO thing (name) VALUES ('after commit')",
            "ROLLBACK; INSERT INTO thing (name) VALUES ('after rollback')",
            "/* app */ COMMIT; INSERT INTO thing (name) VALUES ('after a comment')",
            "-- app's own\\nCOMMIT; INSERT INTO thing (name) VALUES ('after a comment')",
            "COMMIT /* ; */; INSERT INTO thing (name) VALUES ('after a comment')",
            "END; INSERT INTO thing (name) VALUES ('after end')",
            "SELECT 1; END TRANSACTION; INSERT INTO thing (name) VALUES ('after end')",
            "END AND CHAIN; INSERT INTO thing (name) VALUES ('after end')",
            "PREPARE TRANSACTION 'x'; INSERT INTO thing (name) VALUES ('after prepare')",
            "SELECT E'\\\\''; COMMIT; INSERT INTO thing (name) VALUES ('after a literal')",
            b"SET TRANSACTION READ WRITE; INSERT INTO thing (name) VALUES ('bytes')",
            "SELECT set_config('transaction_read_only', 'off', false)",
            "SELECT * INTO other FROM thing",
            "GRANT ALL ON thing TO public",
            "COMMENT ON TABLE thing IS 'changed'",
            "VACUUM thing",
            "CREATE INDEX CONCURRENTLY ON thing (name)",
        ]
        ways |= {str(statement): lambda statement=statement: sql(statement) for statement in statements}
        composed = SQL("SET TRANSACTION READ WRITE; INSERT INTO {} (name) VALUES (1)").format(Identifier("thing"))
        ways["composed"] = lambda: sql(composed)
        for name, way in ways.items():
            with guard.during(READ_ONLY):
                told[name] = attempt(way)
            with guard.during(READ_ONLY):
                told["in a thread: " + name] = in_thread(way)
        with guard.during(READ_ONLY):
            told["count"] = Thing.objects.count()
        """
    )
    assert told.pop("count") == 300
    unexplained = {
        name: end for name, end in told.items() if "error" not in end or not any("refused" in n for n in end["notes"])
    }
    assert unexplained == {}
    wrong = {name: end for name, end in told.items() if len(end["notes"]) != 1 or "rollback" not in end["notes"][0]}
    assert wrong == {}
    assert written() == []


@pytest.mark.usefixtures("door")
def test_reads_work_as_ever(script, written):
    """What only reads goes on: ORM, iterator, copy out, transactions, savepoints, settings of the session."""
    told = script(
        """
        from psycopg.sql import SQL, Identifier

        def iterate():
            things = 0
            for thing in Thing.objects.order_by("id").iterator(chunk_size=50):
                things += Thing.objects.filter(id=thing.id).count()  # in between, on the same connection
            return things

        def copy_out():
            with connection.cursor() as cursor, cursor.copy("COPY thing TO STDOUT") as copy:
                return len(list(copy.rows()))

        def stream():
            connection.ensure_connection()
            return len(list(connection.connection.cursor().stream("SELECT * FROM thing")))

        def atomic():
            with transaction.atomic():
                before = Thing.objects.count()
                try:
                    with transaction.atomic():
                        insert()
                except Exception:
                    pass
                return [before, Thing.objects.count()]

        def serializable():
            with transaction.atomic():
                sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                sql("SAVEPOINT mine")
                sql("ROLLBACK TO SAVEPOINT mine")
                return sql("SHOW transaction_isolation")[0][0]

        def commits():
            done = []
            with transaction.atomic():
                Thing.objects.count()
                transaction.on_commit(lambda: done.append(True))
            return done

        def session():
            sql("SET statement_timeout = '12345ms'")
            insert_refused = attempt(insert)["error"]
            return [sql("SHOW statement_timeout")[0][0], insert_refused]

        async def async_orm():
            try:
                return await Thing.objects.acount()
            finally:
                await sync_to_async(connections.close_all)()

        def after_errors():
            for statement in ("SELECT 1/0", "nonsense"):
                attempt(sql, statement)
                with connection.cursor() as cursor:
                    attempt(cursor.cursor.execute, statement)
            return Thing.objects.count()

        def semicolons():
            sql("SELECT '/*; COMMIT; x'; -- ; COMMIT; more")
            return sql("DO $$ BEGIN IF true THEN BEGIN PERFORM 1; END; END IF; END $$;")

        def composed():
            return sql(SQL("SELECT count(*) FROM {}").format(Identifier("thing")))[0][0]

        def is_idle():
            sql("SELECT 1")
            return connection.connection.info.transaction_status.name

        reads = (iterate, copy_out, stream, atomic, serializable, commits, session, after_errors, is_idle)
        reads += (semicolons, composed)
        for read in reads:
            with guard.during(READ_ONLY):
                told[read.__name__] = read()
        with guard.during(READ_ONLY):
            told["async"] = asyncio.run(async_orm())
            told["autocommit"] = [connection.get_autocommit(), connection.connection.autocommit]
            told["thread"] = in_thread(Thing.objects.count)["value"]
        """
    )
    assert told == {
        "iterate": 300,
        "copy_out": 300,
        "stream": 300,
        "atomic": [300, 300],
        "serializable": "serializable",
        "commits": [True],
        "session": ["12345ms", "InternalError"],
        "after_errors": 300,
        "is_idle": "IDLE",
        "semicolons": None,
        "composed": 300,
        "async": 300,
        "autocommit": [True, True],
        "thread": 300,
    }
    assert written() == []


def test_another_client_of_the_pool_can_still_write(script, bouncer, shop, written):
    """Nothing read-only stays in the session: the pooler's one connection serves a writer next."""
    script.databases(default=bouncer.settings(shop))
    with bouncer.connect(shop) as other:
        (before,) = other.execute("SELECT pg_backend_pid()").fetchone()
        told = script(
            """
            with guard.during(READ_ONLY):
                told["pid"] = sql("SELECT pg_backend_pid()")[0][0]
                told["insert"] = attempt(insert)
                with transaction.atomic():
                    told["count"] = Thing.objects.count()
            """
        )
        assert told["insert"]["error"] == "InternalError"
        (after,) = other.execute("SELECT pg_backend_pid()").fetchone()
        other.execute("INSERT INTO thing (name) VALUES ('by another client')")
    assert before == told["pid"] == after
    assert written() == ["by another client"]


def test_a_view_with_atomic_requests_reads_but_does_not_write(script, door, shop, written):
    """A request through Django's test client is held too, ATOMIC_REQUESTS included."""
    script.databases(default=door.settings(shop, ATOMIC_REQUESTS=True, DISABLE_SERVER_SIDE_CURSORS=True))
    script.project.write(
        "site_urls.py",
        """
        from django.db import connection
        from django.http import HttpResponse
        from django.urls import path

        def run(statement):
            def view(request):
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    return HttpResponse(cursor.fetchone()[0])
            return view

        urlpatterns = [
            path("read/", run("SELECT count(*) FROM thing")),
            path("write/", run("INSERT INTO thing (name) VALUES ('by a view') RETURNING id")),
        ]
        """,
    )
    told = script(
        """
        from django.test import Client
        client = Client(SERVER_NAME="localhost")
        with guard.during(READ_ONLY):
            told["read"] = client.get("/read/").content.decode()
            told["write"] = attempt(client.get, "/write/")
        """
    )
    assert told["read"] == "300"
    assert "cannot execute INSERT" in told["write"]["message"]
    assert "(the statement began: INSERT INTO thing) at " in told["write"]["notes"][0]
    assert "site_urls.py:9 (view)" in told["write"]["notes"][0]
    assert written() == []


@pytest.mark.usefixtures("door")
def test_a_connection_that_is_open_already_is_held(script, written):
    """What was open before the guard came, or under another access, is not used as it is."""
    told = script(
        """
        told["before"] = attempt(insert, "before the guard")
        with guard.during(READ_ONLY):
            told["read-only"] = attempt(insert, "read-only")
        with guard.during(READ_WRITE):
            told["read-write"] = attempt(insert, "read-write")
        with guard.during(READ_ONLY):
            told["read-only again"] = attempt(insert, "read-only")
        guard.close()
        told["after"] = attempt(insert, "after the guard")
        """
    )
    assert [name for name, end in told.items() if "error" in end] == ["read-only", "read-only again"]
    assert written() == ["before the guard", "read-write", "after the guard"]


@pytest.mark.usefixtures("door")
def test_a_thread_that_outlives_its_probe_is_held_to_what_runs_now(script, written):
    """A pool's or asyncio's thread keeps its connection; what that may do goes with the probe."""
    told = script(
        """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(1) as pool:
            def there(action, *args):
                return pool.submit(attempt, action, *args).result()
            there(connection.ensure_connection)
            for number, access in enumerate([READ_WRITE, READ_ONLY, READ_WRITE, READ_ONLY]):
                with guard.during(access):
                    told[f"{number} {access}"] = there(insert, str(number))
                told[f"{number} afterwards"] = there(insert, f"after {number}")
            guard.close()
            told["4 closed"] = there(insert, "closed")
            there(connections.close_all)
        """
    )
    refused = [name for name, end in told.items() if "error" in end]
    assert refused == ["1 read-only", "1 afterwards", "3 read-only", "3 afterwards"]
    assert written() == ["0", "after 0", "2", "after 2", "closed"]


def test_the_psycopg_pool_gets_its_connections_back_able_to_write(script, postgres, shop, written):
    """With Django's own pool a connection that was read-only is handed on as it was before."""
    pytest.importorskip("psycopg_pool")
    script.databases(default=postgres.settings(shop, OPTIONS={"pool": {"min_size": 1, "max_size": 1, "timeout": 5}}))
    told = script(
        """
        import logging
        from django_probe.execution.guard.guard import unguarded
        with guard.during(READ_ONLY):
            told["pid"] = sql("SELECT pg_backend_pid()")[0][0]
            told["insert"] = attempt(insert, "read-only")
        pool = connection.pool
        with unguarded(), pool.connection() as raw:
            told["same"] = raw.info.backend_pid
            told["class"] = type(raw).__name__
            raw.execute("INSERT INTO thing (name) VALUES ('from the pool')")
        with guard.during(READ_ONLY), transaction.atomic():
            told["count"] = Thing.objects.count()
            connection.close()  # in the middle of a transaction
        with unguarded(), pool.connection() as raw:
            told["read_only"] = raw.read_only
            raw.execute("INSERT INTO thing (name) VALUES ('again')")
        with guard.during(READ_WRITE):
            insert("read-write")
            logging.getLogger("psycopg.pool").disabled = True  # it tells of the connection that it cannot keep
            sql("SET statement_timeout = '9s'")
            connection.close()
        with guard.during(READ_WRITE):
            told["set by another probe"] = sql("SHOW statement_timeout")[0][0] == "9s"
        guard.close()
        insert("after")
        connection.close()
        connection.close_pool()
        """
    )
    assert told["pid"] == told["same"]
    assert not told["set by another probe"]
    assert (told["class"], told["read_only"]) == ("Connection", None)
    assert told["insert"]["error"] == "InternalError"
    assert written() == ["from the pool", "again", "read-write", "after"]


def test_what_was_kept_from_before_a_close_cannot_use_the_pools_connection(script, postgres, shop, written):
    """A cursor or a driver's connection that is older than the close is closed; the pool hands the rest on."""
    script.databases(default=postgres.settings(shop, OPTIONS={"pool": {"min_size": 1, "max_size": 1, "timeout": 5}}))
    told = script(
        """
        import logging
        logging.getLogger("psycopg.pool").disabled = True  # it tells of each transaction that it rolls back
        write = "INSERT INTO thing (name) VALUES ('kept')"

        def opened():
            cursor = connection.cursor()
            cursor.execute("SELECT pg_backend_pid()")
            return connection.connection, cursor, cursor.fetchone()

        def kept(access):
            with guard.during(access):
                raw, cursor, pid = opened()
                connection.close()
                told[f"{access} close"] = ways(raw, cursor)
            with guard.during(access):
                raw, cursor, again = opened()
            told[f"{access} end"] = ways(raw, cursor)
            told[f"{access} closed"] = raw.closed
            with guard.during(READ_WRITE):
                told[f"{access} same"] = pid == again == opened()[2]
                insert(access)
            told[f"{access} after"] = ways(raw, cursor)

        def autocommit(raw):
            raw.autocommit = True
            raw.execute(write)

        def copy(raw):
            with raw.cursor() as cursor, cursor.copy("COPY thing (name) FROM STDIN") as lines:
                lines.write_row(["kept"])

        def pipeline(cursor):
            with cursor.connection.pipeline():
                cursor.execute(write)

        def ways(raw, cursor):
            found = [
                attempt(cursor.execute, write), attempt(cursor.cursor.execute, write), attempt(raw.execute, write),
                attempt(autocommit, raw), attempt(copy, raw), attempt(pipeline, cursor.cursor),
                attempt(cursor.executemany, write, [[], []]), attempt(raw.commit),
                attempt(lambda: list(cursor.stream(write + " RETURNING id"))),
            ]
            raw.close()
            return sorted({each.get("error", "none") for each in found})

        kept(READ_ONLY)
        kept(ROLLBACK)
        with guard.during(READ_ONLY):
            rows = Thing.objects.iterator(chunk_size=2)
            next(rows)
            connection.close()
            del rows  # closes its cursor at the server
        guard.close()
        connection.close_pool()
        """
    )
    assert written() == ["read-only", "rollback"]
    for access in ("read-only", "rollback"):
        errors = {error for when in ("close", "end", "after") for error in told[f"{access} {when}"]}
        assert "OperationalError" in errors
        assert errors <= {"OperationalError", "TransactionManagementError"}  # Django's own, inside atomic()
        assert (told[f"{access} closed"], told[f"{access} same"]) == (True, True)


def test_an_alias_that_is_added_at_run_time_is_held_as_the_others(script, postgres, shop, written):
    """Even where its backend, its driver and its pool are the first of their kind, before and while a probe runs."""
    added = {**postgres.settings(shop), "OPTIONS": {"pool": {"min_size": 1, "max_size": 2, "timeout": 5}}}
    told = script(
        f"""
        added = {added!r}
        """
        """
        import logging
        logging.getLogger("psycopg.pool").disabled = True  # it tells of the connection that it cannot keep

        def add(alias):
            connections.databases[alias] = {**connections.databases["default"], **added}
            return connections[alias]

        def ways(tenant):
            alias = tenant.alias
            return [
                attempt(tenant.get_new_connection, {}),
                attempt(insert, alias=alias),
                attempt(sql, "RESET transaction_read_only; INSERT INTO thing (name) VALUES ('two')", alias=alias),
                attempt(tenant.get_new_connection, {}),
                attempt(tenant.pool.getconn),
            ]

        during = guard.during(READ_ONLY)
        with during:
            told["while"] = ways(add("while"))
        guard.close()
        before = add("before")
        del connections.databases["while"]
        with guard.during(READ_ONLY):
            told["before"] = ways(before)
        guard.close()
        told["count"] = sql("SELECT count(*) FROM thing", alias="before")
        connections.close_all()
        before.close_pool()
        """
    )
    errors = ["GuardError", "InternalError", "InternalError", "GuardError", "GuardError"]
    assert [each.get("error") for each in told["while"]] == errors
    assert [each.get("error") for each in told["before"]] == errors
    assert told["count"] == [[300]]
    assert written() == []


def test_what_the_pool_of_django_gives_past_django_is_refused(script, postgres, shop, written):
    """A connection that is taken from the pool by hand cannot be held; one of the project's own pools is its own."""
    script.databases(default=postgres.settings(shop, OPTIONS={"pool": True}))
    told = script(
        """
        def insert_by_hand():
            with connection.pool.connection() as raw:
                raw.execute("INSERT INTO thing (name) VALUES ('by hand')")

        with guard.during(READ_ONLY):
            told["first"] = attempt(insert_by_hand)
            told["count"] = Thing.objects.count()
            told["in use"] = attempt(insert_by_hand)
            told["thread"] = in_thread(insert_by_hand)
            told["stats"] = connection.pool.get_stats()["pool_size"] > 0
        with guard.during(READ_WRITE):
            Thing.objects.count()
            told["read-write"] = attempt(insert_by_hand)
        guard.close()
        connection.close_pool()
        """
    )
    refused = [told.pop(name) for name in ("first", "in use", "thread")]
    assert [end["error"] for end in refused] == ["GuardError"] * 3
    assert 'database "default": what its pool gives cannot be held' in refused[0]["message"]
    assert told == {"count": 300, "stats": True, "read-write": {"value": None}}
    assert written() == ["by hand"]


def test_what_a_probe_sets_in_the_session_ends_with_it(script, postgres, shop):
    """Settings, locks, listening: the next probe has none of it; within a class they stay as they were set."""
    script.databases(default=postgres.settings(shop))
    told = script(
        """
        from psycopg.sql import SQL
        def state():
            return [
                sql("SHOW statement_timeout")[0][0],
                sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")[0][0],
                sql("SELECT count(*) FROM pg_listening_channels()")[0][0],
                sql("SELECT count(*) FROM pg_prepared_statements WHERE from_sql")[0][0],
                sql("SELECT count(*) FROM pg_cursors WHERE is_holdable")[0][0],
                sql("SHOW application_name")[0][0],
            ]

        statements = [
            "SET statement_timeout = '9s'",
            "/* app */ set session statement_timeout = '9s'",
            SQL("SET statement_timeout = '9s'"),
            "SELECT set_config('statement_timeout', '9s', false)",
            "SELECT pg_advisory_lock(42)",
            "SELECT pg_try_advisory_lock_shared(42)",
            "LISTEN things",
            "PREPARE mine AS SELECT 1",
            "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
        ]
        for access in (READ_ONLY, READ_WRITE):
            with guard.during(access):
                new = state()
            for statement in statements:
                with guard.during(access):
                    sql(statement)
                    changed = state() != new
                with guard.during(access):
                    told[f"{access} {statement}"] = [changed, state() == new]

            with guard.during(access):
                sql("SET statement_timeout = '8s'")
                with guard.during(access):
                    sql("SET application_name = 'a probe'")
                with guard.during(access):
                    told[f"{access} in class"] = [state()[0] == "8s", True]
            with guard.during(access):
                told[f"{access} after class"] = [True, state() == new]
        """
    )
    assert {name: end for name, end in told.items() if end != [True, True]} == {}


def test_a_connection_is_kept_where_nothing_was_set(script, postgres, shop):
    """Only what may have changed the session costs the next probe a new connection."""
    script.databases(default=postgres.settings(shop))
    told = script(
        """
        pid = lambda: sql("SELECT pg_backend_pid()")[0][0]
        for access in (READ_ONLY, READ_WRITE):
            with guard.during(access):
                first = pid()
                with transaction.atomic():
                    Thing.objects.filter(name="SET x; SET y").exists()
                    attempt(insert)
                list(Thing.objects.iterator())
            with guard.during(access):
                second = pid()
                sql("SET statement_timeout = '9s'")
            with guard.during(access):
                told[access] = [first == second, second == pid()]
        """
    )
    assert told == {access: [True, False] for access in ("read-only", "read-write")}


def test_a_thread_that_outlives_its_probe_sets_nothing_for_the_next(script, postgres, shop):
    """The thread of the async ORM keeps its connection, but not what an earlier probe set there."""
    script.databases(default=postgres.settings(shop))
    told = script(
        """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(1) as pool:
            there = lambda *args: pool.submit(sql, *args).result()
            with guard.during(READ_ONLY):
                new = there("SHOW statement_timeout")
                there("SET statement_timeout = '9s'")
                told["same probe"] = there("SHOW statement_timeout") != new
            with guard.during(READ_ONLY):
                told["next probe"] = there("SHOW statement_timeout") == new
            pool.submit(connections.close_all).result()
        """
    )
    assert told == {"same probe": True, "next probe": True}


def test_a_dropped_connection_is_not_handed_to_the_next_probe(script, postgres, shop):
    """What the server dropped between two probes is opened anew, and read-only again."""
    script.databases(default=postgres.settings(shop))
    told = script(
        f"""
        import psycopg
        def drop_all():
            with psycopg.connect("host=127.0.0.1 port={postgres.port} user=tester dbname=postgres") as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{shop}'"
                )

        for access in (READ_ONLY, READ_WRITE, ROLLBACK):
            with guard.during(access):
                Thing.objects.count()
            drop_all()
            with guard.during(access):
                told[access] = [attempt(Thing.objects.count), attempt(insert)]
            drop_all()
            with guard.during(access), transaction.atomic():
                told[access].append(attempt(Thing.objects.count))
            with guard.during(access):
                Thing.objects.count()
                drop_all()
                told[access].append(attempt(Thing.objects.count)["error"])
            with guard.during(access):
                told[access].append(attempt(Thing.objects.count))
        """
    )
    assert told["read-only"][1]["error"] == "InternalError"
    for access, counted in (("read-only", 300), ("read-write", 301), ("rollback", 301)):
        first, _, second, dropped, third = told[access]
        assert first == {"value": 300 if access == "read-write" else counted}
        assert second == third == {"value": counted}
        assert dropped == "OperationalError"


def test_an_interrupted_statement_is_stopped_and_the_connection_usable(script, postgres, shop):
    """What a timeout interrupts does not run on at the server, and a tearDown can use the database."""
    script.databases(default=postgres.settings(shop))
    told = script(
        """
        import signal
        class Interrupted(BaseException):
            pass
        def interrupt(number, frame):
            raise Interrupted
        signal.signal(signal.SIGALRM, interrupt)

        def sleeping():
            statement = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s"
            return len(sql(statement, "SELECT pg_sleep%"))

        for access in (READ_ONLY, READ_WRITE):
            with guard.during(access):
                signal.setitimer(signal.ITIMER_REAL, 0.3)
                try:
                    sql("SELECT pg_sleep(60)")
                except Interrupted:
                    told[access] = [attempt(Thing.objects.count), attempt(insert)]
        for access in (READ_ONLY, ROLLBACK):
            with guard.during(access):
                signal.setitimer(signal.ITIMER_REAL, 0.3)
                try:
                    with transaction.atomic():
                        sql("SELECT pg_sleep(60)")
                except Interrupted:
                    pass
        guard.close()
        told["sleeping"] = sleeping()
        """
    )
    assert told["read-only"][0] == told["read-write"][0] == {"value": 300}
    assert told["read-only"][1]["error"] == "InternalError"
    assert told["read-write"][1] == {"value": None}
    assert told["sleeping"] == 0


@pytest.mark.usefixtures("door")
def test_another_receiver_that_raises_opens_no_way(script, written):
    """Where a receiver of connection_created raises, what Django leaves open does not write."""
    told = script(
        """
        from django.db.backends.signals import connection_created
        def broken(connection, **kwargs):
            raise ValueError("a receiver's own trouble")
        def setup(connection, **kwargs):
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '54321ms'")
        connection_created.connect(broken)
        with guard.during(READ_ONLY):
            told["first"] = attempt(insert)
            told["second"] = attempt(insert)
        connection_created.disconnect(broken)
        connection_created.connect(setup)
        with guard.during(READ_ONLY):
            told["setup"] = sql("SHOW statement_timeout")
            told["third"] = attempt(insert)
        """
    )
    assert [told["first"]["error"], told["second"]["error"]] == ["ValueError", "ValueError"]
    assert told["setup"] == [["54321ms"]]
    assert told["third"]["error"] == "InternalError"
    assert written() == []


def test_a_server_that_does_not_hold_is_no_server_to_probe(script, postgres, shop, written):
    """Where the server says that a transaction is not read-only after all, the connection is closed."""
    script.databases(default=postgres.settings(shop))
    with postgres.connect(shop) as admin:
        # What answers for the server's own: it comes first on the search path.
        admin.execute("CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'off' $$")
        admin.execute(f'ALTER DATABASE "{shop}" SET search_path = public, pg_catalog')
    told = script(
        """
        with guard.during(READ_ONLY):
            told["insert"] = attempt(insert)
            told["closed"] = connection.connection is None
        """
    )
    assert told["insert"]["error"] == "GuardError"
    assert 'database "default" could not be held to read-only' in told["insert"]["message"]
    assert told["closed"]
    assert written() == []


def test_the_note_carries_no_value(script, postgres, shop):
    """What was refused is told by the statement's first words: no parameter, no literal."""
    script.databases(default=postgres.settings(shop))
    told = script(
        """
        with guard.during(READ_ONLY):
            told["param"] = attempt(insert, "a-secret")
            told["literal"] = attempt(sql, "INSERT INTO thing(name)VALUES('a-secret')")
        """
    )
    for end in told.values():
        assert end["error"] == "InternalError"
        assert "(the statement began: INSERT INTO thing)" in end["notes"][0]
        assert "secret" not in end["notes"][0]


def test_the_role_of_the_docs_reads_and_cannot_write(script, postgres, shop, written):
    """With the role that docs/database-safety.md makes, the database itself refuses what goes round the guard."""
    page = Path(__file__).parents[4] / "docs" / "database-safety.md"
    (recipe,) = re.findall(r"```sql\n(CREATE ROLE .*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    with postgres.connect(shop) as admin:
        admin.execute(recipe)
    try:
        script.databases(default={**postgres.settings(shop), "USER": "probes"})
        told = script(
            """
            for access in DatabaseAccess:
                with guard.during(access):
                    told[access] = [attempt(Thing.objects.count).get("value"), attempt(insert).get("error")]
            """
        )
        dsn = f"host=127.0.0.1 port={postgres.port} user=probes dbname={shop}"
        with psycopg.connect(dsn) as past_django, pytest.raises(psycopg.errors.InsufficientPrivilege):
            past_django.execute("SET TRANSACTION READ WRITE; INSERT INTO thing (name) VALUES ('past Django')")
    finally:
        with postgres.connect(shop) as admin:
            admin.execute("DROP ROLE probes")
    assert told["read-only"] == told["read-write"] == [300, "InternalError"]
    assert written() == []
