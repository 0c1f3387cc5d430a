"""Looks after the threads that work for the probes of `ready`, and after the database connections that they open.

Django gives each thread connections of its own. A probe's other threads may live longer than a round: the one
in which asgiref runs the ORM for async code, those of a pool that a module keeps. The next round would use
their connections again. If the server dropped them meanwhile, the probe would fail in every round from then on.

So each round has an asgiref executor of its own, whose thread closes its connections and ends with the round.
Of all other threads that a probe starts, and that these start, this module notes what they open. It closes the
connections of those that ended; for those that live on, Django checks the connection before its next use.
Connections of threads that serve requests are not among them, and stay as they are.

A context variable could not tell whose a thread is: pools and plain threads do not take over the context of
whoever starts them. That a thread was started by another is only known where it is started.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.db import connections
from django.db.backends.signals import connection_created

from django_probe.execution.guard.connections import discard, distrust

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_WORKS_FOR: Final = "__probe_works_for__"


class ProbeThreads:
    """The thread that makes it, which runs the rounds, and every thread that works for a probe there."""

    def __init__(self) -> None:
        _watch()
        self._opened: dict[BaseDatabaseWrapper, threading.Thread] = {}
        vars(threading.current_thread())[_WORKS_FOR] = self
        # Async code of this thread, and of what copies its context, runs thread-sensitive code in an executor that
        # asgiref makes for this context. Without one it would be the executor that the whole process shares.
        self._context = ThreadSensitiveContext()
        SyncToAsync.thread_sensitive_context.set(self._context)

    def opened(self, wrapper: BaseDatabaseWrapper, thread: threading.Thread) -> None:
        """Note that this thread opened a connection."""
        self._opened[wrapper] = thread

    def begin_round(self) -> None:
        """See to it that no probe uses a connection which the server dropped since the last round."""
        self._tidy()

    def end_round(self) -> None:
        """Close the connections of this thread and of those that ended; end the executor, without waiting for it."""
        _close_own_connections()
        executor: Any = SyncToAsync.context_to_thread_executor.pop(self._context, None)
        if executor:
            executor.submit(_close_own_connections)
            executor.shutdown(wait=False)
        self._tidy()

    def _tidy(self) -> None:
        here = threading.current_thread()
        for wrapper, thread in self._opened.copy().items():
            if thread.is_alive() and thread is not here:
                if not wrapper.in_atomic_block:  # the thread is at work: the check would be part of its transaction
                    distrust(wrapper)
                continue
            del self._opened[wrapper]
            if thread is not here:
                wrapper.inc_thread_sharing()  # Django lets nobody but the thread itself close it, and that has ended
            discard(wrapper)


def _close_own_connections() -> None:
    for connection in connections.all(initialized_only=True):
        discard(connection)


@functools.cache
def _watch() -> None:
    """Have each thread of this process that a probe's thread starts be known as one; once a process."""
    original = threading.Thread.start

    @functools.wraps(original)
    def start(thread: threading.Thread) -> None:
        if threads := _threads_of(threading.current_thread()):
            vars(thread)[_WORKS_FOR] = threads
        original(thread)

    threading.Thread.start = start  # type: ignore[assignment,method-assign]
    connection_created.connect(_note, dispatch_uid=_WORKS_FOR)


def _note(*, connection: BaseDatabaseWrapper, **_signal: object) -> None:
    thread = threading.current_thread()
    if threads := _threads_of(thread):
        threads.opened(connection, thread)


def _threads_of(thread: threading.Thread) -> ProbeThreads | None:
    return vars(thread).get(_WORKS_FOR)
