"""Imports the probes modules of an app, and makes suites of what is in them.

What does not import, cannot be made a test, or would never run becomes an error among them.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import unittest
from itertools import groupby
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

from django_probe.execution.failures import formatted, message_of, one_line
from django_probe.execution.guard.refusals import take_refusals
from django_probe.execution.loading.compiled import without_asserts
from django_probe.execution.loading.lost.packages import lost_files, lost_module, shadowed_folder
from django_probe.execution.loading.lost.uncollected import LoadedModule
from django_probe.execution.loading.suites import ProbeSuite, Stillborn, error_suite, leaves
from django_probe.execution.state import imports
from django_probe.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType, TracebackType

    from django.apps import AppConfig


def load_app(
    config: AppConfig, announce: Callable[[str, str], None], modules: list[LoadedModule]
) -> Iterator[ProbeSuite]:
    """Yield the suites of an app's probes modules; `announce` is told of each before it is imported (see `discovery`).

    Each module that was imported is appended to `modules`.
    """
    name = f"{config.name}.probes"
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # the app is a module, not a package
        return
    if spec is None:
        if lost := lost_module(Path(config.path)):
            yield error_suite(config.label, lost)
        return
    if stripped := without_asserts(name):
        yield error_suite(config.label, stripped)
    if hidden := [path for path in spec.submodule_search_locations or () if Path(path).with_suffix(".py").exists()]:
        message = f"{hidden[0]} is a folder and a file, probes.py, of which Python imports the folder alone; keep one"
        yield error_suite(config.label, message)
    yield from _load_module(name, config.label, announce, modules)


def _load_module(
    name: str, prefix: str, announce: Callable[[str, str], None], modules: list[LoadedModule]
) -> Iterator[ProbeSuite]:
    announce(prefix, name)
    if verdict := imports.known(name):
        yield _error_suite(prefix, *verdict)
        return
    with imports.look(name) as changed:
        module, suite = _import(name, prefix)
    if changed:
        yield _changing(name, suite, changed[0])
        return
    if hidden := _hidden_write(name, prefix):
        yield hidden
        return
    if module is None:
        yield suite
        return
    chooses = bool(_maker(module, "suite") or _maker(module, "load_tests"))
    modules.append(LoadedModule(prefix, module, chooses))
    if chooses:
        yield from _by_home(suite, module)
        return  # as unittest has it: who chooses speaks for the whole package
    yield suite
    if "." not in prefix and (lost := shadowed_folder(module)):  # a package below looks at its own folders
        yield error_suite(prefix, lost)
    yield from (error_suite(f"{prefix}.{below}", message) for below, message in lost_files(module))
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if info.name != "__main__":
            yield from _load_module(f"{name}.{info.name}", f"{prefix}.{info.name}", announce, modules)


def _import(name: str, prefix: str) -> tuple[ModuleType | None, ProbeSuite]:
    """Import a module and return it with its suite; without the module where it could not be, or skips itself."""
    try:
        module = importlib.import_module(name)
    except unittest.SkipTest as skip:
        return None, ProbeSuite([Stillborn(prefix, Outcome.SKIPPED, str(skip))], prefix=prefix)
    except BaseException as error:  # noqa: BLE001 (sys.exit() in a module is an error of that module alone)
        return None, _stillborn_suite(prefix, f"{name} could not be imported", error)
    return module, _suite_of(module, prefix)


def _changing(name: str, suite: ProbeSuite, message: str) -> ProbeSuite:
    """Return the error of a module that changed the process; where it could not be loaded, that error."""
    take_refusals()
    details = ""
    for test in leaves(suite):
        if isinstance(test, Stillborn) and test.outcome is Outcome.ERROR:
            message, details = f"{test.message}; and {message}", test.details
    imports.remember(name, message, details)
    return _error_suite(suite.prefix, message, details)


def _error_suite(prefix: str, message: str, details: str) -> ProbeSuite:
    return ProbeSuite([Stillborn(prefix, Outcome.ERROR, message, details)], prefix=prefix)


class _Loader(unittest.TestLoader):
    """Python's own, but that it looks at no more of a class than at what has a test's name: a class has 100 others.

    `dir()` would gather those, too.
    """

    def getTestCaseNames(self, testCaseClass: type[unittest.TestCase]) -> list[str]:  # noqa: N802, N803 (unittest's)
        """Return the names of the test methods in their order."""
        if self.testNamePatterns or self.sortTestMethodsUsing is not unittest.TestLoader.sortTestMethodsUsing:
            return list(super().getTestCaseNames(testCaseClass))
        prefix = self.testMethodPrefix
        if prefix == "test" and type(testCaseClass).__dir__ is type.__dir__:  # type: ignore[comparison-overlap]
            bases = [vars(base) for base in testCaseClass.__mro__ if base is not object]
            names = sorted({name for own in bases for name in own if name.startswith(prefix)})
        else:  # its metaclass says by itself what it has
            names = [name for name in dir(testCaseClass) if name.startswith(prefix)]
        return [name for name in names if callable(getattr(testCaseClass, name))]


def _suite_of(module: ModuleType, prefix: str) -> ProbeSuite:
    loader = _Loader()
    try:
        given = _given_suite(module)
        suite = ProbeSuite(_own_tests(loader, module), prefix=prefix) if given is None else given
        if load_tests := _maker(module, "load_tests"):
            suite = _checked(load_tests(loader, suite, None), "load_tests()", module)
        return suite if isinstance(suite, ProbeSuite) else ProbeSuite([suite], prefix=prefix)
    except unittest.SkipTest as skip:
        return ProbeSuite([Stillborn(prefix, Outcome.SKIPPED, str(skip))], prefix=prefix)
    except BaseException as error:  # noqa: BLE001 (as above: it is an error of this module alone)
        return _stillborn_suite(prefix, f"the probes of {module.__name__} could not be loaded", error)


def _given_suite(module: ModuleType) -> unittest.TestSuite | None:
    """Return what the module's own `suite()` makes: the original django-probe's way to choose probes by hand."""
    make = _maker(module, "suite")
    return _checked(make(), "suite()", module) if make else None


def _maker(module: ModuleType, name: str) -> Callable[..., Any] | None:
    """Return the module's function of this name; one that a package took from a module of its own is that module's."""
    found = getattr(module, name, None)
    return found if callable(found) and not _is_within(module, found) else None


def _is_within(package: ModuleType, found: object) -> bool:
    return str(getattr(found, "__module__", "")).startswith(f"{package.__name__}.")


def _by_home(suite: ProbeSuite, package: ModuleType) -> Iterator[ProbeSuite]:
    """Divide what a package gave, so that a test of one of its modules has the label that it has without `suite()`."""

    def prefix_of(test: unittest.TestCase) -> str:
        cls = type(test)
        if _is_within(package, cls) and _is_imported(cls, package):
            return suite.prefix + cls.__module__.removeprefix(package.__name__)
        return suite.prefix

    for prefix, tests in groupby(leaves(suite), prefix_of):
        yield ProbeSuite(tests, prefix=prefix)


def _checked(suite: Any, maker: str, module: ModuleType) -> unittest.TestSuite:
    if isinstance(suite, unittest.TestSuite):
        return suite
    raise TypeError(f"{maker} of {module.__name__} gave {suite!r}, not a unittest.TestSuite")


def _own_tests(loader: unittest.TestLoader, module: ModuleType) -> list[unittest.TestSuite]:
    """Load the classes that the module defines or had made; one that it only imported is another module's to run."""
    found = [getattr(module, name) for name in dir(module)]
    classes = [
        candidate
        for candidate in found
        if isinstance(candidate, type)
        and issubclass(candidate, unittest.TestCase)
        and not _is_imported(candidate, module)
    ]
    return [loader.loadTestsFromTestCase(cls) for cls in dict.fromkeys(classes)]


def _is_imported(cls: type, module: ModuleType) -> bool:
    """Return whether the class stands in another module by its name; one that a function there has made does not."""
    home = sys.modules.get(cls.__module__)
    return home is not module and getattr(home, cls.__name__, None) is cls


def _hidden_write(name: str, prefix: str) -> ProbeSuite | None:
    """Return the error of a module that hid the error of a refused write since it was announced, if it did.

    A thread that it started is left out: whether it was refused by now is chance.
    """
    refused = [each for each in take_refusals() if each.thread == get_ident()]
    if not refused:
        return None
    message = one_line(f"{name}: code hid the error of a refused write: {refused[0].note}")
    return _error_suite(prefix, message, refused[0].stack)


def _stillborn_suite(prefix: str, what: str, error: BaseException) -> ProbeSuite:
    take_refusals()  # this error has more to say than that one of them was hidden
    trace = _without_importing(error.__traceback__)
    told = formatted((type(error), error, trace or error.__traceback__))
    return _error_suite(prefix, f"{what}: {message_of(error)}", told)


def _without_importing(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of how modules came to be imported: they say nothing to the reader."""
    while trace and _imports(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    if trace:
        trace.tb_next = _without_importing(trace.tb_next)
    return trace


def _imports(filename: str) -> bool:
    return filename in (__file__, imports.__file__) or "importlib" in filename
