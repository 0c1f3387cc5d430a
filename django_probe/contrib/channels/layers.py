"""Has each layer of CHANNEL_LAYERS pass a message on, over a channel that nobody else knows."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from django_probe.contrib.parts import blaming, without_user_info
from django_probe.terms import parse_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMES_WITHIN: Final = 2.0


def timeout() -> float:
    """Return how many seconds a message may take, from PROBE_CHANNELS_TIMEOUT."""
    try:
        return parse_timeout(getattr(settings, "PROBE_CHANNELS_TIMEOUT", _COMES_WITHIN))
    except ValueError as error:
        raise ImproperlyConfigured(f"PROBE_CHANNELS_TIMEOUT: {error}") from None


def aliases() -> list[str]:
    """Return the aliases of CHANNEL_LAYERS."""
    return list(_written())


def passes_on(alias: str, seconds: float) -> str | None:
    """Have a layer pass a message on, and return why there is nothing to ask, or None.

    The layer is one of our own, made of the alias's settings and closed at once. A message that does not come within
    `seconds` is one that the layer forgets by itself, after its `expiry`. Raise AssertionError with the layer's alias,
    its place and what happened.
    """
    place = _place(alias, _written()[alias])
    with blaming(place):
        from channels.layers import InMemoryChannelLayer, channel_layers  # noqa: PLC0415 (the project's own package)

        layer = channel_layers.make_backend(alias)
    if isinstance(layer, InMemoryChannelLayer):
        return f'channel layer "{alias}" is an InMemoryChannelLayer, which reaches no other process'
    with blaming(place, *_errors_of_redis()):
        try:
            asyncio.run(_pass_on(layer, seconds))
        except TimeoutError:
            raise AssertionError(f"{place}: a message did not come through within {seconds:g} s") from None
    return None


async def _pass_on(layer: Any, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        channel = await layer.new_channel()
        sent = {"type": "django_probe", "text": uuid4().hex}
        await layer.send(channel, sent)
        received = await layer.receive(channel)
        if received != sent:
            raise AssertionError(f"it gave another message than it was given: {received!r}")
        # What it keeps of a message until that has been worked on goes when its connections are closed in order.
        if hasattr(layer, "close_pools"):
            await layer.close_pools()


def _written() -> Mapping[str, Any]:
    return getattr(settings, "CHANNEL_LAYERS", None) or {}


def _errors_of_redis() -> Iterator[type[BaseException]]:
    """Yield what the layers of channels_redis raise where a server does not answer; only they have imported it."""
    if redis := sys.modules.get("redis"):
        yield redis.RedisError


def _place(alias: str, written: Mapping[str, Any]) -> str:
    backend = str(written.get("BACKEND", "")).rpartition(".")[2]
    where = ", ".join(_shown(host) for host in written.get("CONFIG", {}).get("hosts") or ())
    return f'channel layer "{alias}" ({backend}{f" at {where}" if where else ""})'


def _shown(host: Any) -> str:
    """Return an entry of `hosts` of channels_redis, without user and password."""
    if isinstance(host, list | tuple):
        return ":".join(map(str, host))
    if isinstance(host, dict):
        host = host.get("address") or host.get("master_name") or f"{host.get('host', 'localhost')}:{host.get('port')}"
    return without_user_info(str(host))
