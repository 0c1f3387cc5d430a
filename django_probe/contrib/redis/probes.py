"""The probes: each asks every Redis server that the settings name, and skips with a reason where there is none."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import tag

from django_probe.contrib.parts import ask_each
from django_probe.contrib.redis import asking, sources
from django_probe.terms import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_probe.contrib.redis.servers import Server

_NOTHING: Final = "no Redis server is named in CACHES, by Celery or in CHANNEL_LAYERS"
_MOST_PERCENT: Final = 90
_ALL: Final = 100


def _percent() -> int:
    """Return how much of a server's memory may be used, from PROBE_REDIS_MEMORY_PERCENT."""
    written = getattr(settings, "PROBE_REDIS_MEMORY_PERCENT", _MOST_PERCENT)
    if isinstance(written, int) and not isinstance(written, bool) and 0 < written <= _ALL:
        return written
    raise ImproperlyConfigured(f"PROBE_REDIS_MEMORY_PERCENT: expected a number from 1 to 100, got {shown(written)}")


@tag("redis")
class TestServers(unittest.TestCase):
    """The Redis servers of caches, Celery and channel layers."""

    def test_each_answers(self) -> None:
        """Each server answers, login included."""
        self._ask(asking.answers)

    def test_each_accepts_writes(self) -> None:
        """Each server that the project writes to takes a write; it changes nothing."""
        self._ask(asking.accepts_writes)

    def test_each_has_memory_left(self) -> None:
        """Each server that refuses writes when it is full has used no more than PROBE_REDIS_MEMORY_PERCENT."""
        percent = _percent()
        self._ask(lambda server: asking.has_memory_left(server, percent))

    def _ask(self, ask: Callable[[Server], str | None]) -> None:
        ask_each(self, "Redis", sources.servers(), ask, _NOTHING)
