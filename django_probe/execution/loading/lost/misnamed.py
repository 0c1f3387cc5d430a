"""Finds fixtures by other names than unittest's, such as `setup` and pytest's `setup_class`: nothing of them would run.

What anything in the module calls by its name is a helper, and so is what a base from elsewhere may call.
"""

from __future__ import annotations

import inspect
import re
import unittest
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_OF_CLASSES: Final = {
    "setup": "setUp",
    "setupmethod": "setUp",
    "teardown": "tearDown",
    "teardownmethod": "tearDown",
    "setupclass": "setUpClass",
    "teardownclass": "tearDownClass",
    "asyncsetup": "asyncSetUp",
    "asyncteardown": "asyncTearDown",
}
_OF_MODULES: Final = {"setupmodule": "setUpModule", "teardownmodule": "tearDownModule"}
_SHARED: Final = re.compile(r"^_|Base|Mixin|Abstract")  # others may call what is in it


def misnamed(module: ModuleType) -> Iterator[str]:
    """Yield each fixture of a module and of its test cases that has another name than the one that is called."""
    found = [(name, name, right) for name, right in _wrong(module, _OF_MODULES) if _is_own(module, name)]
    for cls in vars(module).values():
        is_case = issubclass(type(cls), type) and issubclass(cls, unittest.TestCase)
        if is_case and cls.__module__ == module.__name__ and _is_alone(cls, module):
            found += [(f"{cls.__name__}.{name}", name, right) for name, right in _wrong(cls, _OF_CLASSES)]
    if found and (source := _source(module)) is not None:
        for shown, name, right in found:
            if len(re.findall(rf"\b{name}\b", source)) == len(re.findall(rf"\bdef[ \t]+{name}\b", source)):
                yield f"{shown} (unittest's is {right})"


def _wrong(owner: Any, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in vars(owner).items():
        right = names.get(name.replace("_", "").lower())
        if right and name != right and isinstance(value, FunctionType | classmethod | staticmethod):
            yield name, right


def _is_own(module: ModuleType, name: str) -> bool:
    return getattr(vars(module)[name], "__module__", None) == module.__name__


def _is_alone(cls: type[unittest.TestCase], module: ModuleType) -> bool:
    """Return whether a test case is made of this module's code and unittest's alone, and for this module alone."""
    homes = {base.__module__.partition(".")[0] for base in cls.__mro__ if base.__module__ != module.__name__}
    heirs = {heir.__module__ for heir in cls.__subclasses__()}
    return (
        homes <= {"builtins", "unittest", "django_probe"}
        and heirs <= {module.__name__}
        and not _SHARED.search(cls.__name__)
        and getattr(cls, "__test__", True) is not False
    )


def _source(module: ModuleType) -> str | None:
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return None
