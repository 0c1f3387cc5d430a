"""What is put in order around a fork, so that parent and child share nothing but memory."""

from __future__ import annotations

import contextlib
import sys

from django.db import connections

from django_probe.execution.system import linux


def close_databases() -> None:
    """Close this process's connections and pools: a fork must share neither."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()


def flush_streams() -> None:
    """Write out what this process has printed and still holds: else each fork of it would do so, too."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # None, broken or closed: nothing to write
            stream.flush()
    linux.flush_c_streams()


def renew_event_loops() -> None:
    """Let gevent and eventlet begin anew in a process that was forked: their loops wait in the parent's epoll.

    They would do so themselves after their own `os.fork`, which is not the engine's.
    """
    if gevent := sys.modules.get("gevent"):
        gevent.reinit()
    if hubs := sys.modules.get("eventlet.hubs"):
        hubs.use_hub()
