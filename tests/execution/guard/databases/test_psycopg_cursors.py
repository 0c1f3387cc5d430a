"""What a cursor of psycopg sends under read-only: a query in one message with what the guard adds to it."""

from __future__ import annotations

import pytest

from tests.execution.guard.databases.test_postgresql import door  # noqa: F401 (a fixture, for both ways to the database)


@pytest.mark.usefixtures("door")
def test_a_query_is_one_round_trip(script):
    """By the ORM or a cursor, inside a transaction and outside; what is no query, and an iterator, works beside it."""
    told = script(
        """
        import tempfile

        def trips(query):
            with tempfile.TemporaryFile("w+") as trace:
                connection.connection.pgconn.trace(trace.fileno())
                query()
                connection.connection.pgconn.untrace()
                trace.seek(0)
                return trace.read().count("ReadyForQuery")

        ways = {
            "orm": lambda: list(Thing.objects.filter(id=1)),
            "cursor": lambda: sql("SELECT name FROM thing WHERE id = %s", 1),
            "a common table": lambda: sql("\\n WITH it AS (SELECT 1) SELECT * FROM it"),
            "in brackets": lambda: sql("(SELECT 1) UNION (SELECT 2)"),
        }
        with guard.during(READ_ONLY):
            connection.ensure_connection()
            for name, query in ways.items():
                told[name] = trips(query)
                with transaction.atomic():
                    told[f"{name}, the first in a transaction"] = trips(query)
                    told[f"{name}, in a transaction"] = trips(query)
            told["rows"] = [len(list(Thing.objects.iterator(100))), sql("SHOW server_encoding"), Thing.objects.count()]
        """
    )
    assert told.pop("rows") == [300, [["UTF8"]], 300]
    assert set(told.values()) == {1}, told


@pytest.mark.usefixtures("door")
def test_a_query_that_fails_leaves_the_connection_in_order(script, written):
    """Whether the server refuses it or the driver cannot send it, its own error is told, and the next one runs."""
    told = script(
        """
        from psycopg import Cursor

        def too_many():
            with Cursor(connection.connection) as cursor:
                cursor.execute("SELECT " + ", ".join(["%s"] * 70000), [1] * 70000)

        ways = {
            "syntax": lambda: sql("SELECT FROM WHERE"),
            "division": lambda: sql("SELECT 1 / 0"),
            "function": lambda: sql("SELECT write()"),
            "several": lambda: sql("SELECT 1; SELECT 2"),
            "parameters": too_many,
        }
        with guard.during(READ_ONLY):
            for name, way in ways.items():
                connection.ensure_connection()
                kept = connection.connection
                told[name] = [attempt(way)["error"], Thing.objects.count()]
                try:
                    with transaction.atomic():
                        told[name].append(Thing.objects.count())
                        way()
                except Exception as error:
                    told[name].append(type(error).__name__)
                told[name] += [sql("SELECT 1"), connection.connection is kept]
        """
    )
    for name, (error, after, within, again, *rest) in told.items():
        assert (after, within, again, rest) == (300, 300, error, [[[1]], True]), name
    assert told["syntax"][0] == "ProgrammingError"
    assert told["division"][0] == "DataError"
    assert told["function"][0] == told["several"][0] == "InternalError"
    assert written() == []


@pytest.mark.usefixtures("door")
def test_what_comes_between_is_no_statement_of_djangos(script, written):
    """A wrapper of the project's may use the driver while a statement of Django's waits, and writes nothing either."""
    told = script(
        """
        def between(*statements):
            def execute_first(execute, query, params, many, context):
                for statement in statements:
                    context["cursor"].cursor.execute(statement)
                return execute(query, params, many, context)

            with connection.execute_wrapper(execute_first), transaction.atomic():
                Thing.objects.count()

        write = "INSERT INTO thing (name) VALUES ('between')"
        leaving = "DO $$ BEGIN EXECUTE 'RESET ' || 'transaction_read_only'; END $$"
        for name, statements in {
            "write": [write],
            "commit": ["COMMIT", leaving, write, "COMMIT"],
            "reset": ["COMMIT", "RESET transaction_read_only", write, "COMMIT"],
            "prepare": ["PREPARE TRANSACTION 'probe'"],
        }.items():
            with guard.during(READ_ONLY):
                told[name] = attempt(between, *statements)
        """
    )
    assert [name for name, end in told.items() if not any("refused" in note for note in end.get("notes", []))] == []
    assert written() == []
