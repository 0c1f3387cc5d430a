"""Puts Django's connections in order between probes: what a probe left behind is rolled back or closed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django.db import Error

from django_probe.execution.guard.read_only import release, still_holds, uses_psycopg

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

HOLD: Final = "__probe_hold__"
SESSION: Final = "__probe_session__"


def discard(wrapper: BaseDatabaseWrapper) -> None:
    """Roll back and close a connection, in whatever state it is; the next use of it connects anew.

    A database in memory is not closed, for that would end it; it is only rolled back and no longer held.
    """
    wrapper.validate_thread_sharing()
    forget_transaction(wrapper)
    vars(wrapper).pop(HOLD, None)
    if wrapper.connection is not None and not is_stuck(wrapper):
        with suppress(Error):
            # Said aloud: a pooler drops its connection to the server if the client goes in mid-transaction.
            wrapper.rollback()
    with suppress(Error):
        wrapper.close()
    release(wrapper)
    vars(wrapper).pop(SESSION, None)


def end_session(wrapper: BaseDatabaseWrapper) -> None:
    """Close for good what a pool would hand on, where something may be set in the session."""
    if vars(wrapper).pop(SESSION, None) is not None and hasattr(wrapper.connection, "_pool"):
        wrapper.connection.pgconn.finish()  # not close(): a pool may have made that a way to return it


def forget_transaction(wrapper: BaseDatabaseWrapper) -> None:
    """Make Django believe that no atomic block is open, as its `connect()` does."""
    wrapper.in_atomic_block = False
    wrapper.closed_in_transaction = False
    wrapper.needs_rollback = False
    wrapper.savepoint_ids = []
    wrapper.atomic_blocks = []
    wrapper.run_on_commit = []


def settle(wrapper: BaseDatabaseWrapper) -> None:
    """Keep a connection for the next probe only if it is as a new one would be."""
    raw = wrapper.connection
    dirty = wrapper.in_atomic_block or wrapper.closed_in_transaction or SESSION in vars(wrapper)
    if raw is not None:
        dirty = dirty or wrapper.autocommit != wrapper.settings_dict["AUTOCOMMIT"] or is_unfinished(raw)
        dirty = dirty or not still_holds(wrapper)
    # A pool's connection goes back: Django leaves it to the pool to find out that it was dropped.
    if dirty or hasattr(raw, "_pool"):
        discard(wrapper)


def distrust(wrapper: BaseDatabaseWrapper) -> None:
    """Have Django look, before the next use, whether the server dropped the connection; free till then."""
    if wrapper.connection is not None:
        vars(wrapper).update(health_check_enabled=True, health_check_done=False)


def is_unfinished(raw: Any) -> bool:
    """Return whether the driver's connection is in a transaction, or broken, without asking the server."""
    status = getattr(getattr(raw, "info", None), "transaction_status", 0)  # psycopg: 0 is idle
    try:
        return bool(status) or getattr(raw, "in_transaction", False)  # sqlite3
    except Exception:  # noqa: BLE001 (sqlite3's own, which need not be loaded: it is closed)
        return True


def is_stuck(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether a statement that was interrupted still runs, so that the connection is of no use."""
    if wrapper.connection is None or wrapper.vendor != "postgresql" or not uses_psycopg(type(wrapper)):
        return False
    from django_probe.execution.guard import postgresql  # noqa: PLC0415 (psycopg may not be installed)

    return postgresql.is_busy(wrapper.connection)


def cancel(wrapper: BaseDatabaseWrapper) -> None:
    """Stop the statement that an interrupt left running on the server, if there is one."""
    if is_stuck(wrapper):
        from django_probe.execution.guard import postgresql  # noqa: PLC0415 (psycopg may not be installed)

        postgresql.cancel(wrapper.connection)
