"""Finds the servers of the channel layers in Redis, as channels_redis would connect to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from django_probe.contrib.parts import blaming
from django_probe.contrib.redis import sentinels
from django_probe.contrib.redis.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

_BACKENDS: Final = "channels_redis."
_UNSET: Final = "redis://localhost:6379"


def servers() -> Iterator[Server]:
    """Yield the servers of CHANNEL_LAYERS."""
    for alias, written in (getattr(settings, "CHANNEL_LAYERS", None) or {}).items():
        if not str(written.get("BACKEND", "")).startswith(_BACKENDS):
            continue
        name, options = f'channel layer "{alias}"', written.get("CONFIG", {})
        with blaming(name):
            pools = [_pool(host) for host in options.get("hosts") or [_UNSET]]
        yield from (Server((name,), pool, f"{options.get('prefix', 'asgi')}specific.") for pool in pools)


def _pool(host: Any) -> Any:
    """Return what channels_redis would make of an entry of `hosts`: a URL, host and port, or a mapping."""
    from redis import ConnectionPool  # noqa: PLC0415 (the project's own package)

    if isinstance(host, list | tuple):
        return ConnectionPool(host=host[0], port=host[1])
    options = dict(host) if isinstance(host, dict) else {"address": host}
    if address := options.pop("address", None):
        return ConnectionPool.from_url(address, **options)
    if master := options.pop("master_name", None):
        return sentinels.pool(master, options.pop("sentinels"), options.pop("sentinel_kwargs", None), **options)
    return ConnectionPool(**options)
