"""Finds the address that a request came from, through the proxies that may say so."""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from django.http import HttpRequest

_VARIABLE: Final = "FORWARDED_ALLOW_IPS"
_USUAL: Final = "127.0.0.1,::1"
"""What gunicorn takes for it: both believe the same proxies."""


def of_client(request: HttpRequest) -> str | None:
    """Return the address of whoever sent a request; None where nobody says it, as where a proxy asks through a socket.

    It is that of the connection. If a proxy may say for whom it asks (FORWARDED_ALLOW_IPS), it is the last address of
    X-Forwarded-For that is no such proxy's: what stands before it is what the client itself may have sent. With "*",
    it is the last one.
    """
    address = _parsed(request.META.get("REMOTE_ADDR", ""))
    trusted = os.environ.get(_VARIABLE, "").strip() or _USUAL
    said = [entry.strip() for entry in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    for number, entry in enumerate(reversed(said)):
        if not (number == 0 if trusted == "*" else _is_trusted(address, trusted)):
            break
        if (before := _parsed(entry)) is None:
            break
        address = before
    return str(address) if address else None


def _is_trusted(address: IPv4Address | IPv6Address | None, trusted: str) -> bool:
    """Return whether a proxy is trusted; one without an address asks through a socket, which is its own."""
    return address is None or any(address in network for network in _networks(trusted))


def _networks(trusted: str) -> list[IPv4Network | IPv6Network]:
    return [ip_network(each, strict=False) for part in trusted.split(",") if (each := part.strip())]


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address that stands there with or without its port; one of IPv4 that is written as IPv6 is the same."""
    for candidate in (text, text.rpartition(":")[0]):
        try:
            address = ip_address(candidate.strip("[]").partition("%")[0])
        except ValueError:
            continue
        return getattr(address, "ipv4_mapped", None) or address
    return None
