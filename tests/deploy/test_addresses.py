"""From which address a request came, through proxies that may say so and others that may not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from deploy import addresses


@pytest.mark.parametrize(
    ("trusted", "connected", "said", "found"),
    [
        ("", "203.0.113.9", "", "203.0.113.9"),
        ("", "203.0.113.9", "198.51.100.1", "203.0.113.9"),  # anybody can write that header
        ("", "127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("", "::1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client wrote the first, the proxy the last
        ("10.0.0.0/8", "127.0.0.1", "198.51.100.1", "127.0.0.1"),
        ("10.0.0.0/8", "10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.0/8, fd00::/8", "fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.0/8", "10.1.2.3", "10.1.1.1", "10.1.1.1"),
        ("*", "192.0.2.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("", "127.0.0.1", "198.51.100.1:51234", "198.51.100.1"),
        ("", "127.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("", "127.0.0.1", "unknown", "127.0.0.1"),
        ("", "127.0.0.1", "198.51.100.1, '; DROP", "127.0.0.1"),
        ("", "fe80::1%eth0", "", "fe80::1"),
        ("", "", "198.51.100.1", "198.51.100.1"),  # a socket in the file system
        ("", "", "", None),
    ],
)
def test_of_client__believes_trusted_proxies_alone(monkeypatch, trusted, connected, said, found):
    """What a client writes into X-Forwarded-For makes it nobody else, and what is no address is none."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    said_by_proxy = {"HTTP_X_FORWARDED_FOR": said} if said else {}
    request = SimpleNamespace(META={"REMOTE_ADDR": connected, **said_by_proxy})

    assert addresses.of_client(request) == found
