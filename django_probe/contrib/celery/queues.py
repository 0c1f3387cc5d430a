"""Asks the broker how many messages wait in queues; nothing is taken from them, and nothing is put there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django_probe.contrib.celery import broker
from django_probe.naming.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOT_FOUND: Final = "404"
_REDIS: Final = "redis"
_KNOWN: Final = ("amqp", _REDIS)
"""The brokers that can be asked for a queue without making it: Kombu's transport for SQS would."""


def not_asked(app: Any) -> str | None:
    """Return why the app's broker cannot be asked for its queues, or None."""
    driver = broker.driver(app)
    return None if driver in _KNOWN else f"the broker ({driver}) is neither RabbitMQ nor Redis"


def problems(app: Any, limits: Mapping[str, int]) -> dict[str, str]:
    """Return what is wrong with a queue, by its name: more messages wait than its limit, or there is no such queue.

    What a worker holds already, to work on it or to keep it for later, does not wait. Raise AssertionError where the
    broker does not answer.
    """
    with broker.connected(app) as (connection, place):
        known = {*_named(app)}
        lengths = {name: _length(connection, name, is_named=name in known) for name in limits}
    found = {name: _problem(name, lengths[name], most, known) for name, most in limits.items()}
    return {name: f"{place}: {problem}" for name, problem in found.items() if problem}


def _named(app: Any) -> Iterator[str]:
    """Yield the names of queues that the app's settings and its tasks have."""
    yield str(app.conf.task_default_queue)
    yield from app.amqp.queues
    yield from _of_routes(app.conf.task_routes)
    yield from (str(task.queue) for task in app.tasks.values() if getattr(task, "queue", None))


def _of_routes(routes: Any) -> Iterator[str]:
    """Yield the queues of `task_routes`, which are written in several ways; what a function says is not known."""
    if isinstance(routes, str):
        yield routes
    elif isinstance(routes, Mapping):
        yield from _of_routes(routes["queue"] if "queue" in routes else [*routes.values()])
    elif isinstance(routes, list | tuple):
        for route in routes:
            yield from _of_routes(route)
    elif isinstance(name := getattr(routes, "name", None), str):  # Kombu's own class of a queue
        yield name


def _length(connection: Any, name: str, *, is_named: bool) -> int | None:
    """Return how many messages wait in the queue; None where there is none of that name."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=name, passive=True).message_count)
        except connection.channel_errors as error:
            if str(getattr(error, "reply_code", None)) != _NOT_FOUND:
                raise
        if connection.transport.driver_type != _REDIS:
            return None
        # In Redis an empty queue is no key at all. Whoever listens to it, or has sent to it, has left it in a table.
        is_there = is_named or any(entry[-1] == name for entry in channel.get_table(name))
        return 0 if is_there else None


def _problem(name: str, length: int | None, most: int, known: Iterable[str]) -> str:
    if length is None:
        return f'there is no queue "{name}"{nearest(name, sorted(known))}'
    return f'{length} messages wait in the queue "{name}", more than {most}' if length > most else ""
