"""A Redis server as one part of the project uses it, and how it is connected to: within a time, without retries."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django_probe.contrib.parts import blaming

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STEP_SECONDS: Final = 4.0
"""For connecting, and for each answer: the probe's own timeout would end it without naming the server."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and what the project does there.

    `pool` makes connections as the project's own would; none is made before `client()`. `prefix` begins the keys that
    the project writes there: a login may be allowed no others. What the project asks with may be a class that `follows`
    where a node of a cluster sends it.
    """

    used_by: tuple[str, ...]
    pool: Any
    prefix: str
    writes: bool = True
    follows: bool = False

    def __str__(self) -> str:
        """Return its address and database, or who knows its address, without user and password."""
        told = self.pool.connection_kwargs
        database = told.get("db") or 0
        if sentinels := self._sentinels():
            known = [sentinel.connection_kwargs for sentinel in sentinels]
            known_by = ",".join(f"{each['host']}:{each['port']}" for each in known)
            return f"sentinel://{known_by}/{self.pool.service_name}?db={database}"
        if path := told.get("path"):
            return f"unix://{path}?db={database}"
        from redis import SSLConnection  # noqa: PLC0415 (the project's own package)

        scheme = "rediss" if issubclass(self.pool.connection_class, SSLConnection) else "redis"
        host = str(told.get("host") or "localhost")
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{told.get('port') or 6379}/{database}"

    @property
    def key(self) -> str:
        """A random key that nothing is kept under."""
        return f"{self.prefix}django_probe:{uuid4().hex}"

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Give a client, whose connection is closed with the block.

        Raise AssertionError where the server does not answer, or refuses: which it is, who uses it, what it said.
        """
        from redis import Redis, RedisError  # noqa: PLC0415 (the project's own package)
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        pools = [self.pool, *self._sentinels()]
        for pool in pools:
            options = pool.connection_kwargs
            options.update(socket_timeout=_STEP_SECONDS, retry=Retry(NoBackoff(), 0))
            if "path" not in options:
                options["socket_connect_timeout"] = _STEP_SECONDS
        with blaming(self.blamed, RedisError):
            try:
                yield Redis(connection_pool=self.pool)
            finally:
                for pool in pools:
                    pool.disconnect()

    @property
    def blamed(self) -> str:
        """What a message calls it."""
        return f"{self} ({', '.join(self.used_by)})"

    @property
    def login(self) -> tuple[object, ...]:
        """What makes it the same as another: its address, its database, and who logs in."""
        told = self.pool.connection_kwargs
        return str(self), told.get("username"), told.get("password")

    def _sentinels(self) -> list[Any]:
        """Return the pools of the sentinels that know which server it is; none where its address is written."""
        manager = getattr(self.pool, "sentinel_manager", None)
        return [sentinel.connection_pool for sentinel in manager.sentinels] if manager else []

    def merged(self, other: Server) -> Server:
        """Return the two as one: what either does with the server is done with it."""
        prefix = self.prefix if self.writes else other.prefix
        used_by = tuple(dict.fromkeys((*self.used_by, *other.used_by)))
        follows = self.follows and other.follows
        return replace(self, used_by=used_by, prefix=prefix, writes=self.writes or other.writes, follows=follows)


def each_once(servers: Iterable[Server]) -> list[Server]:
    """Return every database of a server once for each login."""
    found: dict[tuple[object, ...], Server] = {}
    for server in servers:
        known = found.get(server.login)
        found[server.login] = known.merged(server) if known else server
    return list(found.values())
