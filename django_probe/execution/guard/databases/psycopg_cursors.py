"""Sends what cursors of psycopg 3 execute on a held connection: one statement at a time, in as few messages as can be.

A statement that begins like a query ends no transaction, whatever it calls. So it goes in one message with what the
guard has to say before and after it: the server's answers are read together, and there is one round trip instead of up
to three. All else is sent step by step, and nothing but time depends on which of both it was.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus

from django_probe.execution.guard.databases.postgresql import Held
from django_probe.execution.guard.statements import leaves_read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGresult

_QUERY: Final = re.compile(r"\s*(?:\(\s*)*(?:select|with)\b", re.IGNORECASE)


def sending() -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """Yield of the driver's cursors each class, method and what to put around it, while the guard is in."""
    wrapped: dict[str, Callable[..., Any]] = {
        "_execute_send": one_at_a_time,
        "_send_prepare": looked_at,
        "_execute_gen": lambda original: recognising(together(original)),
        "_declare_gen": recognising,
    }
    for cls in (psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor, psycopg.ServerCursor):
        for base in cls.__mro__:
            for name, around in wrapped.items():
                if name in vars(base):
                    yield base, name, around


def one_at_a_time(original: Callable[..., None]) -> Callable[..., None]:
    """Return the driver's `_execute_send` of a cursor, which sends a held connection's statements one at a time."""

    def _execute_send(cursor: Any, query: Any, **kwargs: Any) -> None:
        if isinstance(cursor.connection, Held):
            _look_at(cursor.connection, query.query)
            kwargs["force_extended"] = True
        original(cursor, query, **kwargs)

    return _execute_send


def looked_at(original: Callable[..., None]) -> Callable[..., None]:
    """Return the driver's `_send_prepare` of a cursor, which takes no statement that leaves read-only."""

    def _send_prepare(cursor: Any, name: bytes, query: Any) -> None:
        if isinstance(cursor.connection, Held):
            _look_at(cursor.connection, query.query)
        original(cursor, name, query)

    return _send_prepare


def recognising(original: Callable[..., PQGen[None]]) -> Callable[..., PQGen[None]]:
    """Return a driver's way to execute that knows the statement of Django's own from one that comes in between.

    A wrapper of the project's around Django's statements may execute others by the driver, which were not announced.
    """

    def _gen(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> PQGen[None]:
        held = cursor.connection
        if not isinstance(held, Held):
            yield from original(cursor, query, *args, **kwargs)
            return
        held.probe_compiled = query is held.probe_announced
        try:
            yield from original(cursor, query, *args, **kwargs)
        finally:
            held.probe_compiled = False

    return _gen


def together(original: Callable[..., PQGen[None]]) -> Callable[..., PQGen[None]]:
    """Return the driver's `_execute_gen` of a cursor, which sends a query in one message with what belongs to it."""

    def _execute_gen(cursor: Any, query: Any, params: Any = None, **kwargs: Any) -> PQGen[None]:
        held = cursor.connection
        if not (isinstance(held, Held) and _goes_together(held, query)):
            yield from original(cursor, query, params, **kwargs)
            return
        held.probe_together = True
        try:
            yield from cursor._start_query(query)  # noqa: SLF001 (the driver's own step, as in all of this function)
        finally:
            held.probe_together = False
        before, after = held.around()
        converted = cursor._convert_query(query, params)  # noqa: SLF001

        def send() -> None:
            cursor._execute_send(converted, binary=kwargs.get("binary"))  # noqa: SLF001

        answers = yield from _in_one_message(held.pgconn, before, send, after)
        for at, results in enumerate(answers):
            if at == len(before):
                cursor._check_results(results)  # noqa: SLF001
            elif results[-1].status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(results[-1], encoding=held.info.encoding)
        if after:
            held.was_asked()
        cursor._set_results(answers[len(before)])  # noqa: SLF001
        cursor._last_query = query  # noqa: SLF001

    return _execute_gen


def _goes_together(held: Held, query: Any) -> bool:
    # With `prepare_threshold` the driver prepares some statements, in a message of their own.
    return (
        held.has_around()
        and isinstance(query, str)
        and held.prepare_threshold is None
        and psycopg.Pipeline.is_supported()
        and _QUERY.match(query) is not None
    )


def _in_one_message(
    connection: Any, before: list[bytes], send: Callable[[], None], after: list[bytes]
) -> PQGen[list[list[PGresult]]]:
    """Send all of it; return the results of each. Once the first fails, the server skips the others."""
    failed = None
    connection.enter_pipeline_mode()
    try:
        for statement in before:
            connection.send_query_params(statement, None)
        try:
            send()
            for statement in after:
                connection.send_query_params(statement, None)
        except Exception as error:  # noqa: BLE001 (what was said already has to be answered first)
            failed = error
        connection.pipeline_sync()
        yield from generators.send(connection)
        answers = []
        while True:
            results = yield from generators.fetch_many(connection)
            if not results or results[-1].status == ExecStatus.PIPELINE_SYNC:
                break
            answers.append(results)
    finally:
        with suppress(psycopg.Error):  # it was interrupted, and is of no use any more
            connection.exit_pipeline_mode()
    if failed:
        raise failed
    return answers


def _look_at(held: Held, statement: bytes) -> None:
    held.probe_statement = statement
    if not held.probe_compiled and leaves_read_only(statement.decode(errors="replace")):
        raise psycopg.errors.ReadOnlySqlTransaction("cannot leave a read-only transaction")
