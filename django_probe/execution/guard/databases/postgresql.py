"""Holds a psycopg 3 connection to read-only transactions, one at a time, with nothing set in the session.

The driver itself begins every transaction (`BEGIN READ ONLY`), whichever way a statement comes: ORM, raw cursor,
`copy()`, `callproc()`, a server-side cursor. For that it must never be in autocommit. It tells Django,
and whoever else asks, that it is, and ends the transaction after each statement. A session setting (`SET SESSION
CHARACTERISTICS`, `default_transaction_read_only`) would outlive the probe behind a pooler.

A statement can make the transaction another (`RESET transaction_read_only`, a function that does so). No list of words
finds them all, so three things do not depend on words:

- Each statement is sent in the extended protocol, which takes one statement at a time; see `psycopg_cursors`.
- `_ASK` fails, and aborts the transaction, where it is not read-only any more or has a transaction id: only what writes
  takes one. It goes with every COMMIT in the same message, and so costs no round trip.
- After each statement that no compiler of Django's made it is sent too, so that the statement is named.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg
from django.db import Error
from psycopg import generators
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.rows import tuple_row

from django_probe.execution.guard import compiled
from django_probe.execution.guard.refusals import GuardError, hand_on, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg.abc import PQGen

_CANCEL_SECONDS: Final = 2.0
_TOLD: Final = "django-probe: this transaction is not read-only any more, or has written"
_ASK: Final = (
    "SELECT CASE WHEN pg_catalog.current_setting('transaction_read_only') = 'on' "
    "AND pg_catalog.txid_current_if_assigned() IS NULL "
    f"THEN 'on' ELSE '{_TOLD}' END::pg_catalog.bool"
).encode("ascii")
_COMMIT: Final = b"COMMIT"
_IS_HELD: Final = "SELECT current_setting('transaction_read_only')"


class Held(psycopg.Connection[Any]):
    """A driver's connection that begins only read-only transactions; see the module."""

    probe_note: str
    probe_base: type[psycopg.Connection[Any]]
    probe_autocommit = False  # what Django, or the probe, believes to be set
    probe_announced: object = None  # the statement of a compiler of Django's that Django is about to execute
    probe_compiled = False  # whether it is the one that is executed now
    probe_unasked = False  # whether a statement was sent after which the transaction must be asked
    probe_unsure = False  # whether a compiled one was sent since it was asked last
    probe_together = False  # whether `around` tells what goes with the statement that is begun now
    probe_statement = b""

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own, as far as the connection's user can see."""
        return self.probe_autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._set_autocommit(value)

    def _set_autocommit_gen(self, value: bool) -> PQGen[None]:  # noqa: FBT001 (the driver's signature)
        yield from self._check_intrans_gen("autocommit")
        self.probe_autocommit = bool(value)

    def _set_read_only_gen(self, value: bool | None) -> PQGen[None]:  # noqa: FBT001 (the driver's signature)
        if not value:
            raise psycopg.errors.ReadOnlySqlTransaction("read_only cannot be switched off")
        yield from ()

    def _tpc_begin_gen(self, xid: Any) -> PQGen[None]:
        raise psycopg.errors.ReadOnlySqlTransaction(
            f"cannot begin {xid}: a prepared transaction would outlive the probe"
        )
        yield

    def wait(self, gen: PQGen[Any], *args: Any, **kwargs: Any) -> Any:
        """Run one of the driver's operations, then end the transaction if the statement has its own."""
        try:
            result = super().wait(gen, *args, **kwargs)
            self._end_statement()
        except BaseException as error:
            told = _translated(error)
            if self._is_refusal(told):
                refuse(told, self.probe_note, self.probe_statement.decode(errors="replace"))
            with suppress(psycopg.Error):
                self._end_statement()
            if told is error:
                raise
            raise told from None
        return result

    @contextmanager
    def pipeline(self) -> Iterator[psycopg.Pipeline]:
        """Open a pipeline, as the driver does, and end with it what was to be statements of their own."""
        try:
            with super().pipeline() as pipeline:
                yield pipeline
        finally:
            with self.lock:
                self.wait(_nothing())

    @contextmanager
    def _pipeline_nolock(self) -> Iterator[psycopg.Pipeline]:
        try:
            with super()._pipeline_nolock() as pipeline:
                yield pipeline
        finally:
            self.wait(_nothing())

    def _is_refusal(self, error: BaseException) -> bool:
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            return True
        # VACUUM, CREATE INDEX CONCURRENTLY and the like refuse to run in the transaction that the guard began.
        return self.probe_autocommit and isinstance(error, psycopg.errors.ActiveSqlTransaction)

    def _start_query(self) -> PQGen[None]:
        """Begin what is to be begun before a statement; all of a cursor's ways to send one call it."""
        if self.probe_together:
            return
        if self.probe_compiled:
            self.probe_unsure = True
        else:
            if self.probe_unsure and self.pgconn.transaction_status == TransactionStatus.INTRANS:
                yield from self._exec_command(_ASK)  # it may be a COMMIT: what was compiled may have called a function
            self.probe_unsure = False
            self.probe_unasked = True
        yield from super()._start_query()

    def has_around(self) -> bool:
        """Return whether a query that is sent now, and is no part of a pipeline, has something before or after it."""
        status = self.pgconn.transaction_status
        if self._pipeline or status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
            return False
        return not self.probe_compiled or status == TransactionStatus.IDLE or not self._goes_on()

    def around(self) -> tuple[list[bytes], list[bytes]]:
        """Return what goes before a query in the same message, and what goes after it; then call `was_asked`."""
        before = [self._get_tx_start_command()] if self.pgconn.transaction_status == TransactionStatus.IDLE else []
        if not self._goes_on():
            return before, [_ASK, _COMMIT]
        if self.probe_compiled:
            self.probe_unsure = True
            return before, []
        self.probe_unasked = True
        return before, [_ASK]

    def was_asked(self) -> None:
        """Note that the transaction has answered that it is still read-only."""
        self.probe_unasked = self.probe_unsure = False

    def _goes_on(self) -> bool:
        """Return whether the transaction goes on after a statement, as far as the connection's user can see."""
        return bool(not self.probe_autocommit or self._num_transactions or self._tpc)

    def _exec_command(self, command: Any, *args: Any, **kwargs: Any) -> PQGen[Any]:
        """Send a command of the driver's own; none is committed without being asked."""
        if command != _COMMIT or self.pgconn.transaction_status == TransactionStatus.INERROR:
            return (yield from super()._exec_command(command, *args, **kwargs))
        self._check_connection_ok()
        self.was_asked()
        if self._pipeline:
            yield from super()._exec_command(_ASK)
            return (yield from super()._exec_command(command, *args, **kwargs))
        self.pgconn.send_query(_ASK + b"; " + _COMMIT)
        results = yield from generators.execute(self.pgconn)
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result, encoding=self.info.encoding)
        return results[-1]

    def _end_statement(self) -> None:
        """End the statement's own transaction, or ask the one that goes on whether it is still the same."""
        goes_on = self._goes_on()
        status = self.pgconn.transaction_status
        if self._pipeline or (goes_on and status == TransactionStatus.INTRANS):
            if self.probe_unasked:
                self.probe_unasked = False
                super().wait(self._exec_command(_ASK))
        elif not goes_on and status == TransactionStatus.INTRANS:
            # Not a rollback: the effect of `SET`, and a cursor WITH HOLD, stay as they do in autocommit.
            super().wait(self._commit_gen())
        elif not goes_on and status == TransactionStatus.INERROR:
            super().wait(self._rollback_gen())
        elif status == TransactionStatus.IDLE:  # what there was to ask about is over
            self.was_asked()


def _nothing() -> PQGen[None]:
    yield from ()


def _translated(error: BaseException) -> BaseException:
    """Return what to raise for an error of the server's that means a refusal of the guard's."""
    if isinstance(error, psycopg.errors.PipelineAborted) and isinstance(error.__context__, psycopg.Error):
        return _translated(error.__context__)  # what aborted it, which the driver's own end of a pipeline replaces
    if isinstance(error, psycopg.errors.InvalidTextRepresentation) and _TOLD in str(error):
        return psycopg.errors.ReadOnlySqlTransaction(
            "this transaction was begun read-only, and was made to write: it is rolled back"
        )
    # The server's message may be translated; this is the only one of the kind in that function of its.
    if isinstance(error, psycopg.errors.SyntaxError) and error.diag.source_function == "exec_parse_message":
        return psycopg.errors.ReadOnlySqlTransaction(
            "cannot execute several statements in one string while read-only: execute them one by one"
        )
    return error


def explain(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
    """Tell the driver's connection who made the statement, and Django's error what was refused; an execute wrapper."""
    wrapper = context["connection"]
    held = wrapper.connection
    held.probe_announced = sql if compiled.take(wrapper) else None
    try:
        return execute(sql, params, many, context)
    except Error as error:
        hand_on(error, held.probe_note)
        raise
    finally:
        held.probe_announced = None


_held_classes: dict[type[psycopg.Connection[Any]], type[Held]] = {}


def _held(base: type[psycopg.Connection[Any]]) -> type[Held]:
    if base not in _held_classes:
        _held_classes[base] = type(f"ReadOnly{base.__name__}", (Held, base), {"probe_base": base})
    return _held_classes[base]


def hold(raw: psycopg.Connection[Any], note: str) -> None:
    """Hold the driver's connection from now on; `note` goes with every write that is refused.

    It asks the server whether it holds. Raise GuardError if not, and psycopg's errors if the server fails.
    """
    raw.rollback()  # what a receiver of connection_created left open was begun unguarded
    believed = raw.autocommit
    raw.autocommit = False
    raw.read_only = True
    raw.__class__ = _held(raw.__class__)
    assert isinstance(raw, Held)
    raw.probe_note = note
    raw.autocommit = believed
    raw.probe_announced = _IS_HELD
    with raw.cursor(row_factory=tuple_row) as cursor:
        answer = cursor.execute(_IS_HELD).fetchone()
    raw.probe_announced = None
    if not believed:
        raw.rollback()
    if answer != ("on",) or raw.info.transaction_status != TransactionStatus.IDLE:
        raise GuardError("the server does not hold a transaction to the READ ONLY that it was begun with")


def release(raw: psycopg.Connection[Any]) -> None:
    """Put the connection back as it was before `hold`, or close it: a pool may hand it on to anybody."""
    if not isinstance(raw, Held):
        return
    believed = raw.autocommit
    try:
        raw.rollback()
        raw.__class__ = raw.probe_base  # type: ignore[assignment] # (from here on it is no longer held)
        raw.read_only = None
        raw.autocommit = believed
    except psycopg.Error:
        raw.pgconn.finish()  # not close(): a pool may have made that a way to return it


def is_busy(raw: psycopg.Connection[Any]) -> bool:
    """Return whether a statement of this connection is running, or was left running by an interrupt."""
    return raw.info.transaction_status == TransactionStatus.ACTIVE


def cancel(raw: psycopg.Connection[Any]) -> None:
    """Stop the statement that runs on the server; closing the connection would leave it running, with its locks."""
    with suppress(psycopg.Error):
        raw.cancel_safe(timeout=_CANCEL_SECONDS)
