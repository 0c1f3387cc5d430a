"""Connects to a port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.contrib.checks.limits import address_of, in_time, patience
from django_probe.http.connecting import UnreachableError, connect
from django_probe.http.response import Times

if TYPE_CHECKING:
    from django_probe.declared.check import Check


def run(check: Check) -> float:
    """Connect, and return the seconds of that; AssertionError where there is no connection, or not in time."""
    host, port = address_of(check)
    times = Times()
    try:
        connect(host, port, patience(check), times).close()
    except UnreachableError as error:
        raise AssertionError(f"{host}:{port}: {error}\n\ntimes: {times}") from None
    return in_time(check, f"{host}:{port}", times)
