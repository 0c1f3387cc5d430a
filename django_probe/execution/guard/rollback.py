"""Runs what a probe does to each database in one transaction, which never commits.

It does by hand what `atomic()` does, with three differences. It is lazy: a database that no probe uses is not connected
to. It covers connections that are not in `django.db.connections`. And a savepoint tells at the end, or when the
connection is closed, whether the transaction is still the one that was begun. A nested block (a probe inside its
class's fixture) is one more savepoint.
"""

from __future__ import annotations

import inspect
from contextlib import closing
from typing import TYPE_CHECKING, Any

from django.db import Error
from django.db.backends.base.features import BaseDatabaseFeatures
from django.db.transaction import Atomic

from django_probe.execution.guard.connections import discard, is_stuck
from django_probe.execution.guard.refusals import GuardError
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class _Transaction:
    """A connection's transaction in this process; `is_over` once it is known how it ended."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self.wrapper = wrapper
        self.raw: Any = wrapper.connection
        self.process = Original.getpid()
        self.blocks: list[tuple[str | None, int, int]] = []
        """For each block that was entered, its savepoint and what was open around it."""
        self.is_over = False

    @property
    def is_there(self) -> bool:
        """Whether the connection on which it was begun is still open."""
        return self.wrapper.connection is self.raw and not self.wrapper.closed_in_transaction


class Transactions:
    """The transactions of one thread's connections that are to be rolled back."""

    def __init__(self) -> None:
        self._open: list[_Transaction] = []
        self._ended: list[str] = []
        self.is_idle = True
        """Whether nothing is open or was ended: to ask costs each probe less than to leave and to drop."""

    def begin(self, wrapper: BaseDatabaseWrapper, depth: int) -> None:
        """Begin the transaction of a new connection inside `depth` blocks. Raise GuardError if it has none."""
        _require_transactions(wrapper)
        if not wrapper.autocommit:  # settings may say so; SQLite's savepoints work only from autocommit on
            wrapper.rollback()
            wrapper.set_autocommit(True)
        wrapper.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        wrapper.in_atomic_block = True
        wrapper.commit_on_exit = True
        block = Atomic(wrapper.alias, savepoint=True, durable=False)
        block._from_testcase = True  # type: ignore[attr-defined] # noqa: SLF001 (lets durable=True work inside)
        wrapper.atomic_blocks.append(block)
        self.check(wrapper)  # not in one: Django was made to forget it
        self._open = [other for other in self._open if other.wrapper is not wrapper]
        begun = _Transaction(wrapper)
        self._open.append(begun)
        self.is_idle = False
        for _ in range(depth):
            _enter(begun)

    def enter(self) -> None:
        """Begin a block inside what is open. Raise GuardError if a database cannot."""
        try:
            for transaction in self._open:
                if transaction.is_there:
                    _enter(transaction)
        except (Error, GuardError) as error:
            self.drop()
            raise GuardError(f"the transaction that the class fixture began cannot go on: {error}") from error

    def leave(self) -> list[str]:
        """Undo the innermost block; return the aliases whose transaction somebody else had ended."""
        for transaction in list(self._open):
            if not self._undone(transaction):
                self._ended.append(transaction.wrapper.alias)
        ended, self._ended = self._ended, []
        return ended

    def check(self, wrapper: BaseDatabaseWrapper) -> None:
        """Before a connection is closed, find out whether its transaction is still the one that was begun.

        Afterwards nobody could tell whether the server rolled it back, or the probe had committed it.
        """
        for transaction in self._open:
            # A process that the probe forked must not speak on its parent's connection.
            if transaction.wrapper is wrapper and not transaction.is_over and transaction.process == Original.getpid():
                transaction.is_over = True
                if _was_ended(transaction):
                    self._ended.append(wrapper.alias)

    def drop(self) -> None:
        """Roll back and close everything that is open."""
        for transaction in [*self._open]:
            self._drop(transaction)
        self.is_idle = not self._ended

    def _drop(self, transaction: _Transaction) -> None:
        if transaction in self._open:
            self._open.remove(transaction)
            discard(transaction.wrapper)

    def _undone(self, transaction: _Transaction) -> bool:
        wrapper = transaction.wrapper
        if not transaction.is_there:  # a connection that is gone was checked when it was closed
            self.check(wrapper)
            self._drop(transaction)
            return True
        savepoint, savepoints, blocks = transaction.blocks[-1]
        # What the probe left open inside is undone with the rest.
        del wrapper.savepoint_ids[savepoints:]
        del wrapper.atomic_blocks[blocks:]
        wrapper.in_atomic_block = True
        wrapper.needs_rollback = False
        try:
            if savepoint is not None:
                wrapper.savepoint_rollback(savepoint)
                wrapper.savepoint_commit(savepoint)
        except Error:
            ended = _was_ended(transaction)
            self._drop(transaction)
            return not ended
        transaction.blocks.pop()
        return True


def _enter(transaction: _Transaction) -> None:
    wrapper = transaction.wrapper
    around = len(wrapper.savepoint_ids), len(wrapper.atomic_blocks)
    savepoint = wrapper.savepoint()
    if savepoint is None and transaction.blocks:
        raise GuardError(
            f'database "{wrapper.alias}" has no savepoints, so what a probe writes cannot be rolled back '
            f"without what the fixture of its class wrote; choose read-write"
        )
    wrapper.savepoint_ids.append(savepoint)  # type: ignore[arg-type] # (None is Django's "no savepoint")
    transaction.blocks.append((savepoint, *around))


def _was_ended(transaction: _Transaction) -> bool:
    """Roll a transaction back; return whether something other than the loss of the server had ended it."""
    wrapper, raw = transaction.wrapper, transaction.raw
    savepoint = transaction.blocks[0][0] if transaction.blocks else None
    if savepoint is None or is_stuck(wrapper):  # the first cannot be told, the second was interrupted inside
        return False
    try:
        with wrapper.wrap_database_errors, closing(raw.cursor()) as cursor:
            cursor.execute(wrapper.ops.savepoint_rollback_sql(savepoint))
    except Error:
        return _answers(transaction) or _was_closed_by_hand(transaction)
    return False


def _answers(transaction: _Transaction) -> bool:
    """Return whether the server is still there, so that its loss did not end the transaction."""
    try:
        with transaction.wrapper.wrap_database_errors:
            transaction.raw.rollback()
    except Error:
        return False
    return True


def _was_closed_by_hand(transaction: _Transaction) -> bool:
    """Return whether somebody closed the driver's connection past Django, if the driver can tell that from a loss."""
    raw = transaction.raw
    if transaction.wrapper.vendor == "sqlite":  # there is no server to lose
        return True
    if hasattr(raw, "broken"):  # psycopg 3
        return bool(raw.closed and not raw.broken)
    return getattr(raw, "closed", 0) == 1  # psycopg 2: a lost one has 2


def _require_transactions(wrapper: BaseDatabaseWrapper) -> None:
    name = "supports_transactions"
    # If a backend does not say, Django finds out by creating a table.
    says = inspect.getattr_static(wrapper.features, name) is not vars(BaseDatabaseFeatures)[name]
    if not (says and wrapper.features.supports_transactions):
        raise GuardError(
            f'database "{wrapper.alias}": {wrapper.display_name} does not say that it has transactions, so '
            f"nothing can be rolled back; choose read-write with --database-access or in the gate"
        )
