"""Holds a psycopg 3 connection to read-only transactions, one at a time, with nothing set in the session.

The driver itself begins every transaction (`BEGIN READ ONLY`), whichever way a statement comes: ORM, raw
cursor, `copy()`, `callproc()`, a server-side cursor. For that it must never be in autocommit. It tells Django, and
whoever else asks, that it is, and ends the transaction after each statement. A session setting
(`SET SESSION CHARACTERISTICS`, `default_transaction_read_only`) would outlive the probe behind a pooler.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from django_probe.execution.guard.refusals import GuardError, refuse

if TYPE_CHECKING:
    from psycopg.abc import PQGen

_CANCEL_SECONDS: Final = 2.0


class _Held(psycopg.Connection[Any]):
    """A driver's connection that begins only read-only transactions; see the module."""

    probe_note: str
    probe_base: type[psycopg.Connection[Any]]
    probe_autocommit = False  # what Django, or the probe, believes to be set

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

    def wait(self, gen: PQGen[Any], *args: Any, **kwargs: Any) -> Any:
        """Run one of the driver's operations, then end the transaction if the statement has its own."""
        try:
            result = super().wait(gen, *args, **kwargs)
        except BaseException as error:
            if self._is_refusal(error):
                refuse(error, self.probe_note)
            with suppress(psycopg.Error):
                self._end_statement()
            raise
        self._end_statement()
        return result

    def _is_refusal(self, error: BaseException) -> bool:
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            return True
        # VACUUM, CREATE INDEX CONCURRENTLY and the like refuse to run in the transaction that the guard began.
        return self.probe_autocommit and isinstance(error, psycopg.errors.ActiveSqlTransaction)

    def _end_statement(self) -> None:
        if not self.probe_autocommit or self._num_transactions or self._pipeline or self._tpc:
            return
        status = self.pgconn.transaction_status
        if status == TransactionStatus.INTRANS:
            # Not a rollback: the effect of `SET`, and a cursor WITH HOLD, stay as they do in autocommit.
            super().wait(self._commit_gen())
        elif status == TransactionStatus.INERROR:
            super().wait(self._rollback_gen())


_held_classes: dict[type[psycopg.Connection[Any]], type[_Held]] = {}


def _held(base: type[psycopg.Connection[Any]]) -> type[_Held]:
    if base not in _held_classes:
        _held_classes[base] = type(f"ReadOnly{base.__name__}", (_Held, base), {"probe_base": base})
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
    assert isinstance(raw, _Held)
    raw.probe_note = note
    raw.autocommit = believed
    with raw.cursor(row_factory=tuple_row) as cursor:
        answer = cursor.execute("SELECT current_setting('transaction_read_only')").fetchone()
    if not believed:
        raw.rollback()
    if answer != ("on",) or raw.info.transaction_status != TransactionStatus.IDLE:
        raise GuardError("the server does not hold a transaction to the READ ONLY that it was begun with")


def release(raw: psycopg.Connection[Any]) -> None:
    """Put the connection back as it was before `hold`, or close it: a pool may hand it on to anybody."""
    if not isinstance(raw, _Held):
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
