"""Parts a psycopg 3 connection from the objects that a probe kept, before a pool hands it on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import psycopg

if TYPE_CHECKING:
    from psycopg.abc import PQGen


class _Parted(psycopg.Connection[Any]):
    """A driver's connection whose server connection went on without it; to whoever kept it, it is closed."""

    @property
    def closed(self) -> bool:
        """Whether it is closed, which it is."""
        return True

    def _check_connection_ok(self) -> None:
        raise psycopg.OperationalError("the connection is closed")

    def wait(self, gen: PQGen[Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 (the driver's signature)
        """Refuse all of the driver's operations: cursors that are older than the parting come here too."""
        gen.close()
        self._check_connection_ok()


_parted_classes: dict[type[psycopg.Connection[Any]], type[_Parted]] = {}


def _parted(base: type[psycopg.Connection[Any]]) -> type[_Parted]:
    if base not in _parted_classes:
        _parted_classes[base] = type(f"Parted{base.__name__}", (_Parted, base), {})
    return _parted_classes[base]


def part(raw: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Return another object for the connection to the server, and let nobody use it by this one any more.

    A pool hands it on to anybody, and a cursor that was kept from before would write there unguarded.
    """
    base = type(raw)
    parted: Any = base.__new__(base)
    vars(parted).update(vars(raw))
    raw.__class__ = _parted(base)
    raw._pool = None  # noqa: SLF001 (else the pool would take this one back too)
    kept = ref(parted)
    for kind in ("notice_handler", "notify_handler"):
        handle = getattr(base, f"_{kind}")
        setattr(parted.pgconn, kind, partial(handle, kept))
    return cast("psycopg.Connection[Any]", parted)
