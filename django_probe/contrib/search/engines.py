"""Asks the backends of Haystack. What one does before its first search may make an index: that is kept from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from haystack import connections

from django_probe.contrib.parts import blaming, without_user_info

if TYPE_CHECKING:
    from collections.abc import Iterable

_CURE = "there is no index: run rebuild_index"


def aliases() -> Iterable[str]:
    """Return the aliases of HAYSTACK_CONNECTIONS."""
    return list(connections.connections_info)


def answers(alias: str) -> str | None:
    """Have a backend answer, and return why there is nothing to ask, or None.

    Raise AssertionError where its index is not there, or it does not answer.
    """
    with blaming(f'Haystack connection "{alias}"'):
        backend = connections[alias].get_backend()
    with blaming(_place(alias, backend)):
        backend.silently_fail = False  # else it logs what is wrong, and finds nothing
        if _is_whoosh(backend):
            return _ask_whoosh(alias, backend)
        if hasattr(backend, "index_name") and hasattr(backend, "conn"):
            _ask_elasticsearch(backend)
        else:
            backend.search(f"django-probe-{uuid4().hex}")
    return None


def _place(alias: str, backend: Any) -> str:
    written = connections.connections_info[alias]
    where = [without_user_info(str(written[key])) for key in ("URL", "INDEX_NAME", "PATH") if written.get(key)]
    at = f" at {', '.join(where)}" if where else ""
    return f'Haystack connection "{alias}" ({type(backend).__name__}{at})'


def _is_whoosh(backend: Any) -> bool:
    return any(cls.__name__ == "WhooshSearchBackend" for cls in type(backend).__mro__)


def _ask_whoosh(alias: str, backend: Any) -> str | None:
    from whoosh.index import exists_in, open_dir  # noqa: PLC0415 (few projects have it)

    if not backend.use_file_storage:
        return f'Haystack connection "{alias}" keeps its index in the memory of each process'
    if not exists_in(backend.path):
        raise AssertionError(f"{_place(alias, backend)}: {_CURE}")
    with open_dir(backend.path, readonly=True).searcher() as searcher:
        searcher.doc_count_all()
    return None


def _ask_elasticsearch(backend: Any) -> None:
    if not backend.conn.indices.exists(index=backend.index_name):
        raise AssertionError(f"{_place(backend.connection_alias, backend)}: {_CURE}")
    backend.conn.count(index=backend.index_name)
