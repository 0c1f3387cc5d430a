"""Has each layer of CHANNEL_LAYERS pass a message on, over a channel that nobody else knows."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_probe.contrib.parts import blaming, without_user_info
from django_probe.terms import parse_timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

_COMES_WITHIN: Final = 2.0


def timeout() -> float:
    """Return how many seconds a message may take, from PROBE_CHANNELS_TIMEOUT."""
    try:
        return parse_timeout(getattr(settings, "PROBE_CHANNELS_TIMEOUT", _COMES_WITHIN))
    except ValueError as error:
        raise ImproperlyConfigured(f"PROBE_CHANNELS_TIMEOUT: {error}") from None


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of CHANNEL_LAYERS as it is written, with one host at the most: messages are spread over several."""

    alias: str
    backend: str
    options: Mapping[str, Any]

    def __str__(self) -> str:
        """Return its alias."""
        return self.alias

    @property
    def blamed(self) -> str:
        """What a message calls it: its alias, its class and its place, without user and password."""
        hosts = self.options.get("hosts") or ()
        where = ", ".join(map(_shown, [hosts] if isinstance(hosts, str) else hosts))
        return f'channel layer "{self}" ({self.backend.rpartition(".")[2]}{f" at {where}" if where else ""})'


def layers() -> list[Layer]:
    """Return the layers of CHANNEL_LAYERS, one for each host."""
    found = []
    for alias, written in (getattr(settings, "CHANNEL_LAYERS", None) or {}).items():
        backend, options = str(written.get("BACKEND", "")), written.get("CONFIG", {})
        hosts = options.get("hosts")
        if isinstance(hosts, list | tuple) and hosts:
            found += [Layer(alias, backend, {**options, "hosts": [host]}) for host in hosts]
        else:
            found.append(Layer(alias, backend, options))
    return found


def passes_on(layer: Layer, seconds: float) -> str | None:
    """Have a layer pass a message on, and return why there is nothing to ask, or None.

    It is one of our own, made of what is written and closed at once. A message that does not come within `seconds` is
    one that the layer forgets by itself, after its `expiry`. Raise AssertionError with the layer and what happened.
    """
    with blaming(layer.blamed):
        from channels.layers import InMemoryChannelLayer  # noqa: PLC0415 (the project's own package)

        made = import_string(layer.backend)(**layer.options)
    if isinstance(made, InMemoryChannelLayer):
        return f"{layer.blamed} reaches no other process"
    with blaming(layer.blamed, *_errors_of_redis()):
        intact = asyncio.run(_pass_on(made, layer.blamed, seconds))
    if not intact:
        raise AssertionError(f"{layer.blamed}: it gave another message than it was given")
    return None


async def _pass_on(layer: Any, blamed: str, seconds: float) -> bool:
    """Return whether the layer gave back the message that it was given.

    Where none comes back, the layers of channels_redis close their connections themselves, with the event loop.
    """
    async with _within(seconds, f"{blamed}: a message did not come through"):
        channel = await layer.new_channel()
        sent = {"type": "django_probe", "text": uuid4().hex}
        await layer.send(channel, sent)
        received = await layer.receive(channel)
    # What it keeps of a message until that has been worked on goes when its connections are closed in order.
    if hasattr(layer, "close_pools"):
        async with _within(seconds, f"{blamed}: a message came through, and its connections did not close"):
            await layer.close_pools()
    return bool(received == sent)


@asynccontextmanager
async def _within(seconds: float, else_said: str) -> AsyncIterator[None]:
    """Raise AssertionError with what is said if the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise AssertionError(f"{else_said} within {seconds:g} s") from None


def _errors_of_redis() -> Iterator[type[BaseException]]:
    """Yield what the layers of channels_redis raise where a server does not answer; only they have imported it."""
    if redis := sys.modules.get("redis"):
        yield redis.RedisError


def _shown(host: Any) -> str:
    """Return an entry of `hosts` of channels_redis: a URL, host and port, or a mapping."""
    if isinstance(host, list | tuple):
        return ":".join(map(str, host))
    if isinstance(host, dict):
        host = host.get("address") or host.get("master_name") or f"{host.get('host', 'localhost')}:{host.get('port')}"
    return without_user_info(str(host)).partition("?")[0]  # where a password may stand, too
