"""Finds the servers of Celery's broker and results in Redis, as Celery would connect to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from django_probe.contrib.celery import application, broker
from django_probe.contrib.parts import blaming
from django_probe.contrib.redis import sentinels
from django_probe.contrib.redis.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

_BROKER: Final = "Celery's broker"
_RESULTS: Final = "Celery's results"
_BINDINGS: Final = "_kombu.binding."
_KEPT: Final = "celery-task-meta-"
_SENTINEL: Final = "sentinel"
_SCHEMES: Final = ("redis:", "rediss:", "redis+socket:", "socket:", "sentinel:")


def servers() -> Iterator[Server]:
    """Yield the servers of the project's Celery app."""
    try:
        app = application.find()
    except application.NoAppError:
        return
    if not broker.not_asked(app):
        yield from _of_the_broker(app)
    if str(app.conf.result_backend or "").startswith(_SCHEMES):
        options = app.conf.result_backend_transport_options or {}
        with blaming(_RESULTS):
            pool = _pool_of_results(app.backend.connparams, options)
        yield Server((_RESULTS,), pool, f"{options.get('global_keyprefix', '')}{_KEPT}")


def _pool_of_results(told: dict[str, Any], options: dict[str, Any]) -> Any:
    """Return what Celery would make of what it has read from `result_backend`."""
    from redis import ConnectionPool  # noqa: PLC0415 (the project's own package)

    if "hosts" not in told:
        return ConnectionPool(**told)
    kept = {name: value for name, value in told.items() if name != "hosts"}
    addresses = [(host["host"], host["port"]) for host in told["hosts"]]
    return sentinels.pool(_master(options), addresses, options.get("sentinel_kwargs"), **kept)


def _of_the_broker(app: Any) -> Iterator[Server]:
    with app.connection_for_write() as connection:
        if connection.transport_cls in broker.ON_REDIS:
            with blaming(_BROKER):
                pool = _pool_of_broker(connection)
            yield Server((_BROKER,), pool, f"{connection.transport_options.get('global_keyprefix', '')}{_BINDINGS}")


def _pool_of_broker(connection: Any) -> Any:
    """Return what Kombu would make of the broker's URL; of a list of them, the first, or all as sentinels."""
    from redis import ConnectionPool, SSLConnection, UnixDomainSocketConnection  # noqa: PLC0415 (the project's own)

    login = {"username": connection.userid, "password": connection.password}
    secure = connection.ssl if isinstance(connection.ssl, dict) else {}
    database = connection.virtual_host
    if connection.transport_cls == _SENTINEL:
        options, more = connection.transport_options, {**secure, "ssl": bool(secure), "db": _number(database)}
        return sentinels.pool(_master(options), _addresses(connection), options.get("sentinel_kwargs"), **login, **more)
    if "://" in connection.hostname:  # socket://PATH
        parts = urlsplit(connection.hostname)
        database = parse_qs(parts.query).get("virtual_host", [database])[0]
        login = {"username": parts.username, "password": parts.password and unquote(parts.password)}
        where: dict[str, Any] = {"path": unquote(parts.path), "connection_class": UnixDomainSocketConnection}
    else:
        where = {"host": connection.hostname, "port": connection.port or connection.default_port}
    if secure:
        where |= {**secure, "connection_class": SSLConnection}
    return ConnectionPool(**where, **login, db=_number(database))


def _addresses(connection: Any) -> list[tuple[str, int]]:
    if not connection.alt:
        return [(connection.hostname, connection.port or connection.default_port)]
    return [(url.hostname or "", url.port or connection.default_port) for url in map(urlsplit, connection.alt)]


def _number(database: str | None) -> int:
    return int((database or "").strip("/") or 0)


def _master(options: dict[str, Any]) -> str:
    if name := options.get("master_name"):
        return str(name)
    raise ImproperlyConfigured("its transport options have no master_name for Sentinel to be asked for")
