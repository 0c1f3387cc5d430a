"""Looks at what code returned: a coroutine or a generator is the proof that nothing of that code ran.

unittest calls it, looks at nothing that comes back (`IsolatedAsyncioTestCase` awaits what is an async function by
its looks, and a decorator hides that), and reports that it passed.
"""

from __future__ import annotations

import inspect
import unittest
from contextlib import contextmanager
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cleanup = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


__unittest = True  # see `executor`


def refuse_unrun(returned: object) -> None:
    """Raise TypeError if what was returned is code that nobody runs; any other value is nobody's concern."""
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
    raise TypeError(f"it returned a {kind}, so that nothing of {name} ran: {cure}")


@contextmanager
def refusing_unrun(test: unittest.TestCase) -> Iterator[list[TypeError]]:
    """Refuse what the methods and cleanups of a test return, in the block in which it runs, once; gives the errors.

    unittest hears of them too, and takes them for expected in a method that is marked `@expectedFailure`.
    """
    raised: list[TypeError] = []

    def looked_at(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            returned = function(*args, **kwargs)
            if returned is not None:
                try:
                    refuse_unrun(returned)
                except TypeError as error:
                    raised.append(error)
                    raise
            return returned

        return call

    seams: dict[str, Callable[..., Any]] = {}
    for name in _called(test):
        function = getattr(test, name)
        seams[name] = update_wrapper(looked_at(function), function)
    if isinstance(test, unittest.IsolatedAsyncioTestCase):
        seams["_callMaybeAsync"] = looked_at(test._callMaybeAsync)  # type: ignore[attr-defined]  # noqa: SLF001 (what awaits there)
    else:
        seams |= {name: _handing_on(getattr(test, name), looked_at) for name in ("_callTestMethod", "_callCleanup")}
    vars(test).update(seams)
    try:
        yield raised
    finally:
        for name in seams:  # through them the test would hold on to itself
            vars(test).pop(name, None)


def refuse_unrun_cleanups(cleanups: list[Cleanup]) -> None:
    """Let what was added to a class or module as a cleanup raise TypeError where it returns code that nobody runs."""
    cleanups[:] = [(_refusing(function), args, kwargs) for function, args, kwargs in cleanups]


def _refusing(function: Callable[..., Any]) -> Callable[..., None]:
    return lambda *args, **kwargs: refuse_unrun(function(*args, **kwargs))


def _called(test: unittest.TestCase) -> Iterator[str]:
    """Give the names of what unittest finds in a test and calls, except for its method; only of what does anything."""
    for name in ("setUp", "tearDown"):
        if getattr(type(test), name) is not getattr(unittest.TestCase, name) or name in vars(test):
            yield name
    if isinstance(test, unittest.FunctionTestCase):
        names = ("_testFunc", "_setUpFunc", "_tearDownFunc")
        yield from (name for name in names if getattr(test, name) is not None)


def _handing_on(seam: Callable[..., Any], looked_at: Callable[..., Any]) -> Callable[..., Any]:
    return lambda function, /, *args, **kwargs: seam(looked_at(function), *args, **kwargs)
