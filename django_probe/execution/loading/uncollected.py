"""Finds what a probes module defines as a test and unittest does not take for one: nothing of it would run."""

from __future__ import annotations

import inspect
import unittest
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from unittest import mock

from django.apps import apps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

_NAMED: Final = 5


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
        if left := [*_functions(module, functions), *_classes(module, inherited)]:
            told = (
                f"nothing runs of {_enumerated(left)} in {module.__name__}: probes are the test methods of a "
                f"unittest.TestCase; make them that, or give them names that do not begin with test"
            )
            yield prefix, told
        elif prefix in giving or chooses:
            continue
        elif left := [*_borrowed(module, loaded | used.get(_app(prefix), set()))]:
            told = (
                f"nothing runs of {module.__name__}: it has nothing but {_enumerated(left)}, and what a module "
                f"imports is no probe of it; subclass it there, or give it in load_tests()"
            )
            yield prefix, told


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
    return (
        type(value) is FunctionType  # of a lazy object isinstance() would ask what it stands for
        and value.__module__ == module.__name__
        and _may_be_a_test(value)
        and not hasattr(value, "_pytestfixturefunction")
        and _required(value) <= len(_patched(value))
    )


def _required(function: FunctionType) -> int:
    """Return how many arguments a function cannot be called without."""
    variable = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    parameters = inspect.signature(function).parameters.values()
    return sum(each.default is each.empty and each.kind not in variable for each in parameters)


def _patched(function: Any) -> list[Any]:
    """Return the decorators of mock that give an argument."""
    return [patch for patch in getattr(function, "patchings", ()) if patch.new is mock.DEFAULT]


def _classes(module: ModuleType, inherited: set[type]) -> Iterator[str]:
    """Yield the test classes of a module that are no test cases, and that none inherits."""
    for name, value in _classes_in(module):
        if (
            name.startswith("Test")
            and value.__module__ == module.__name__
            and not issubclass(value, unittest.TestCase)
            and value not in inherited
            and _may_be_a_test(value)
            and any(_is_method(value, method) for method in dir(value) if method.startswith("test"))
        ):
            yield name


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
            and any(_is_method(value, method) for method in dir(value) if method.startswith("test"))
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
