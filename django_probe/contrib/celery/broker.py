"""Connects to the broker of a Celery app: within a time, without retries, and with nothing left open."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django_probe.contrib.parts import blaming, without_user_info

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP_SECONDS: Final = 4.0
"""For connecting, and for each answer: the probe's own timeout would end it without naming the broker."""
_WITHIN_THE_PROCESS: Final = "memory"
ON_REDIS: Final = ("redis", "rediss", "sentinel")
"""The transports of Kombu whose broker is a Redis."""


def not_asked(app: Any) -> str | None:
    """Return why the app has no broker to ask, or None."""
    if app.conf.task_always_eager:
        return "tasks run where they are called: task_always_eager is set"
    with _made(app) as connection:
        if connection.transport_cls == _WITHIN_THE_PROCESS:
            return "the broker is memory://, each process's own"
    return None


def driver(app: Any) -> str:
    """Return what kind of broker the app has, in Kombu's words, such as `amqp` or `redis`."""
    with _made(app) as connection:
        return str(connection.transport.driver_type)


@contextmanager
def connected(app: Any) -> Iterator[tuple[Any, str]]:
    """Connect to the broker, and give the connection and what to call it; it is closed with the block.

    Raise AssertionError where it does not answer, and where it fails within the block: which, where, what it said.
    """
    from kombu.exceptions import KombuError  # noqa: PLC0415 (comes with Celery)

    with _made(app) as connection:
        place = f"Celery's broker at {_place(connection)}"
        with blaming(place, KombuError, *connection.connection_errors, *connection.channel_errors):
            # Each broker of a list is tried once. Kombu takes 0 retries for endless ones in some releases.
            connection.ensure_connection(
                max_retries=max(1, len(connection.alt) - 1), interval_start=0, interval_step=0, timeout=_STEP_SECONDS
            )
            yield connection, place


@contextmanager
def _made(app: Any) -> Iterator[Any]:
    """Give a connection that is not open yet, of our own: those of the app's pool have the project's own limits."""
    connection = app.connection_for_write(connect_timeout=_STEP_SECONDS)
    if connection.transport_cls in ON_REDIS:
        times = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _STEP_SECONDS)
        connection.transport_options = {**connection.transport_options, **times}
    try:
        yield connection
    finally:
        connection.release()


def _place(connection: Any) -> str:
    """Return the broker's URL, or those of a list of them, without user and password."""
    urls = connection.alt if len(connection.alt) > 1 else [connection.as_uri()]
    return ", ".join(without_user_info(url).partition("?")[0] for url in urls)  # a query may have a password, too
