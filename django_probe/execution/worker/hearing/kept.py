"""Finds what failed or never ran, and is still held when the code that made it is over.

Python prints of a coroutine that nobody awaited, and of a task whose exception nobody retrieved, when the object is
freed. What a test keeps on itself is freed late or never. Here it is told at once, by the same calls.
"""

from __future__ import annotations

import unittest
import warnings
from asyncio import Future, tasks
from inspect import CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from django_probe.execution.worker.hearing.unheard import hear_unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW: Final = 100
"""Entries up to which a list of a test is looked through: it costs each probe time."""
_LISTS: Final = frozenset({list, set, tuple})
_UNITTESTS: Final = frozenset(vars(unittest.TestCase()))
"""The attributes that every test has: unittest itself sees to what they hold."""
# asyncio's own weak set of tasks; from Python 3.14 on it lacks those that are written in C.
alive: Final[set[Any]] = getattr(tasks, "_all_tasks" if hasattr(tasks, "_all_tasks") else "_scheduled_tasks").data


def tell_kept_by(holder: Any) -> None:
    """Tell of each coroutine and future that a test, a class or a module which is over holds, in its lists too."""
    if vars(holder).keys() <= _UNITTESTS:
        return
    for name, value in [*vars(holder).items()]:
        if name in _UNITTESTS:
            continue
        kind = type(value)
        if kind is dict:
            if len(value) <= _FEW:
                for entry in [*value.values()]:
                    _tell(entry)
        elif kind not in _LISTS:
            _tell(value)
        elif 0 < len(value) <= _FEW:
            for entry in [*value]:
                _tell(entry)


class KeptTasks:
    """The tasks of this process; those that were there before this is made are nobody's."""

    def __init__(self) -> None:
        self._known = [*_tasks()]

    def tell(self) -> None:
        """Tell of each failed task that nobody can await any more, because its loop is closed."""
        for task in self._new():
            if task._log_traceback and task.get_loop().is_closed():  # noqa: SLF001 (see `_tell`)
                _tell_of_future(task)

    def tell_rest(self) -> None:
        """Tell, where everybody is done who could have awaited a task, of those that failed or came to no end."""
        for task in self._new():
            if task.get_loop().is_running():  # in a thread
                continue
            if task._log_traceback:  # noqa: SLF001 (see `_tell`)
                _tell_of_future(task)
            elif not task.done():
                self._known.append(task)
                hear_unfinished(task)

    def _new(self) -> Iterator[Any]:
        return (task for task in _tasks() if task not in self._known)


def _tasks() -> Iterator[Any]:
    for reference in alive.copy():  # in one step: other threads may make tasks at the same time
        if isinstance(task := reference(), Future):
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
