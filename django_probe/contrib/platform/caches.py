"""Asks each cache to keep a value and give it back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache

from django_probe.contrib.parts import blaming, is_set, without_user_info

# Long enough for a slow cache, short enough that a key whose deletion failed does not stay.
_KEEP_SECONDS = 30


def aliases() -> list[str]:
    """Return the aliases of CACHES; none if it is not set, since Django's default is the memory of one process."""
    return list(caches) if is_set("CACHES") else []


def keep_a_value(alias: str) -> str | None:
    """Have the cache keep a random value. Raise AssertionError with its alias, its place and what happened.

    The key is random, is deleted afterwards, and expires by itself if that fails. A cache that lives in a
    database is only read, because a probe's database access is read-only unless asked otherwise.
    """
    place = _place(alias, settings.CACHES[alias])
    with blaming(place):
        cache = caches[alias]
        if isinstance(cache, DummyCache):
            return f'cache "{alias}" is a DummyCache, which keeps nothing by design'
        key, value = f"django_probe:{uuid4().hex}", uuid4().hex
        if isinstance(cache, DatabaseCache):
            cache.get(key)
            return None
        try:
            cache.set(key, value, timeout=_KEEP_SECONDS)
            given = cache.get(key)
        finally:
            cache.delete(key)
        if given is None:
            raise AssertionError(f"{place}: it took a value and gave nothing back; some backends say no more when down")
        if given != value:
            raise AssertionError(f"{place}: it gave back another value than it was given")
    return None


def _place(alias: str, written: dict[str, Any]) -> str:
    backend = str(written.get("BACKEND", "")).rpartition(".")[2]
    location = written.get("LOCATION") or ""
    servers = location if isinstance(location, list | tuple) else [location]
    where = ", ".join(without_user_info(str(server)).partition("?")[0] for server in servers if server)
    return f'cache "{alias}" ({backend}{f" at {where}" if where else ""})'
