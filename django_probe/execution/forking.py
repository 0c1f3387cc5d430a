"""What a process puts in order before it forks, so that parent and child share nothing but memory."""

from __future__ import annotations

import contextlib
import sys

from django.db import connections

from django_probe.execution import linux


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
