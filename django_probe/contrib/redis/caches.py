"""Finds the servers of the caches in Redis, as Django's `RedisCache` and django-redis would connect to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.utils.module_loading import import_string

from django_probe.contrib.parts import blaming, is_set
from django_probe.contrib.redis.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OF_DJANGO_REDIS: Final = "django_redis."
_CLIENTS: Final = ("CLIENT_CLASS", "REDIS_CLIENT_CLASS")
_PLAIN: Final = ("django.", _OF_DJANGO_REDIS, "redis.client.", "redis.Redis", "redis.StrictRedis")
_SHARDED: Final = "ShardClient"
"""That client of django-redis writes to each of its servers; the others to the first, and read from the rest."""


def servers() -> Iterator[Server]:
    """Yield the servers of CACHES."""
    for alias in caches if is_set("CACHES") else ():
        written, name = settings.CACHES[alias], f'cache "{alias}"'
        backend = str(written.get("BACKEND", ""))
        with blaming(name):
            if backend.startswith(_OF_DJANGO_REDIS):
                found = _of_django_redis(caches[alias], written)
            else:
                found = _of_django(written) if _is_djangos(backend) else []
            prefix = str(caches[alias].make_key("")) if found else ""
        follows = _may_follow(backend, written.get("OPTIONS", {}))
        yield from (Server((name,), pool, prefix, writes, follows) for pool, writes in found)


def _may_follow(backend: str, options: Mapping[str, Any]) -> bool:
    """Return whether what asks is a class of somebody else's, which may know what a cluster is; those here do not."""
    asks = [backend, *(options[name] for name in _CLIENTS if name in options)]
    return not all(str(each).startswith(_PLAIN) for each in asks)


def _is_djangos(backend: str) -> bool:
    """Return whether it is Django's own, or derives from it; of one that does not load the platform's probe tells."""
    try:
        return issubclass(import_string(backend), RedisCache)
    except ImportError:
        return False


def _of_django(written: Mapping[str, Any]) -> list[tuple[Any, bool]]:
    """Return what Django's cache would make of its options: the pool of each server, and whether it is written to."""
    from redis import ConnectionPool  # noqa: PLC0415 (the project's own package)

    options = dict(written.get("OPTIONS", {}))
    options.pop("serializer", None)
    made_by = options.pop("pool_class", None) or ConnectionPool
    make = import_string(made_by) if isinstance(made_by, str) else made_by
    if isinstance(options.get("parser_class"), str):
        options["parser_class"] = import_string(options["parser_class"])
    return [(make.from_url(url, **options), index == 0) for index, url in enumerate(_urls(written, "[;,]"))]


def _of_django_redis(cache: Any, written: Mapping[str, Any]) -> list[tuple[Any, bool]]:
    """Return likewise what django-redis would make of its options."""
    factory, all_written = cache.client.connection_factory, type(cache.client).__name__ == _SHARDED
    return [
        (factory.get_connection_pool(factory.make_connection_params(url)), all_written or index == 0)
        for index, url in enumerate(_urls(written, ","))
    ]


def _urls(written: Mapping[str, Any], separator: str) -> list[str]:
    location = written.get("LOCATION") or ""
    return re.split(separator, location) if isinstance(location, str) else list(location)
