"""Connects with TLS: the certificate is good for the name, and lasts."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

from django_probe.contrib.checks.limits import address_of, ends_too_soon, in_time, patience
from django_probe.http.evidence import certificate_left
from django_probe.http.response import Times
from django_probe.http.wire.connecting import UnreachableError, certificate_end, connect, trust

if TYPE_CHECKING:
    from django_probe.policy.declared.check import Check


def prepare(_checks: object) -> None:
    """Read the certificates that are trusted, once for every process that asks."""
    trust()


def run(check: Check) -> float:
    """Connect, and return the seconds of that; AssertionError with what is wrong of it."""
    host, port = address_of(check)
    name, times = f"{host}:{port}", Times()
    began = time.monotonic()
    try:
        with connect(host, port, patience(check), times) as plain:
            began = time.monotonic()
            with trust().wrap_socket(plain, server_hostname=host) as sock:
                ends = certificate_end(sock)
    except UnreachableError as error:
        raise AssertionError(f"{name}: {error}\n\ntimes: {times}") from None
    except ssl.SSLCertVerificationError as error:
        raise AssertionError(f"{name}: its certificate was refused: {error.verify_message}{_by_hand(name)}") from None
    except OSError as error:
        said = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        raise AssertionError(f"{name}: no TLS: {said}{_by_hand(name)}") from None
    times.tls = time.monotonic() - began
    if ends and (problems := [*ends_too_soon(check, ends)]):
        left = certificate_left(ends)
        raise AssertionError(f"{name}: {problems[0]}\n\ncertificate: ends {left}\ntimes: {times}{_by_hand(name)}")
    return in_time(check, name, times)


def _by_hand(name: str) -> str:
    return f"\nthe same by hand:\n  openssl s_client -connect {name} -verify_return_error </dev/null"
