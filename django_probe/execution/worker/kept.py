"""Finds what failed or never ran, and is still held when the code that made it is over.

Python prints of a coroutine that nobody awaited, and of a task whose exception nobody retrieved, when the object is
freed. What a test keeps on itself is freed late or never. Here it is told at once, by the same calls.
"""

from __future__ import annotations

import warnings
from asyncio import Future, tasks
from inspect import CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import unittest
    from collections.abc import Iterator

_FEW: Final = 100
"""Entries up to which a list of a test is looked through: it costs each probe time."""
_LISTS: Final = frozenset({list, set, tuple})
_PLAIN: Final = frozenset({str, bool, int, dict, type(None)})  # most of what unittest puts there
# asyncio's own weak set of tasks; from Python 3.14 on it lacks those that are written in C.
_references: Final[set[Any]] = getattr(tasks, "_all_tasks" if hasattr(tasks, "_all_tasks") else "_scheduled_tasks").data


def tell_kept_by(test: unittest.TestCase) -> None:
    """Tell of each coroutine and future that a test which has run holds, in lists of its own too."""
    for value in [*vars(test).values()]:
        kind = type(value)
        if kind in _PLAIN:
            continue
        if kind not in _LISTS:
            _tell(value)
        elif 0 < len(value) <= _FEW:
            for entry in [*value]:
                _tell(entry)


class KeptTasks:
    """The tasks of this process that failed; those that did so before this is made are nobody's."""

    def __init__(self) -> None:
        self._before = [*_failed_tasks()]

    def tell(self) -> None:
        """Tell of each task that nobody can await any more, because its loop is closed."""
        if _references:
            for task in _failed_tasks():
                if task not in self._before:
                    _tell_of_future(task)


def _failed_tasks() -> Iterator[Any]:
    for reference in _references.copy():  # in one step: other threads may make tasks at the same time
        task = reference()
        if getattr(task, "_log_traceback", False) and task.get_loop().is_closed():
            yield task


def _tell(value: Any) -> None:
    kind = type(value)  # `isinstance` would make a lazy object of Django's come true
    if kind is CoroutineType:
        if getcoroutinestate(value) == CORO_CREATED:
            warnings._warn_unawaited_coroutine(value)  # type: ignore[attr-defined]  # noqa: SLF001 (as CPython calls it)
            value.close()  # else Python tells of it again
    elif issubclass(kind, Future) and value._log_traceback:  # noqa: SLF001 (to ask for the exception would unset it)
        _tell_of_future(value)


def _tell_of_future(future: Any) -> None:
    future._log_traceback = False  # noqa: SLF001 (else Python tells of it again)
    message = f"{type(future).__name__} exception was never retrieved"
    context = {"message": message, "exception": future._exception, "future": future}  # noqa: SLF001
    future.get_loop().call_exception_handler(context)
