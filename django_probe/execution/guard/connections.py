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
BROUGHT: Final = "__probe_brought__"
"""Under this a connection keeps the execute wrappers that the project gave it as it was opened."""


def discard(wrapper: BaseDatabaseWrapper) -> None:
    """Roll back and close a connection, in whatever state it is; the next use of it connects anew.

    A database in memory is not closed, because that would delete it: it is rolled back and no longer held.
    """
    wrapper.validate_thread_sharing()
    forget_transaction(wrapper)
    vars(wrapper).pop(HOLD, None)
    if wrapper.connection is not None and not is_stuck(wrapper):
        with suppress(Error):
            # Explicitly: a pooler drops its connection to the server if a client leaves in mid-transaction.
            wrapper.rollback()
    with suppress(Error):
        wrapper.close()
    release(wrapper)
    vars(wrapper).pop(SESSION, None)


def part(wrapper: Any) -> None:
    """Before a connection goes back to its pool, take it from cursors and variables that keep the driver's object."""
    if getattr(wrapper.connection, "_pool", None) and uses_psycopg(type(wrapper)):
        from django_probe.execution.guard.databases import psycopg_parting  # noqa: PLC0415 (psycopg may not be installed)

        wrapper.connection = psycopg_parting.part(wrapper.connection)


def end_session(wrapper: BaseDatabaseWrapper) -> None:
    """Close a pool's connection for good if something may be set in its session: the pool would hand it on."""
    if vars(wrapper).pop(SESSION, None) is not None and hasattr(wrapper.connection, "_pool"):
        wrapper.connection.pgconn.finish()  # not close(): a pool may have made that a way to return it


def forget_transaction(wrapper: BaseDatabaseWrapper) -> None:
    """Reset Django's state of atomic blocks, as its `connect()` does."""
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
    # A pool's connection goes back to the pool, which finds out by itself whether it was dropped.
    if dirty or hasattr(raw, "_pool"):
        discard(wrapper)


def distrust(wrapper: BaseDatabaseWrapper) -> None:
    """Have Django check before the next use whether the server dropped the connection; this costs nothing now."""
    if wrapper.connection is not None:
        vars(wrapper).update(health_check_enabled=True, health_check_done=False)


def is_unfinished(raw: Any) -> bool:
    """Return whether the driver's connection is in a transaction or broken; the server is not asked."""
    status = getattr(getattr(raw, "info", None), "transaction_status", 0)  # psycopg: 0 is idle
    try:
        return bool(status) or getattr(raw, "in_transaction", False)  # sqlite3
    except Exception:  # noqa: BLE001 (sqlite3's error of a closed connection; sqlite3 need not be loaded)
        return True


def is_stuck(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether a statement that was interrupted still runs, so that the connection is of no use."""
    if wrapper.connection is None or wrapper.vendor != "postgresql" or not uses_psycopg(type(wrapper)):
        return False
    from django_probe.execution.guard.databases import postgresql  # noqa: PLC0415 (psycopg may not be installed)

    return postgresql.is_busy(wrapper.connection)


def cancel(wrapper: BaseDatabaseWrapper) -> None:
    """Stop the statement that an interrupt left running on the server, if there is one."""
    if is_stuck(wrapper):
        from django_probe.execution.guard.databases import postgresql  # noqa: PLC0415 (psycopg may not be installed)

        postgresql.cancel(wrapper.connection)
