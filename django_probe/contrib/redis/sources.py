"""Finds the Redis servers that the project's settings name."""

from __future__ import annotations

from django_probe.contrib.redis import caches, layers, tasks
from django_probe.contrib.redis.servers import Server, each_once


def servers() -> list[Server]:
    """Return the servers of CACHES, Celery and CHANNEL_LAYERS, each database once for each login.

    Raise AssertionError where a part is written so that there is no telling which server it means.
    """
    return each_once([*caches.servers(), *tasks.servers(), *layers.servers()])
