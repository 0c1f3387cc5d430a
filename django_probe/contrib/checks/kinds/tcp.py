"""Connects to a port, and sees whether somebody stays at the other end."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.limits import address_of, in_time, patience
from django_probe.http.response import Times
from django_probe.http.wire.connecting import UnreachableError, connect

if TYPE_CHECKING:
    from django_probe.policy.declared.check import Check

_A_MOMENT: Final = 0.1
"""Seconds in which a proxy that has nobody behind it closes what it took."""


def run(check: Check) -> float:
    """Connect, and return the seconds of that; AssertionError where there is no connection, or not in time."""
    host, port = address_of(check)
    times = Times()
    try:
        with connect(host, port, patience(check), times) as sock:
            is_closed = _is_closed(sock)
    except UnreachableError as error:
        raise AssertionError(f"{host}:{port}: {error}\n\ntimes: {times}") from None
    if is_closed:
        raise AssertionError(f"{host}:{port}: the connection was taken, and closed at once\n\ntimes: {times}")
    return in_time(check, f"{host}:{port}", times)


def _is_closed(sock: socket.socket) -> bool:
    sock.settimeout(_A_MOMENT)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except TimeoutError:  # it waits for us to speak
        return False
    except OSError:
        return True
