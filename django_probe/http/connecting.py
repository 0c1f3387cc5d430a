"""Connects, and keeps the time of looking the name up, of the connection, and of TLS."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_probe.http.response import Times


class UnreachableError(OSError):
    """There is no connection; the message says at which step that ended."""


def connect(host: str, port: int, timeout: float, times: Times) -> socket.socket:
    """Return a connection over TCP; UnreachableError where there is none within `timeout` seconds."""
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        times.dns = time.monotonic() - began
        why = getattr(error, "strerror", None) or error
        raise UnreachableError(f"the name {host} was not found: {why}") from error
    times.dns = time.monotonic() - began
    began = time.monotonic()
    problems: dict[str, None] = {}
    for *_, address in found:
        left = began + timeout - time.monotonic()
        try:
            return socket.create_connection((str(address[0]), port), max(left, 0.001))
        except OSError as error:
            problems[f"{address[0]} port {port}: {error.strerror or error}"] = None
            if time.monotonic() - began >= timeout:
                break
        finally:
            times.connect = time.monotonic() - began
    raise UnreachableError(f"no connection to {'; '.join(problems)}")


@cache
def trust() -> ssl.SSLContext:
    """Verify certificate and name; OpenSSL itself heeds SSL_CERT_FILE and SSL_CERT_DIR."""
    return ssl.create_default_context()


def certificate_end(sock: Any) -> datetime | None:
    """Return when the certificate of a TLS connection ends; None where it is none."""
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC) if certificate else None
