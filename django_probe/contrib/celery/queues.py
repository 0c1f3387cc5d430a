"""Asks the broker how many messages wait in queues; nothing is taken from them, and nothing is put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django_probe.contrib.celery import broker

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        lengths = {name: _length(connection, name) for name in limits}
    found = {name: _problem(name, lengths[name], most) for name, most in limits.items()}
    return {name: f"{place}: {problem}" for name, problem in found.items() if problem}


def _length(connection: Any, name: str) -> int | None:
    """Return how many messages wait in the queue; None where the broker has none of that name."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=name, passive=True).message_count)
        except connection.channel_errors as error:
            if str(getattr(error, "reply_code", None)) != _NOT_FOUND:
                raise
    # In Redis an empty queue is no key at all.
    return 0 if connection.transport.driver_type == _REDIS else None


def _problem(name: str, length: int | None, most: int) -> str:
    if length is None:
        return f'there is no queue "{name}"'
    return f'{length} messages wait in the queue "{name}", more than {most}' if length > most else ""
