"""Tells the statements that Django's own code made from those that came as text.

What a compiler of Django's made reads, or is refused by the server. What came as text (a cursor, `raw()`, a migration's
SQL) may change the transaction itself, so PostgreSQL is asked after it; see `postgresql`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEXT: Final = "__probe_compiled__"


def sources() -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """Yield each class and method that makes statements, and what to put around it while the guard is in."""
    from django.db.models.sql.compiler import SQLCompiler  # noqa: PLC0415 (Django loads it late as well)

    yield SQLCompiler, "execute_sql", lambda original: _marking(original, lambda compiler: compiler.connection)
    for savepoints in ("_savepoint", "_savepoint_rollback", "_savepoint_commit"):
        yield BaseDatabaseWrapper, savepoints, lambda original: _marking(original, lambda wrapper: wrapper)


def _marking(original: Callable[..., Any], connection_of: Callable[[Any], Any]) -> Callable[..., Any]:
    def marked(maker: Any, *args: Any, **kwargs: Any) -> Any:
        state = vars(connection_of(maker))
        state[_NEXT] = True
        try:
            return original(maker, *args, **kwargs)
        finally:
            state.pop(_NEXT, None)

    return marked


def take(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether the statement that comes now is Django's own; a statement within it is not."""
    return vars(wrapper).pop(_NEXT, False) is True
