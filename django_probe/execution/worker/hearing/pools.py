"""Hears of what failed in a pool of threads or processes, where nobody asks for the result.

A pool keeps what was raised in the future that `submit()` gives, or that `map()` goes through later, and Python says
nothing where nobody looks there. What counts is an assertion, and what code of a probe raised: what an application
leaves to its pools is its own affair.
"""

from __future__ import annotations

import sys
import traceback
from concurrent.futures import Future
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_ASKING: Final = ("result", "exception", "cancel", "add_done_callback")
_ASKED: Final = "_django_probe_asked"
_OURS: Final = "_django_probe_listens"


class _Failed(NamedTuple):
    future: Future[Any]
    error: BaseException
    whose: object


failed: Final[list[_Failed]] = []
"""What failed in any pool and was not asked about yet, as far as that is known."""


def listen(whose: Callable[[], object | None]) -> None:
    """Take the hooks of this process, once; `whose` says to whom a failure in the thread that calls it belongs."""
    fail = Future.set_exception
    if hasattr(fail, _OURS):
        return

    @wraps(fail)
    def set_exception(self: Future[Any], exception: BaseException | None) -> None:
        owner = whose() if exception is not None else None
        if owner is not None and exception is not None:
            failed.append(_Failed(self, exception, owner))
        fail(self, exception)

    setattr(set_exception, _OURS, True)
    Future.set_exception = set_exception  # type: ignore[method-assign]
    for name in _ASKING:
        setattr(Future, name, _noting(getattr(Future, name)))


def _noting(ask: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(ask)
    def call(self: Future[Any], *args: Any, **kwargs: Any) -> Any:
        vars(self)[_ASKED] = True
        return ask(self, *args, **kwargs)

    return call


def unasked(owner: object) -> list[BaseException]:
    """Return what failed that belongs to `owner`, and that nobody asked about; it is told once."""
    mine = [each for each in failed if each.whose is owner]
    failed[:] = [each for each in failed if each.whose is not owner]
    return [each.error for each in mine if _ASKED not in vars(each.future) and is_of_probes(each.error)]


def is_of_probes(error: BaseException) -> bool:
    """Return whether an error is an assertion, or was raised by code of a probe or by what that called."""
    if isinstance(error, AssertionError):
        return True
    files = files_of_probes()
    if type(error.__cause__).__name__ == "_RemoteTraceback":  # of another process the text alone comes back
        told = str(error.__cause__)
        return any(f'File "{file}"' in told for file in files)
    return any(frame.f_code.co_filename in files for frame, _ in traceback.walk_tb(error.__traceback__))


def files_of_probes() -> set[str | None]:
    """Return the files of the probes modules that are loaded."""
    modules = sys.modules.copy()
    return {getattr(modules[name], "__file__", None) for name in modules if "probes" in name.split(".")}
