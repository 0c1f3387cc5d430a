"""Looks at what code returned: a coroutine or a generator is the proof that nothing of that code ran.

unittest calls it, looks at nothing that comes back (`IsolatedAsyncioTestCase` awaits what is an async function by
its looks, and a decorator hides that), and reports that it passed. What else a test returns is nothing that unittest
would use either, and it says so in a warning that nobody reads.

A class may run its tests by itself, and may await them: there the code that came back is looked at when it is over.
"""

from __future__ import annotations

import inspect
import unittest
from functools import lru_cache, partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cleanup = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
    Look = Callable[[object], None]


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


def refuse_value(returned: object) -> None:
    """Raise UnrunError if a test returned anything: nobody looks at it, and it may be all that was to be done."""
    refuse_unrun(returned)
    if returned is None:
        return
    try:
        shown = repr(returned)
    except Exception:  # noqa: BLE001 (it is the probe's code)
        shown = f"an object of the type {type(returned).__qualname__}"
    raise UnrunError(
        f"it returned {shown[:80]}, which nobody looks at or runs: a test returns None; call what it has to do, and "
        f"assert what it finds out"
    )


def run_watched(test: unittest.TestCase, result: unittest.TestResult) -> None:
    """Run a test, once; what of it returns code which nobody runs raises UnrunError, in the test or out of here."""
    own = vars(test)
    cls: Any = type(test)
    if _is_plain(cls) and own.keys().isdisjoint(_NAMES):
        own.update(_SEAMS)  # which know of no test: most have only a method, and are done before these could be made
        test(result)
        return
    watch = _Watch(test)
    seams = dict(watch.seams())
    own.update(seams)
    try:
        test(result)
    finally:
        for name in seams:  # through them the test would hold on to itself
            own.pop(name, None)
    if not (result.failures or result.errors or result.skipped):
        watch.refuse()


def refuse_unrun_cleanups(cleanups: list[Cleanup]) -> None:
    """Let what was added to a class or module as a cleanup raise UnrunError where it returns code that nobody runs."""
    if cleanups:
        cleanups[:] = [(_looked_at(function, refuse_unrun), args, kwargs) for function, args, kwargs in cleanups]


class _Watch:
    """What is looked at of a test that is more than a method."""

    def __init__(self, test: unittest.TestCase) -> None:
        self._test = test
        self._cls: Any = type(test)
        self._given: list[tuple[Any, int]] = []
        self._owed: dict[int, str] = {}

    def seams(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield what takes the place of the test's attributes while it runs."""
        if _runs_itself(self._cls):
            for name in ("setUp", "tearDown", self._test._testMethodName):  # noqa: SLF001 (unittest has no other name for it)
                yield name, self._kept(getattr(self._test, name))
            add = self._test.addCleanup
            yield "addCleanup", lambda function, /, *args, **kwargs: add(self._kept(function), *args, **kwargs)
        else:
            yield from self._seams_of_unittest()
        if not isinstance(self._test, unittest.IsolatedAsyncioTestCase):
            yield from self._async_fixtures()

    def refuse(self) -> None:
        """Raise UnrunError if something was to run and did not, now that the test is over."""
        for name in self._owed.values():
            raise UnrunError(
                f"nothing of {name} ran: only a unittest.IsolatedAsyncioTestCase calls it; make the class one"
            )
        for returned, begun in self._given:
            if begun < 0:
                refuse_value(returned)
            elif _position(returned) == begun:
                refuse_unrun(returned)

    def _seams_of_unittest(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        test: Any = self._test
        for name in ("setUp", "tearDown"):
            yield name, _in_place_of(getattr(test, name), refuse_unrun)
        if isinstance(test, unittest.FunctionTestCase):
            looks = {"_testFunc": refuse_value, "_setUpFunc": refuse_unrun, "_tearDownFunc": refuse_unrun}
            found = ((name, getattr(test, name), look) for name, look in looks.items())
            yield from ((name, _in_place_of(function, look)) for name, function, look in found if function)
        if isinstance(test, unittest.IsolatedAsyncioTestCase):
            yield "_callMaybeAsync", self._call_maybe_async
        else:
            yield from _SEAMS.items()

    def _call_maybe_async(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        returned = self._cls._callMaybeAsync(self._test, function, *args, **kwargs)  # noqa: SLF001 (what awaits there)
        is_method = function == getattr(self._test, self._test._testMethodName)  # noqa: SLF001
        (refuse_value if is_method else refuse_unrun)(returned)
        return returned

    def _async_fixtures(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield stand-ins for what unittest calls of an IsolatedAsyncioTestCase alone; a class may call it itself."""
        for name in _ASYNC_FIXTURES:
            if hasattr(self._cls, name):
                yield name, self._owing(getattr(self._test, name))
        if hasattr(self._cls, _ADD_ASYNC):
            add = getattr(self._test, _ADD_ASYNC)
            yield _ADD_ASYNC, lambda function, /, *args, **kwargs: add(self._owing(function), *args, **kwargs)

    def _kept(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that keeps what is returned; of an async one Python itself says that nobody awaited it."""
        if inspect.iscoroutinefunction(function):
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            returned = function(*args, **kwargs)
            if _is_code(returned):
                self._given.append((returned, _position(returned)))
            elif returned is not None and not inspect.isawaitable(returned):  # else it is for who runs the test
                self._given.append((returned, -1))
            return returned

        return update_wrapper(call, function)

    def _owing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that has to be called before the test is over."""
        key = len(self._owed)
        self._owed[key] = getattr(function, "__qualname__", type(function).__qualname__)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._owed.pop(key, None)
            return function(*args, **kwargs)

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            return await call(*args, **kwargs)

        return update_wrapper(call_async if inspect.iscoroutinefunction(function) else call, function)


def _is_code(returned: object) -> bool:
    return inspect.iscoroutine(returned) or inspect.isgenerator(returned) or inspect.isasyncgen(returned)


def _position(code: Any) -> int:
    """Return how far code has come, as one number: it is the same as long as the code has not begun."""
    frame = next(getattr(code, name) for name in ("cr_frame", "gi_frame", "ag_frame") if hasattr(code, name))
    return frame.f_lasti if frame else -2


def _looked_at(function: Callable[..., Any], look: Look) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        returned = function(*args, **kwargs)
        look(returned)
        return returned

    return call


def _in_place_of(function: Callable[..., Any], look: Look) -> Callable[..., Any]:
    return update_wrapper(_looked_at(function, look), function)


def _handing_on(seam: Callable[..., Any], look: Look) -> Callable[..., Any]:
    return lambda function, /, *args, **kwargs: seam(_looked_at(function, look), *args, **kwargs)


_ASYNC_FIXTURES: Final = ("asyncSetUp", "asyncTearDown")
_ADD_ASYNC: Final = "addAsyncCleanup"
_SEAMS: Final = {
    "_callTestMethod": _handing_on(partial(unittest.TestCase._callTestMethod, None), refuse_value),  # type: ignore[attr-defined]  # noqa: SLF001
    "_callCleanup": _handing_on(partial(unittest.TestCase._callCleanup, None), refuse_unrun),  # type: ignore[attr-defined]  # noqa: SLF001
}
"""What unittest calls methods and cleanups by; its own look at no test."""
_NAMES: Final = {"setUp", "tearDown", *_SEAMS}
_MACHINERY: Final = ("run", "__call__", "_callSetUp", "_callTearDown", "doCleanups", *_SEAMS)


@lru_cache(maxsize=1024)
def _runs_itself(cls: Any) -> bool:
    """Return whether a class brings a part of what unittest runs tests with, and so may await what comes back."""
    unittests: Any = unittest.TestCase
    if issubclass(cls, unittest.IsolatedAsyncioTestCase):
        unittests = unittest.IsolatedAsyncioTestCase
    return any(getattr(cls, name) is not getattr(unittests, name) for name in _MACHINERY)


@lru_cache(maxsize=1024)  # a long-lived process may make classes at each round of the gate `ready`
def _is_plain(cls: Any) -> bool:
    """Return whether a class leaves to unittest everything but its method."""
    more = *_ASYNC_FIXTURES, _ADD_ASYNC
    own = unittest.FunctionTestCase, unittest.IsolatedAsyncioTestCase
    return (
        not issubclass(cls, own)
        and not _runs_itself(cls)
        and all(getattr(cls, name) is getattr(unittest.TestCase, name) for name in ("setUp", "tearDown"))
        and not any(hasattr(cls, name) for name in more)
    )
