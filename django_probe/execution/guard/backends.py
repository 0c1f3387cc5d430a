"""Finds the databases that cannot be held to an access, before any of them is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.utils import load_backend

from django_probe.execution.guard import read_only
from django_probe.terms import DatabaseAccess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.backends.base.base import BaseDatabaseWrapper

_DUMMY: Final = "django.db.backends.dummy"


def objections(access: DatabaseAccess) -> list[str]:
    """Return, for each database alias that cannot be held to `access`, why, and the ways out.

    It connects to nothing. That a database has no transactions to roll back shows at its first use.
    """
    if access is not DatabaseAccess.READ_ONLY:
        return []
    return [
        f'database "{alias}": {why}; {read_only.WAYS_OUT}'
        for alias, backend in backends().items()
        if (why := _objection(backend))
    ]


def _objection(backend: type[BaseDatabaseWrapper] | Exception) -> str:
    if isinstance(backend, Exception):
        return f"cannot be held to read-only, for its backend does not load: {' '.join(str(backend).split())}"
    return read_only.objection(backend)


def backends() -> dict[str, type[BaseDatabaseWrapper] | Exception]:
    """Return the backend class of each alias, or why it has none; aliases without a database are left out."""
    found: dict[str, type[BaseDatabaseWrapper] | Exception] = {}
    for alias in connections:
        engine = connections.settings[alias]["ENGINE"]
        if engine != _DUMMY:
            try:
                found[alias] = load_backend(engine).DatabaseWrapper
            except (ImproperlyConfigured, ImportError) as error:
                found[alias] = error
    return found


def pool_classes(databases: Iterable[Mapping[str, Any]]) -> list[type]:
    """Return the class of the pools that Django keeps for these settings; none where none is asked for."""
    if not any(each["OPTIONS"].get("pool") for each in databases):
        return []
    try:
        from psycopg_pool import ConnectionPool  # noqa: PLC0415 (an extra of psycopg's)
    except ImportError:  # Django says so when it connects
        return []
    return [ConnectionPool]


def alias_of(pool: object) -> str:
    """Return the alias whose pool of Django's this is, or an empty text for a pool of the project's own."""
    for backend in backends().values():
        for alias, own in getattr(backend, "_connection_pools", {}).items():
            if own is pool:
                return str(alias)
    return ""
