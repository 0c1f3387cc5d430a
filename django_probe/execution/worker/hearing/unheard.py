"""Hears failures that Python only prints: of coroutines that nobody awaited, of tasks, threads and finalizers.

unittest passes a probe whose only assertion stood there, and a worker throws away what a passing probe printed. The
hooks belong to the process, so each failure is looked at: whose thread is it? What is nobody's goes where it went
before.

Not heard: what the garbage collector finds, because it may be of any probe or of any thread that ran before.
"""

from __future__ import annotations

import gc
import linecache
import sys
import threading
import traceback
import unittest
import warnings
from _thread import _count as count_threads
from asyncio import runners, tasks
from asyncio.base_events import BaseEventLoop
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django_probe import details
from django_probe.execution.failures import formatted, message_of
from django_probe.execution.worker.hearing.pools import failed, files_of_probes, is_of_probes, listen, unasked

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH: Final = 12
"""Frames that a coroutine keeps of where it was made: a probe's own is among them."""
_ABOVE: Final = (str(Path(unittest.__file__).parent), str(Path(__file__).parents[2]))
_alive: Final = sys._current_frames  # noqa: SLF001 (there is no other list of all threads, `_thread`'s own among them)
_NOBODY: Final[frozenset[int]] = frozenset()
_UNASKED: Final = (
    "nobody asked for the result of a future that failed (ask for its result() or exception(), or cancel it)"
)
_ASYNC: Final = {"task", "future", "handle"}
_FIXTURES: Final = {"asyncSetUp", "setUp", "setUpClass", "setUpModule"}


class Failure(NamedTuple):
    """What nobody heard of: one line, and the traceback."""

    message: str
    details: str


class _Scope:
    """A probe, or the time between two fixtures; `others` are the threads that were there before it.

    `shows` is what shows a warning; `catch_warnings(record=True)` and `assertWarns` put something else there.
    """

    __slots__ = ("heard", "others", "shows")

    def __init__(self, others: frozenset[int], shows: object) -> None:
        self.others = others
        self.heard: list[Failure] = []
        self.shows = shows


class Unheard:
    """Gives failures to the innermost scope that they belong to.

    In a process that is `shared` with others, such as a web server's, what other threads do is nobody's business,
    and only what happens in the thread that runs the probes is heard. Elsewhere it is also what happens in threads
    that were started since the scope began.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._thread = get_ident()
        self._scopes: list[_Scope] = []
        _install()
        if not shared:
            listen(_mine)
        if not sys.get_coroutine_origin_tracking_depth():
            sys.set_coroutine_origin_tracking_depth(_DEPTH)  # of this thread alone

    @contextmanager
    def within(self) -> Iterator[list[Failure]]:
        """Yield a list that is filled in the block with what belongs to it, and to no block inside of it."""
        scope = self.open()
        try:
            yield scope
        finally:
            self.close()

    def open(self) -> list[Failure]:
        """Begin a scope, and return the list that is filled until `close`."""
        others = frozenset(_alive()) if count_threads() and not self._shared else _NOBODY
        scope = _Scope(others, warnings._showwarnmsg_impl)  # type: ignore[attr-defined]  # noqa: SLF001 (no other tells)
        self._scopes.append(scope)
        _listeners[self._thread] = self
        return scope.heard

    def close(self) -> None:
        """End the innermost scope."""
        scope = self._scopes.pop()
        if failed:
            self.gather(scope.heard)
        if not self._scopes:
            _listeners.pop(self._thread, None)

    def gather(self, heard: list[Failure]) -> list[Failure]:
        """Return the list of a scope, with what failed in pools until now and nobody asked about."""
        heard += [_failure(_UNASKED, error) for error in unasked(heard)]
        return heard

    def records_warnings(self) -> bool:
        """Return whether code of the outermost scope keeps warnings for itself at this moment."""
        return self._scopes[0].shows is not warnings._showwarnmsg_impl  # type: ignore[attr-defined]  # noqa: SLF001

    def scope_of(self, thread: int) -> list[Failure] | None:
        """Return where to put a failure in a thread; None where it is not ours."""
        if thread == self._thread:
            return self._scopes[-1].heard
        if self._shared:
            return None
        return next((scope.heard for scope in reversed(self._scopes) if thread not in scope.others), None)


_listeners: Final[dict[int, Unheard]] = {}
_former: Final[dict[str, Any]] = {}
_collecting: Final[set[int]] = set()


def _install() -> None:
    """Take the hooks of this process, once; each hands on what it does not keep."""
    if _former:
        return
    _former["coroutine"] = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]  # noqa: SLF001 (CPython calls it by this name)
    _former["task"] = BaseEventLoop.call_exception_handler
    _former["thread"] = threading.excepthook
    _former["raw thread"] = sys.unraisablehook
    _former["end of a loop"] = runners._cancel_all_tasks  # type: ignore[attr-defined]  # noqa: SLF001 (every runner ends so)
    warnings._warn_unawaited_coroutine = _unawaited  # type: ignore[attr-defined]  # noqa: SLF001
    BaseEventLoop.call_exception_handler = _unretrieved  # type: ignore[method-assign,assignment]
    threading.excepthook = _thread_died
    sys.unraisablehook = _unraisable
    runners._cancel_all_tasks = _loop_ends  # type: ignore[attr-defined]  # noqa: SLF001
    gc.callbacks.append(_collection)


def _collection(phase: str, _info: dict[str, int]) -> None:
    (_collecting.add if phase == "start" else _collecting.discard)(get_ident())


def _mine() -> list[Failure] | None:
    """Return where to put a failure that shows itself in this thread now; None where it is nobody's."""
    thread = get_ident()
    if not _listeners or thread in _collecting:
        return None
    if listener := _listeners.get(thread):
        return listener.scope_of(thread)
    return next(filter(_is_list, (listener.scope_of(thread) for listener in list(_listeners.values()))), None)


def _is_list(found: object) -> bool:
    return found is not None


def _unawaited(coroutine: Any) -> None:
    heard = _mine()
    if heard is not None and not any(listener.records_warnings() for listener in list(_listeners.values())):
        heard.append(_never_awaited(coroutine))
    _former["coroutine"](coroutine)


def _never_awaited(coroutine: Any) -> Failure:
    name = coroutine.__qualname__
    message = f"a coroutine was never awaited, so that nothing of {name} ran: await it, or call asyncio.run()"
    return Failure(message, _where_made(coroutine))


def _where_made(coroutine: Any) -> str:
    origin = [
        traceback.FrameSummary(file, line, function, lookup_line=False, line=linecache.getline(file, line).strip())
        for file, line, function in reversed(coroutine.cr_origin or ())
        if not file.startswith(_ABOVE)
    ]
    made = "".join(traceback.format_list(origin))
    return f"The coroutine {coroutine.__qualname__} was made here (most recent call last):\n{made}" if made else ""


def _loop_ends(loop: Any) -> None:
    """Hear of the tasks that a loop is about to cancel: what they had yet to assert is lost.

    Only those that a probe made of its own code: an app and a library may leave work to the loop's end, and so may a
    fixture. Where the code in the loop raised, that is what happened.
    """
    heard = None if sys.exception() else _mine()
    if heard is not None:
        heard.extend(_cut_off(task.get_coro()) for task in tasks.all_tasks(loop) if _is_of_a_probe(task))
    _former["end of a loop"](loop)


def _is_of_a_probe(task: Any) -> bool:
    coroutine = task.get_coro()
    origin = getattr(coroutine, "cr_origin", None)
    if task.cancelling() or not origin:
        return False
    written, made = coroutine.cr_code.co_filename, origin[0][0]
    return {written, made} <= files_of_probes() and not any(function in _FIXTURES for _, _, function in origin)


def hear_unfinished(task: Any) -> None:
    """Hear of a task that is not done though its loop stands still: no code of a probe may end so."""
    heard = _mine()
    if heard is not None and _is_of_a_probe(task):
        heard.append(_cut_off(task.get_coro()))
        task._log_destroy_pending = False  # noqa: SLF001 (else Python tells of it again)


def _cut_off(coroutine: Any) -> Failure:
    name = coroutine.__qualname__
    message = f"nobody awaited the task of {name}, so that it was cancelled before its end: await it, or cancel it"
    return Failure(message, _where_made(coroutine))


def _unretrieved(loop: BaseEventLoop, context: dict[str, Any]) -> None:
    error, task = context.get("exception"), context.get("task")
    if error is None and task is not None and not task.done():  # it was destroyed
        hear_unfinished(task)
    listening = loop.get_exception_handler() is None  # else somebody else wants to hear of it
    heard = _mine() if listening and isinstance(error, Exception) and context.keys() & _ASYNC else None
    if heard is None or error is None:
        _former["task"](loop, context)
        return
    what = context.get("message") or "Task exception was never retrieved"
    heard.append(_failure(what, error))


def _thread_died(args: threading.ExceptHookArgs) -> None:
    error = args.exc_value
    ended = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
    heard = None if ended else _mine()
    if heard is None or error is None:
        _former["thread"](args)
        return
    heard.append(_failure(f"the thread {args.thread.name if args.thread else '?'} died", error))


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    error = args.exc_value
    of_thread = "in thread started by" in (args.err_msg or "")
    heard = _mine() if error is not None and (of_thread or is_of_probes(error)) else None
    if heard is None or error is None:
        _former["raw thread"](args)
        return
    heard.append(_failure("a thread died" if of_thread else "Python ignored an exception", error))


def _failure(what: str, error: BaseException) -> Failure:
    told = details.headed(f"{what}:", formatted((type(error), error, error.__traceback__)))
    return Failure(f"{what}: {message_of(error)}", told)
