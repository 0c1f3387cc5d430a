"""Ends the statements that connections still run at the server, when their process is about to go.

To close a connection, or to end its process, is not enough: the server goes on with the statement, and keeps its
locks, until it has a row to send. So the driver's own way to cancel is used, which reaches the server past the
connection, from any thread, and through PgBouncer as well.
"""

from __future__ import annotations

import os
import select
import socket
from contextlib import closing, suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from django_probe.execution.guard.read_only import uses_psycopg
from django_probe.execution.guard.rules import owner_of
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper

_ACTIVE: Final = 1  # the transaction status of libpq, which psycopg 2 and 3 give
_STEP: Final = 0.01
_PATIENCE: Final = 0.2
"""Seconds that threads have to see what became of their statements."""
_AGAIN: Final = 0.05
"""Seconds until a cancel is sent again: one that comes before its statement was read does nothing."""
_NUMBER: Final = "__probe_number__"
_kept: Final[list[int]] = []
"""Descriptors that stay open as long as the process lives."""


def remember(wrapper: Any) -> None:
    """Note what MySQL calls an open connection: mysqlclient tells it to the connection's own thread alone."""
    if wrapper.vendor == "mysql":
        vars(wrapper)[_NUMBER] = wrapper.connection.thread_id()


def cancel_statements(connections: Sequence[BaseDatabaseWrapper], within: float) -> None:
    """Cancel, once, what these connections run at their servers now; give up after `within` seconds.

    Whatever fails is passed over: a server that does not answer runs nothing that could be cancelled.
    """
    until = Original.monotonic() + within
    for wrapper in connections:
        with suppress(Exception):
            if wrapper.vendor == "mysql":
                _kill_query(wrapper, until - Original.monotonic())
            elif _is_busy(wrapper):
                _cancel(wrapper, until - Original.monotonic())


def end_statements(connections: Callable[[], Sequence[BaseDatabaseWrapper]], within: float) -> None:
    """Do so at the end of the process, and cut the other threads' connections off: one may try again and again."""
    until = Original.monotonic() + within
    cancel_statements(connections(), within)
    patience = Original.monotonic() + _PATIENCE
    while any(map(_is_busy, _of_others(connections))) and Original.monotonic() < patience:
        Original.sleep(_STEP)
    cut = []
    for wrapper in connections():
        with suppress(Exception):
            if owner_of(wrapper) != get_ident():
                cut += _cut_off(wrapper)
            elif _is_busy(wrapper):
                _insist(_cancel_of(wrapper), _descriptor_of(wrapper), until)
    for wrapper, cancel, descriptor in cut:
        with suppress(Exception):
            cancel()  # busy or not: a thread that has sent something notes it only when it gets the processor again
            if _is_busy(wrapper):
                _insist(cancel, descriptor, until)


def _of_others(connections: Callable[[], Sequence[BaseDatabaseWrapper]]) -> list[BaseDatabaseWrapper]:
    return [each for each in connections() if owner_of(each) != get_ident()]


def _is_busy(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether a statement of PostgreSQL runs; drivers tell that without asking the server."""
    try:
        return wrapper.vendor == "postgresql" and wrapper.connection.info.transaction_status == _ACTIVE
    except Exception:  # noqa: BLE001 (closed in this moment, or no driver's connection)
        return False


def _cancel(wrapper: BaseDatabaseWrapper, seconds: float) -> None:
    raw: Any = wrapper.connection
    if uses_psycopg(type(wrapper)):
        raw.cancel_safe(timeout=seconds)
    else:
        raw.cancel()


def _cut_off(wrapper: BaseDatabaseWrapper) -> list[tuple[BaseDatabaseWrapper, Callable[[], None], int]]:
    """Let nothing more be sent by a connection to PostgreSQL; return what cancels the last, and where it is answered.

    The other end hears nothing of it: PgBouncer takes no cancel of a client that is gone.
    """
    if wrapper.vendor != "postgresql":
        return []
    cancel, descriptor = _cancel_of(wrapper), _descriptor_of(wrapper)
    kept, gone = socket.socketpair()
    with kept, gone:
        _kept.append(os.dup(descriptor))
        os.dup2(kept.fileno(), descriptor, inheritable=False)
    return [(wrapper, cancel, _kept[-1])]


def _cancel_of(wrapper: BaseDatabaseWrapper) -> Callable[[], None]:
    """Return what cancels the statement of a connection to PostgreSQL, whatever becomes of its descriptor."""
    raw: Any = wrapper.connection
    cancel: Callable[[], None] = raw.pgconn.get_cancel().cancel if uses_psycopg(type(wrapper)) else raw.cancel
    return cancel


def _descriptor_of(wrapper: BaseDatabaseWrapper) -> int:
    raw: Any = wrapper.connection
    return int(raw.pgconn.socket if uses_psycopg(type(wrapper)) else raw.fileno())


def _insist(cancel: Callable[[], None], descriptor: int, until: float) -> None:
    """Cancel a statement until the server has answered on this descriptor, or it is time to give up."""
    answers = Original.poll()
    answers.register(descriptor, select.POLLIN)
    while True:
        cancel()
        if answers.poll(1000 * _AGAIN) or Original.monotonic() > until:
            return


def _kill_query(wrapper: Any, seconds: float) -> None:
    """Have MySQL end what a connection runs, if anything, by a connection that is made for it."""
    number = int(vars(wrapper)[_NUMBER])
    parameters = {**wrapper.get_connection_params(), "connect_timeout": max(1, round(seconds))}
    with closing(wrapper.Database.connect(**parameters)) as another, closing(another.cursor()) as cursor:
        cursor.execute(f"KILL QUERY {number}")
