"""Runs a test, and looks at what its methods and cleanups return.

The look is put into the class of the test, once, and not into the test: a test may copy itself (testscenarios does),
and the copy is looked at as well. unittest's own classes stay as they are.

A class may run its tests by itself, as testtools does, and may await them. There what came back is kept, and looked
at when the test is over: code that has begun by then is run by somebody.
"""

from __future__ import annotations

import inspect
import unittest
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from unittest import IsolatedAsyncioTestCase  # unittest loads it when it is asked for: not in each fork

from django_probe.execution.system import linux
from django_probe.execution.worker.hearing.unawaited import UnrunError, looked_at, refuse_unrun, refuse_value

if TYPE_CHECKING:
    from collections.abc import Callable

    Handle = Callable[..., Any]


__unittest = True  # see `executor`

_PLAN: Final = "_django_probe_plan"
_KEPT: Final = "_django_probe_kept"
_OWED: Final = "_django_probe_owed"
_ORIGINAL: Final = "_django_probe_original"
_ASYNC_FIXTURES: Final = ("asyncSetUp", "asyncTearDown")
_ADD_ASYNC: Final = "addAsyncCleanup"
_RUNNING: Final = frozenset(
    {"run", "__call__", "_callSetUp", "_callTestMethod", "_callTearDown", "_callCleanup", "doCleanups"}
)
"""The methods by which unittest runs a test."""
_OWN: Final = (unittest.TestCase, IsolatedAsyncioTestCase, object)
_begun: Final[set[str]] = set()
"""The test methods of a class that runs them by itself which were called since the last such test began."""


class _Plan(NamedTuple):
    """How the tests of a class are looked at.

    `owed` are the qualified names of what somebody has to call, by name; a class that `owes` may get more of them.
    """

    runs_itself: bool
    owes: bool
    owed: dict[str, str]


def run_watched(test: unittest.TestCase, result: unittest.TestResult) -> None:
    """Run a test, once; what of it returns code which nobody runs raises UnrunError, in the test or out of here."""
    cls: Any = type(test)
    plan = vars(cls).get(_PLAN) or _prepare(cls)
    if isinstance(test, unittest.FunctionTestCase):
        _look_at_functions(test)
    own = vars(test)
    runs_itself = plan.runs_itself or "run" in own
    if not runs_itself and not plan.owes:
        test.run(result)
        return
    _begun.clear()
    kept, owed = _Kept(), dict(plan.owed)
    if runs_itself:
        _look_at_method(test)
    own.update({_KEPT: kept, _OWED: owed})
    try:
        test(result)
    finally:
        own.pop(_KEPT, None)
        own.pop(_OWED, None)
    if not (result.failures or result.errors or result.skipped):
        for name in owed.values():
            raise UnrunError(
                f"nothing of {name} ran: only a unittest.IsolatedAsyncioTestCase calls it; make the class one"
            )
        if runs_itself:
            _refuse_uncalled(test)
        kept.refuse()


def _refuse_uncalled(test: Any) -> None:
    """Raise UnrunError if a class that runs its tests by itself passed one over, or the cleanups of one."""
    name = test._testMethodName  # noqa: SLF001 (unittest has no other name for it)
    method = getattr(test, name, None)
    # Of a coroutine Python says that nobody awaited it; and a class may run each test in a process of its own.
    if name not in _begun and not inspect.iscoroutinefunction(method) and not linux.has_forked():
        raise UnrunError(f"nothing of {getattr(method, '__qualname__', name)} ran: its class brings a run() of its own")
    if left := getattr(test, "_cleanups", None):
        names = ", ".join(str(getattr(function, "__qualname__", function)) for function, *_ in left)
        raise UnrunError(f"nobody called its cleanups ({names}): its class brings a run() or doCleanups() of its own")


class _Kept:
    """What came back to a class that runs its tests by itself."""

    def __init__(self) -> None:
        self._code: list[tuple[Any, int]] = []
        self._values: list[object] = []

    def of_fixture(self, returned: object) -> None:
        """Keep what setUp, tearDown or a cleanup returned if it is code; any other value is nobody's concern."""
        if inspect.iscoroutine(returned) or inspect.isgenerator(returned) or inspect.isasyncgen(returned):
            self._code.append((returned, _position(returned)))

    def of_method(self, returned: object) -> None:
        """Keep what the test method returned."""
        if inspect.isawaitable(returned) or inspect.isgenerator(returned) or inspect.isasyncgen(returned):
            self.of_fixture(returned)  # what else can be awaited is for who runs the test
        elif returned is not None:
            self._values.append(returned)

    def refuse(self) -> None:
        """Raise UnrunError for code that has not begun, and for what else nobody looks at."""
        for code, begun in self._code:
            if _position(code) == begun:
                refuse_unrun(code)
        for value in self._values:
            refuse_value(value)


def _position(code: Any) -> int:
    """Return how far code has come, as one number: it is the same as long as the code has not begun."""
    frame = next(getattr(code, name) for name in ("cr_frame", "gi_frame", "ag_frame") if hasattr(code, name))
    return frame.f_lasti if frame else -1


def _prepare(cls: Any) -> _Plan:
    isolated = issubclass(cls, IsolatedAsyncioTestCase)
    found = [name for name in (*_ASYNC_FIXTURES, _ADD_ASYNC) if hasattr(cls, name) and not isolated]
    owed = {name: getattr(getattr(cls, name), "__qualname__", name) for name in found if name != _ADD_ASYNC}
    plan = _Plan(_runs_itself(cls), bool(found), owed)
    if cls.__module__.partition(".")[0] not in ("unittest", "doctest"):
        _put_into(cls, plan, isolated=isolated)
        for name in found:
            _replace(cls, name, _owe_argument if name == _ADD_ASYNC else partial(_pay, name))
        setattr(cls, _PLAN, plan)  # in no table of ours: a process that lives long may make classes at each round
    return plan


def _put_into(cls: Any, plan: _Plan, *, isolated: bool) -> None:
    for name in ("setUp", "tearDown"):
        if _original(cls, name) is not getattr(unittest.TestCase, name):
            _replace(cls, name, _keep if plan.runs_itself else _refuse)
    if plan.runs_itself:
        _replace(cls, "addCleanup", _keep_of_argument)
    elif isolated:
        _replace(cls, "_callMaybeAsync", _refuse_unawaited)
    else:
        cls._callTestMethod = _call_test_method  # as unittest's own: most classes have nothing else
        cls._callCleanup = _call_cleanup


def _runs_itself(cls: Any) -> bool:
    """Return whether a class brings a part of what unittest runs tests with, and so may await what comes back."""
    if all(_RUNNING.isdisjoint(vars(base)) for base in cls.__mro__ if base not in _OWN):
        return False
    unittests: Any = unittest.TestCase
    if issubclass(cls, IsolatedAsyncioTestCase):
        unittests = IsolatedAsyncioTestCase
    return any(_original(cls, name) is not getattr(unittests, name) for name in _RUNNING)


def _original(cls: Any, name: str) -> Any:
    """Return what stands in the class itself or in what it is made of, bound to nothing."""
    for base in cls.__mro__:
        if name in (own := vars(base)):
            return getattr(own[name], _ORIGINAL, own[name])
    raise AttributeError(f"{cls.__qualname__} has no {name}")


def _replace(cls: Any, name: str, handle: Handle) -> None:
    """Have a method of a class called by `handle`, which is given the test, the bound method and the arguments.

    Where a subclass calls it, it is called as it is: what it returns is not the last word then.
    """
    if hasattr(vars(cls).get(name), _ORIGINAL):
        return
    original = _original(cls, name)
    is_async = inspect.iscoroutinefunction(getattr(original, "__func__", original))
    if is_async and handle in (_keep, _keep_of_method):
        return  # the class may ask whether it is async; and Python says of its coroutine that nobody awaited it

    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        bound = original.__get__(self, type(self)) if hasattr(original, "__get__") else original
        return handle(self, bound, *args, **kwargs) if type(self) is cls else bound(*args, **kwargs)

    async def call_async(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await call(self, *args, **kwargs)

    replacement = update_wrapper(call_async if is_async and handle is not _refuse else call, original)
    setattr(replacement, _ORIGINAL, original)
    setattr(cls, name, replacement)


def _refuse(_test: Any, bound: Any, /, *args: Any, **kwargs: Any) -> Any:
    return looked_at(bound, refuse_unrun)(*args, **kwargs)


def _refuse_unawaited(test: Any, bound: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Look at what an IsolatedAsyncioTestCase did not await: of its method or of a cleanup."""
    is_method = function == getattr(test, test._testMethodName)  # noqa: SLF001 (unittest has no other name for it)
    return looked_at(bound, refuse_value if is_method else refuse_unrun)(function, *args, **kwargs)


def _call_test_method(_test: Any, method: Callable[[], Any]) -> None:
    if (returned := method()) is not None:
        refuse_value(returned)


def _call_cleanup(_test: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
    refuse_unrun(function(*args, **kwargs))


for _replacement, _name in ((_call_test_method, "_callTestMethod"), (_call_cleanup, "_callCleanup")):
    setattr(_replacement, _ORIGINAL, getattr(unittest.TestCase, _name))


def _keep(test: Any, bound: Any, /, *args: Any, **kwargs: Any) -> Any:
    return looked_at(bound, _kept(test).of_fixture)(*args, **kwargs)


def _keep_of_argument(test: Any, bound: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    if not inspect.iscoroutinefunction(function):
        function = update_wrapper(looked_at(function, _kept(test).of_fixture), function)
    return bound(function, *args, **kwargs)


def _keep_of_method(test: Any, bound: Any, /, *args: Any, **kwargs: Any) -> Any:
    _begun.add(test._testMethodName)  # noqa: SLF001 (unittest has no other name for it)
    return looked_at(bound, _kept(test).of_method)(*args, **kwargs)


def _kept(test: Any) -> _Kept:
    """Return what takes what comes back; once the test is over, it is looked at by nobody."""
    return vars(test).get(_KEPT) or _Kept()


def _look_at_method(test: unittest.TestCase) -> None:
    name = test._testMethodName  # noqa: SLF001 (unittest has no other name for it)
    own = vars(test)
    if name not in own:
        if hasattr(type(test), name):
            _replace(type(test), name, _keep_of_method)
    elif not inspect.iscoroutinefunction(own[name]):
        own[name] = update_wrapper(partial(_keep_of_method, test, own[name]), own[name])


def _pay(name: str, test: Any, bound: Any, /, *args: Any, **kwargs: Any) -> Any:
    vars(test).get(_OWED, {}).pop(name, None)
    return bound(*args, **kwargs)


def _owe_argument(test: Any, bound: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Add a cleanup that has to be called before the test is over."""
    owed = vars(test).get(_OWED, {})
    key = object()
    owed[key] = getattr(function, "__qualname__", type(function).__qualname__)

    def call(*args: Any, **kwargs: Any) -> Any:
        owed.pop(key, None)
        return function(*args, **kwargs)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        return await call(*args, **kwargs)

    paying = update_wrapper(call_async if inspect.iscoroutinefunction(function) else call, function)
    return bound(paying, *args, **kwargs)


def _look_at_functions(test: unittest.FunctionTestCase) -> None:
    own = vars(test)
    for name, look in (("_testFunc", refuse_value), ("_setUpFunc", refuse_unrun), ("_tearDownFunc", refuse_unrun)):
        if function := getattr(test, name):
            own[name] = update_wrapper(looked_at(function, look), function)
