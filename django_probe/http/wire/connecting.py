"""Connects, and keeps the time of looking the name up, of the connection, and of TLS."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from django_probe.http.response import Times

_LEAST: Final = 0.001
"""Seconds: a socket with none at all would not wait, but give up at once."""


class UnreachableError(OSError):
    """There is no connection; the message says at which step that ended."""


def connect(host: str, port: int, timeout: float, times: Times) -> socket.socket:
    """Return a connection over TCP, which has the rest of `timeout` seconds; UnreachableError where there is none."""
    began = time.monotonic()
    try:
        found = _addresses(host, port, timeout)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UnreachableError(f"the name {host} was not found: {why}") from error
    finally:
        times.dns = time.monotonic() - began
    until, began = began + timeout, time.monotonic()
    problems: dict[str, None] = {}
    addresses = [*dict.fromkeys(str(each[4][0]) for each in found)]
    for number, address in enumerate(addresses):
        try:
            # Its part of the time: of two networks that a name leads to, one may take what it gets and say nothing.
            connection = socket.create_connection((address, port), left(until) / (len(addresses) - number))
        except OSError as error:
            problems[f"{address} port {port}: {error.strerror or error}"] = None
            if time.monotonic() >= until:
                break
        else:
            connection.settimeout(left(until))
            return connection
        finally:
            times.connect = time.monotonic() - began
    raise UnreachableError(f"no connection to {'; '.join(problems)}")


def left(until: float) -> float:
    """Return the seconds until a moment of the monotonic clock, as a socket takes them."""
    return max(until - time.monotonic(), _LEAST)


def _addresses(host: str, port: int, timeout: float) -> list[Any]:
    """Return what the name leads to; TimeoutError after `timeout` seconds.

    A name is looked up in a thread of its own: nothing else limits how long that takes.
    """
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        pass
    else:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    came: list[list[Any] | Exception] = []

    def look_up() -> None:
        try:
            came.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 (it is raised where the addresses are waited for)
            came.append(error)

    thread = Thread(target=look_up, name="django-probe-name", daemon=True)
    thread.start()
    thread.join(timeout)
    if not came:
        raise TimeoutError("no answer in time")
    if isinstance(came[0], Exception):
        raise came[0]
    return came[0]


@cache
def trust() -> ssl.SSLContext:
    """Verify certificate and name, and tell an end that TLS did not announce; OpenSSL itself heeds SSL_CERT_FILE."""
    context = ssl.create_default_context()
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # Debian's Python has it on; OpenSSL 1 has it not
    return context


def certificate_end(sock: Any) -> datetime | None:
    """Return when the first of the certificates ends by which a TLS connection is trusted; None where it is none.

    That may be one between the server's and the authority's: without it the server's is good for nothing.
    """
    inside = getattr(sock, "_sslobj", None)
    if inside is None:
        return None
    # Python 3.11 and 3.12 have no public name for it, and that of 3.13 gives bytes which nothing here can read.
    ends = (ssl.cert_time_to_seconds(each.get_info()["notAfter"]) for each in inside.get_verified_chain())
    return datetime.fromtimestamp(min(ends), UTC)
