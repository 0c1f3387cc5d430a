"""The texts of the guard when it refuses a write, and the error if it cannot guard at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.db import Error, InternalError

from django_probe.execution.guard.statements import leaves_read_only, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

NOTE: Final = "__probe_note__"
READ_ONLY: Final = (
    "django-probe refused this write: the probe runs with database_access read-only. If it must write, mark "
    'it with @probe(database_access="rollback") or "read-write"; what its gate sets must allow that too.'
)
BESIDE_ROLLBACK: Final = (
    "django-probe refused this write: with database_access rollback only what the probe's own thread writes "
    "can be rolled back, so other threads (the async ORM uses one) are read-only. If they must write, mark "
    'the probe with @probe(database_access="read-write"); what its gate sets must allow that too.'
)
# Neither a parameter nor what may be a value: at most three words of letters, dots and the quotes of a name.
_FIRST_WORDS: Final = re.compile(r'\s*([\w."`]+(?:\s+[\w."`]+){0,2})')


class GuardError(Exception):
    """A database connection could not be held to the access that the probe runs with; it is closed."""


_refusals: Final[list[str]] = []


def refuse(error: BaseException, note: str) -> None:
    """Add `note` to the `error` of a refused write, and remember it for `take_refusals`."""
    error.add_note(note)
    _refusals.append(note)


def take_refusals() -> list[str]:
    """Return what was refused since the last call, in any thread."""
    taken = list(_refusals)
    _refusals.clear()
    return taken


def _first_words(text: str) -> str:
    match = _FIRST_WORDS.match(text)
    return f" (the statement began: {match[1]})" if match else ""


def explain(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
    """Add to the error of a refused write what it was, and the ways out; this is an execute wrapper of Django's."""
    wrapper = context["connection"]
    note = vars(wrapper).get(NOTE)
    text = text_of(sql, wrapper.connection)
    if leaves_read_only(text):
        refusal = InternalError("cannot leave a read-only transaction")
        refuse(refusal, f"{note}{_first_words(text)}")
        raise refusal
    try:
        return execute(sql, params, many, context)
    except Error as error:
        told = getattr(error.__cause__, "__notes__", [])
        if note in told:  # the driver's connection noted it already, for code that uses it without Django
            told.remove(note)
        elif getattr(error.__cause__, "sqlite_errorname", None) != "SQLITE_READONLY":
            raise
        refuse(error, f"{note}{_first_words(text)}")
        raise
