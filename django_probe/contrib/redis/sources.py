"""Finds the Redis servers that the project's settings name, as its own code would connect to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.utils.module_loading import import_string

from django_probe.contrib.celery import application, broker
from django_probe.contrib.parts import is_set
from django_probe.contrib.redis.servers import Server, each_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SENTINEL: Final = "is found through Sentinel, which this probe does not ask"
_OF_DJANGO_REDIS: Final = "django_redis"
_SHARDED: Final = "ShardClient"
"""That client of django-redis writes to each of its servers; the others to the first, and read from the rest."""
_LAYERS: Final = "channels_redis."
_RESULTS: Final = "celery-task-meta-"
_BINDINGS: Final = "_kombu.binding."
_TRANSPORTS: Final = ("redis", "rediss")
_SCHEMES: Final = ("redis:", "rediss:", "redis+socket:", "socket:")


def servers() -> list[Server]:
    """Return the servers of CACHES, Celery and CHANNEL_LAYERS, each database once for each login."""
    return each_once([*_of_caches(), *_of_celery(), *_of_layers()])


def _of_caches() -> Iterator[Server]:
    for alias in caches if is_set("CACHES") else ():
        written = settings.CACHES[alias]
        backend = str(written.get("BACKEND", ""))
        name = f'cache "{alias}"'
        if backend.startswith(_OF_DJANGO_REDIS):
            yield from _of_django_redis(alias, name, written)
        elif _is_djangos(backend):
            pools = [_pool_of_django(url, written.get("OPTIONS", {})) for url in _urls(written, "[;,]")]
            yield from (
                Server(name, pool, caches[alias].make_key(""), writes=index == 0) for index, pool in enumerate(pools)
            )


def _is_djangos(backend: str) -> bool:
    """Return whether it is Django's own, or derives from it; of one that does not load the platform's probe tells."""
    try:
        return issubclass(import_string(backend), RedisCache)
    except ImportError:
        return False


def _urls(written: Mapping[str, Any], separator: str) -> list[str]:
    location = written.get("LOCATION") or ""
    return re.split(separator, location) if isinstance(location, str) else list(location)


def _pool_of_django(url: str, options: Mapping[str, Any]) -> Any:
    """Return what Django's cache would make of these options."""
    from redis import ConnectionPool  # noqa: PLC0415 (the project's own package)

    kept = {name: value for name, value in options.items() if name not in ("serializer", "pool_class")}
    if isinstance(kept.get("parser_class"), str):
        kept["parser_class"] = import_string(kept["parser_class"])
    made_by = options.get("pool_class") or ConnectionPool
    return (import_string(made_by) if isinstance(made_by, str) else made_by).from_url(url, **kept)


def _of_django_redis(alias: str, name: str, written: Mapping[str, Any]) -> Iterator[Server]:
    from redis.sentinel import SentinelConnectionPool  # noqa: PLC0415 (the project's own package)

    cache: Any = caches[alias]
    factory = cache.client.connection_factory
    each_is_written = type(cache.client).__name__ == _SHARDED
    for index, url in enumerate(_urls(written, ",")):
        pool = factory.get_connection_pool(factory.make_connection_params(url))
        if isinstance(pool, SentinelConnectionPool):
            yield Server(name, not_asked=f"{name} {_SENTINEL}")
            return
        yield Server(name, pool, str(cache.make_key("")), writes=index == 0 or each_is_written)


def _of_layers() -> Iterator[Server]:
    for alias, written in (getattr(settings, "CHANNEL_LAYERS", None) or {}).items():
        if not str(written.get("BACKEND", "")).startswith(_LAYERS):
            continue
        name = f'channel layer "{alias}"'
        options = written.get("CONFIG", {})
        for host in options.get("hosts") or ["redis://localhost:6379"]:
            if isinstance(host, dict) and "sentinels" in host:
                yield Server(name, not_asked=f"{name} {_SENTINEL}")
            else:
                yield Server(name, _pool_of_a_host(host), f"{options.get('prefix', 'asgi')}specific.")


def _pool_of_a_host(host: Any) -> Any:
    """Return what channels_redis would make of an entry of `hosts`: a URL, host and port, or a mapping."""
    from redis import ConnectionPool  # noqa: PLC0415 (the project's own package)

    if isinstance(host, list | tuple):
        return ConnectionPool(host=host[0], port=host[1])
    options = dict(host) if isinstance(host, dict) else {"address": host}
    address = options.pop("address", None)
    return ConnectionPool.from_url(address, **options) if address else ConnectionPool(**options)


def _of_celery() -> Iterator[Server]:
    try:
        app = application.find()
    except application.NoAppError:
        return
    if not broker.not_asked(app):
        yield from _of_the_broker(app)
    name, written = "Celery's results", str(app.conf.result_backend or "")
    if written.startswith("sentinel:"):
        yield Server(name, not_asked=f"{name} are where Sentinel says, which this probe does not ask")
    elif written.startswith(_SCHEMES):
        from redis import ConnectionPool  # noqa: PLC0415 (the project's own package)

        prefix = (app.conf.result_backend_transport_options or {}).get("global_keyprefix", "")
        yield Server(name, ConnectionPool(**app.backend.connparams), f"{prefix}{_RESULTS}")


def _of_the_broker(app: Any) -> Iterator[Server]:
    name = "Celery's broker"
    with app.connection_for_write() as connection:
        if connection.transport_cls == "sentinel":
            yield Server(name, not_asked=f"{name} {_SENTINEL}")
        elif connection.transport_cls in _TRANSPORTS:
            prefix = f"{connection.transport_options.get('global_keyprefix', '')}{_BINDINGS}"
            yield Server(name, _pool_of_kombu(connection), prefix)


def _pool_of_kombu(connection: Any) -> Any:
    """Return what Kombu would make of the broker's URL; of a list of them, the first."""
    from redis import ConnectionPool, SSLConnection, UnixDomainSocketConnection  # noqa: PLC0415 (the project's own)

    if "://" in connection.hostname:
        parts = urlsplit(connection.hostname)
        database = parse_qs(parts.query).get("virtual_host", [connection.virtual_host])[0]
        where: dict[str, Any] = {"path": unquote(parts.path), "connection_class": UnixDomainSocketConnection}
        login = {"username": parts.username, "password": parts.password and unquote(parts.password)}
    else:
        database = connection.virtual_host
        where = {"host": connection.hostname, "port": connection.port or connection.default_port}
        login = {"username": connection.userid, "password": connection.password}
    if isinstance(connection.ssl, dict):
        where |= {**connection.ssl, "connection_class": SSLConnection}
    return ConnectionPool(**where, **login, db=int((database or "").strip("/") or 0))
