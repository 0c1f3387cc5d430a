"""Looks at what code returned: a coroutine or a generator is the proof that nothing of that code ran.

unittest calls it, looks at nothing that comes back (`IsolatedAsyncioTestCase` awaits what is an async function by
its looks, and a decorator hides that), and reports that it passed.
"""

from __future__ import annotations

import inspect
import unittest
from functools import cache, partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cleanup = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


__unittest = True  # see `executor`


class UnrunError(TypeError):
    """What was returned is code of which nothing ran; no `@expectedFailure` means that (see `recorder`)."""


def refuse_unrun(returned: object) -> None:
    """Raise UnrunError if what was returned is code that nobody runs; any other value is nobody's concern."""
    if returned is None:
        return
    if inspect.isgenerator(returned) or inspect.isasyncgen(returned):
        kind = "generator that nobody runs"
        cure = "it has a yield, which must go"
    elif inspect.isawaitable(returned):
        kind = "coroutine that nobody awaits"
        cure = (
            "only a unittest.IsolatedAsyncioTestCase awaits: its test methods, asyncSetUp, asyncTearDown and cleanups, "
            "and each decorator of them must be async too; elsewhere call asyncio.run()"
        )
    else:
        return
    if inspect.isgenerator(returned) or inspect.iscoroutine(returned):
        returned.close()  # else Python warns of it as well
    name = getattr(returned, "__qualname__", type(returned).__qualname__)
    raise UnrunError(f"it returned a {kind}, so that nothing of {name} ran: {cure}")


def run_watched(test: unittest.TestCase, result: unittest.TestResult) -> None:
    """Run a test, once; a method or a cleanup of it that returns code which nobody runs raises UnrunError."""
    cls: Any = type(test)
    own = vars(test)
    if _is_plain(cls) and not own.keys() & {*_SEAMS, "setUp", "tearDown"}:
        own.update(_SEAMS)  # which know of no test: most have only a method, and are done before these could be made
        test.run(result)
        return
    found = {name: getattr(test, name) for name in _called(test)}
    seams: dict[str, Callable[..., Any]] = {
        name: update_wrapper(_looked_at(function), function) for name, function in found.items()
    }
    if isinstance(test, unittest.IsolatedAsyncioTestCase):
        seams["_callMaybeAsync"] = _looked_at(test._callMaybeAsync)  # type: ignore[attr-defined]  # noqa: SLF001 (what awaits there)
    else:
        seams |= {name: _handing_on(getattr(test, name)) for name in _SEAMS}
    own.update(seams)
    try:
        test.run(result)
    finally:
        for name in seams:  # through them the test would hold on to itself
            own.pop(name, None)


def refuse_unrun_cleanups(cleanups: list[Cleanup]) -> None:
    """Let what was added to a class or module as a cleanup raise UnrunError where it returns code that nobody runs."""
    if cleanups:
        cleanups[:] = [(_looked_at(function), args, kwargs) for function, args, kwargs in cleanups]


def _looked_at(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        returned = function(*args, **kwargs)
        refuse_unrun(returned)
        return returned

    return call


def _handing_on(seam: Callable[..., Any]) -> Callable[..., Any]:
    return lambda function, /, *args, **kwargs: seam(_looked_at(function), *args, **kwargs)


_SEAMS: Final = {
    name: _handing_on(partial(getattr(unittest.TestCase, name), None)) for name in ("_callTestMethod", "_callCleanup")
}
"""What unittest calls methods and cleanups by; its own look at no test."""


@cache
def _is_plain(cls: Any) -> bool:
    """Return whether a class leaves to unittest everything but its method."""
    names = ("setUp", "tearDown", *_SEAMS)
    own = unittest.FunctionTestCase, unittest.IsolatedAsyncioTestCase
    return not issubclass(cls, own) and all(getattr(cls, name) is getattr(unittest.TestCase, name) for name in names)


def _called(test: unittest.TestCase) -> Iterator[str]:
    """Yield the names of what unittest finds in a test and calls, except for its method."""
    yield from ("setUp", "tearDown")
    if isinstance(test, unittest.FunctionTestCase):
        names = ("_testFunc", "_setUpFunc", "_tearDownFunc")
        yield from (name for name in names if getattr(test, name) is not None)
