"""Finds what a probes module defines as a test and unittest does not take for one: nothing of it would run."""

from __future__ import annotations

import inspect
import re
import sys
import unittest
from functools import partial
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.apps import apps

from django_probe.execution.loading.lost.hidden import hidden
from django_probe.execution.loading.lost.misnamed import misnamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

_NAMED: Final = 5
_TEST_CLASS: Final = re.compile(r"^Test|(?:Test|Probe)s?$")
_BASE: Final = re.compile(r"^_|Base|Mixin|Abstract")


class LoadedModule(NamedTuple):
    """A probes module; `prefix` begins its labels, `chooses` is true where its `suite()` or `load_tests` speaks."""

    prefix: str
    module: ModuleType
    chooses: bool


def uncollected(
    modules: Iterable[LoadedModule], tests: Iterable[tuple[str, unittest.TestCase]]
) -> Iterator[tuple[str, str]]:
    """Yield the prefix of each module of which something is not collected, and a sentence that says what and why.

    `tests` are all that was loaded, each with the prefix of its module.
    """
    tests = list(tests)
    used: dict[str, set[type]] = {}
    for app, cls in {(_app(prefix), type(test)) for prefix, test in tests}:
        used.setdefault(app, set()).update(cls.__mro__)
    inherited = set().union(*used.values())
    functions = {id(_function_of(test)) for _, test in tests if isinstance(test, unittest.FunctionTestCase)}
    giving = {prefix for prefix, _ in tests}
    loaded = {type(test) for _, test in tests}
    for prefix, module, chooses in modules:
        told = [*_told_of_module(module, functions, inherited, chooses=chooses)]
        yield from ((prefix, sentence) for sentence in told)
        if told or prefix in giving or chooses:
            continue
        if left := [*_borrowed(module, loaded | used.get(_app(prefix), set()))]:
            sentence = (
                f"nothing runs of {module.__name__}: it has nothing but {_enumerated(left)}, and what a module "
                f"imports is no probe of it; subclass it there, or give it in load_tests()"
            )
            yield prefix, sentence


def _told_of_module(module: ModuleType, functions: set[int], inherited: set[type], *, chooses: bool) -> Iterator[str]:
    """Yield a sentence for each kind of what a module defines and nothing runs of."""
    if left := [*_functions(module, functions), *_classes(module, inherited)]:
        yield (
            f"nothing runs of {_enumerated(left)} in {module.__name__}: probes are the test methods of a "
            f"unittest.TestCase; make them that, or give them names that do not begin with test"
        )
    if left := [*_nested(module, inherited)]:
        yield (
            f"nothing runs of {_enumerated(left)} in {module.__name__}: a class inside another class is not looked "
            f"into; move it out of there, or subclass it at the top of the module"
        )
    if left := [] if chooses else [*_without_tests(module, inherited)]:
        yield (
            f"nothing runs of {_enumerated(left)} in {module.__name__}: the names of test methods begin with test; "
            f"name them so, or give the class __test__ = False if it is no probe"
        )
    if left := [*_unawaited(module)]:
        why = "it holds a coroutine that nobody awaited; make it in a test or an async fixture, and await it there"
        yield f"nothing runs of {_enumerated(left)} in {module.__name__}: {why}"
    if left := [*misnamed(module)]:
        why = "unittest does not call it by this name; rename it"
        yield f"nothing runs of {_enumerated(left)} in {module.__name__}: {why}"
    yield from hidden(module, chooses=chooses)


def _unawaited(module: ModuleType) -> Iterator[str]:
    """Yield what of a module and its test cases is a coroutine that was made while it was imported."""
    cases = [(f"{name}.", value) for name, value in _classes_in(module) if issubclass(value, unittest.TestCase)]
    for prefix, owner in [("", module), *cases]:
        for name, value in vars(owner).items():
            if type(value) is CoroutineType and inspect.getcoroutinestate(value) == inspect.CORO_CREATED:
                yield prefix + name


def _app(prefix: str) -> str:
    return prefix.partition(".")[0]


def _function_of(test: Any) -> Any:
    """Return the function that a FunctionTestCase is made of, out of its decorators."""
    function = test._testFunc  # noqa: SLF001 (unittest has no other name for it)
    while isinstance(function, partial):
        function = function.func
    return inspect.unwrap(function)


def _functions(module: ModuleType, collected: set[int]) -> Iterator[str]:
    """Yield the test functions of a module; who collects one by hand has chosen among them."""
    found = [
        (name, value)
        for name, value in vars(module).items()
        if name.startswith("test") and _is_test_function(value, module)
    ]
    if not any(id(inspect.unwrap(value)) in collected for _, value in found):
        yield from (f"{name}()" for name, _ in found)


def _is_test_function(value: Any, module: ModuleType) -> bool:
    function = _wrapped(value)
    return (
        type(function) is FunctionType  # of a lazy object isinstance() would ask what it stands for
        and function.__module__ == module.__name__
        and _may_be_a_test(value)
        and not _is_fixture(value)
        and (_required(function) <= len(_patched(function)) or _is_marked(value))
    )


def _wrapped(value: Any) -> Any:
    """Return the function in a callable that says what it wraps, as one of functools.cache; else the value itself."""
    while type(value) is not FunctionType:
        # A mock, or a lazy object, would answer for any name that it is asked for.
        inner = inspect.getattr_static(value, "__wrapped__", None)
        if inner is None or not callable(inner):
            break
        value = inner
    return value


def _is_fixture(value: Any) -> bool:
    return type(value).__module__.startswith("_pytest.") or hasattr(value, "_pytestfixturefunction")


def _is_marked(value: Any) -> bool:
    """Return whether pytest's own decorators are on it, which may be what gives its arguments."""
    return inspect.getattr_static(value, "pytestmark", None) is not None


def _required(function: FunctionType) -> int:
    """Return how many arguments a function cannot be called without."""
    variable = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    parameters = inspect.signature(function).parameters.values()
    return sum(each.default is each.empty and each.kind not in variable for each in parameters)


def _patched(function: Any) -> list[Any]:
    """Return the decorators of mock that give an argument."""
    mock = sys.modules.get("unittest.mock")  # where nobody imported it, it patched nothing
    return [patch for patch in getattr(function, "patchings", ()) if mock and patch.new is mock.DEFAULT]


def _classes(module: ModuleType, inherited: set[type]) -> Iterator[str]:
    """Yield the test classes of a module that are no test cases, and that none inherits."""
    for name, value in _classes_in(module):
        if value.__module__ == module.__name__ and value not in inherited and _is_plain_test_class(name, value):
            yield name


def _nested(module: ModuleType, inherited: set[type]) -> Iterator[str]:
    """Yield the test cases and test classes that stand in other classes of a module, and that none inherits."""
    outer = [value for _, value in _classes_in(module) if value.__module__ == module.__name__]
    inner = dict.fromkeys(below for value in outer for below in _inside(value))
    for value in inner:
        is_case = issubclass(value, unittest.TestCase) and _may_be_a_test(value) and _has_tests(value)
        if value not in inherited and (is_case or _is_plain_test_class(value.__name__, value)):
            yield value.__qualname__


def _inside(cls: type) -> Iterator[type]:
    """Yield the classes that were written in the body of a class, however deep."""
    for name, value in vars(cls).items():
        if issubclass(type(value), type) and value.__qualname__ == f"{cls.__qualname__}.{name}":
            yield value
            yield from _inside(value)


def _without_tests(module: ModuleType, inherited: set[type]) -> Iterator[str]:
    """Yield the test cases of a module that nobody inherits, with methods that could be tests and none that is."""
    for name, value in _classes_in(module):
        if (
            issubclass(value, unittest.TestCase)
            and value.__module__ == module.__name__
            and value not in inherited
            and not value.__subclasses__()
            and not inspect.isabstract(value)
            and not _BASE.search(name)  # who inherits it may be in an app that this run does not load
            and _may_be_a_test(value)
            and not (_has_tests(value) or hasattr(value, "runTest"))
            and any(_could_be_a_test(method, found) for method, found in vars(value).items())
        ):
            yield name


def _could_be_a_test(name: str, method: Any) -> bool:
    own = type(method) is FunctionType and not hasattr(unittest.IsolatedAsyncioTestCase, name)
    return own and not name.startswith("_") and _required(method) == 1


def _is_plain_test_class(name: str, cls: type) -> bool:
    """Return whether a class looks like one of tests and is no test case."""
    named = _TEST_CLASS.search(name) and not issubclass(cls, unittest.TestCase)
    return bool(named) and _may_be_a_test(cls) and _has_tests(cls)


def _has_tests(cls: type) -> bool:
    return any(_is_method(cls, name) for name in dir(cls) if name.startswith("test"))


def _is_method(cls: type, name: str) -> bool:
    found = inspect.getattr_static(cls, name, None)
    return callable(found) or isinstance(found, classmethod)


def _borrowed(module: ModuleType, used: set[type]) -> Iterator[str]:
    """Yield the test cases that a module took from where no probes are, and that are nobody's to run."""
    for name, value in _classes_in(module):
        if (
            issubclass(value, unittest.TestCase)
            and value not in used
            and not _is_of_probes(value.__module__)
            and _has_tests(value)
        ):
            yield f"{name} of {value.__module__}"


def _classes_in(module: ModuleType) -> Iterator[tuple[str, type]]:
    return ((name, value) for name, value in vars(module).items() if issubclass(type(value), type))


def _is_of_probes(module: str) -> bool:
    return any(f"{module}.".startswith(f"{config.name}.probes.") for config in apps.get_app_configs())


def _may_be_a_test(value: Any) -> bool:
    """Return whether it does not say, by the attribute that pytest and nose know, that it is none."""
    return getattr(value, "__test__", True) is not False


def _enumerated(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
