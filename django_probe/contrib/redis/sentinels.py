"""Makes pools of connections to what Redis Sentinel names as the master."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def pool(
    master: str,
    addresses: Iterable[tuple[str, int]],
    options_of_sentinels: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Return the pool for the master of that name, as the sentinels at these addresses know it; nobody is asked yet."""
    from redis.sentinel import Sentinel, SentinelConnectionPool  # noqa: PLC0415 (the project's own package)

    known_by = Sentinel([(host, int(port)) for host, port in addresses], sentinel_kwargs=options_of_sentinels)
    return SentinelConnectionPool(master, known_by, **options)
