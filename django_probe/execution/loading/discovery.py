"""Finds the probes of the installed apps, and the ones that a label names.

Only the process that loads calls this: it imports probe code. What does not import, or cannot be made a test,
becomes a `Stillborn` in the suite, so that it is judged like any probe and the other apps still run.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import traceback
import unittest
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps

from django_probe.errors import UsageError
from django_probe.execution.failures import message_of
from django_probe.execution.loading.compiled import keep_asserts
from django_probe.execution.loading.packages import lost_files
from django_probe.execution.loading.uncollected import Loaded, uncollected
from django_probe.names import enumerated, names, nearest
from django_probe.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence
    from types import ModuleType

    from django.apps import AppConfig

_NUMBER = "__probe_number__"


class ProbeSuite(unittest.TestSuite):
    """The tests of one probes module; `prefix`, "app" or "app.module", begins their labels.

    `unchosen` are the labels of the module's other tests, which were not asked for.
    """

    def __init__(
        self,
        tests: Iterable[unittest.TestCase | unittest.TestSuite] = (),
        *,
        prefix: str,
        unchosen: Sequence[str] = (),
    ) -> None:
        super().__init__(tests)
        self.prefix = prefix
        self.unchosen = unchosen


class Stillborn(unittest.TestCase):
    """A probe whose outcome is known before any of it could run."""

    def __init__(self, label: str, outcome: Outcome, message: str, details: str = "") -> None:
        super().__init__("judged")
        self.label = label
        self.outcome = outcome
        self.message = message
        self.details = details

    def judged(self) -> None:
        """Stand in for the test method that there is none of."""
        raise AssertionError(self.message)


def load(labels: Sequence[str], announce: Callable[[str, str], None]) -> unittest.TestSuite:
    """Load the probes of the apps that `labels` name, of every app where there are none.

    `announce` is told the label and the name of each module before it is imported, so that whoever listens knows
    where an import hung or died. Raise UsageError for a label that names nothing.
    """
    suites: dict[str, list[ProbeSuite]] = {}
    modules: list[Loaded] = []
    keep_asserts(f"{config.name}.probes" for config in apps.get_app_configs())
    for config in _named_apps(labels):
        suites[config.label] = list(_load_app(config, announce, modules))
    _add_uncollected(suites, modules)
    everything = [suite for found in suites.values() for suite in found]
    if not labels:
        return unittest.TestSuite(everything)
    _number(everything)
    chosen: dict[int, bool] = {}
    for label in labels:
        app = label.partition(".")[0]
        chosen.update((id(test), True) for test in _named_tests(label, suites[app]))
    return unittest.TestSuite(_part(suite, chosen) for suite in everything)


def _part(suite: ProbeSuite, chosen: Container[int]) -> ProbeSuite:
    """Return the suite with those of its tests whose ids are chosen."""
    tests = list(leaves(suite))
    unchosen = [label_of(test, suite.prefix) for test in tests if id(test) not in chosen]
    return ProbeSuite((test for test in tests if id(test) in chosen), prefix=suite.prefix, unchosen=unchosen)


def leaves(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield the tests of a suite, however deep they stand in it."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from leaves(test)
        else:
            yield test


def label_of(test: unittest.TestCase, prefix: str) -> str:
    """Return the label of a test that a module with this prefix gave."""
    if isinstance(test, Stillborn):
        return test.label
    number = getattr(test, _NUMBER, "")
    return f"{prefix}.{type(test).__name__}.{test._testMethodName}{number}"  # noqa: SLF001 (unittest has no other name for it)


def numbered(label: str, seen: Counter[str]) -> str:
    """Return a label that no probe before has: the second of two that would have one is `app.Class.method[2]`."""
    seen[label] += 1
    return label if seen[label] == 1 else f"{label}[{seen[label]}]"


def _number(suites: Iterable[ProbeSuite]) -> None:
    """Let each test keep the number that it has among all tests, so that it keeps its label among the chosen ones."""
    seen: Counter[str] = Counter()
    tests = {id(test): (test, suite.prefix) for suite in suites for test in leaves(suite)}
    for test, prefix in tests.values():
        plain = label_of(test, prefix)
        setattr(test, _NUMBER, numbered(plain, seen).removeprefix(plain))


def _named_apps(labels: Sequence[str]) -> list[AppConfig]:
    configs = {config.label: config for config in apps.get_app_configs()}
    if not labels:
        return list(configs.values())
    wanted = {label.partition(".")[0]: label for label in labels}
    for app, label in wanted.items():
        if app not in configs:
            hint = _of_name(label) or nearest(app, configs) or "; a label is app, app.Class or app.Class.method"
            raise UsageError(f'label "{label}": no installed app has the label "{app}"{hint}')
    return [config for config in configs.values() if config.label in wanted]


def _of_name(label: str) -> str:
    """Return what is meant where somebody gives an app's name, as in INSTALLED_APPS, in place of its label."""
    for config in apps.get_app_configs():
        if config.name != config.label and f"{label}.".startswith(f"{config.name}."):
            return f'; did you mean "{config.label}{label.removeprefix(config.name)}"?'
    return ""


def _add_uncollected(suites: dict[str, list[ProbeSuite]], modules: list[Loaded]) -> None:
    """Add an error for each module of which something looks like a probe and is none."""
    tests = [(suite.prefix, test) for found in suites.values() for suite in found for test in leaves(suite)]
    for prefix, message in uncollected(modules, tests):
        suites[prefix.partition(".")[0]].append(_error(prefix, message))


def _error(label: str, message: str) -> ProbeSuite:
    return ProbeSuite([Stillborn(label, Outcome.ERROR, message)], prefix=label)


def _load_app(config: AppConfig, announce: Callable[[str, str], None], modules: list[Loaded]) -> Iterator[ProbeSuite]:
    name = f"{config.name}.probes"
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # the app is a module, not a package
        return
    if spec is None:
        return
    if hidden := [path for path in spec.submodule_search_locations or () if Path(path).with_suffix(".py").exists()]:
        message = f"{hidden[0]} is a folder and a file, probes.py, of which Python imports the folder alone; keep one"
        yield _error(config.label, message)
    yield from _load_module(name, config.label, announce, modules)


def _load_module(
    name: str, prefix: str, announce: Callable[[str, str], None], modules: list[Loaded]
) -> Iterator[ProbeSuite]:
    announce(prefix, name)
    try:
        module = importlib.import_module(name)
    except unittest.SkipTest as skip:
        yield ProbeSuite([Stillborn(prefix, Outcome.SKIPPED, str(skip))], prefix=prefix)
        return
    except BaseException as error:  # noqa: BLE001 (sys.exit() in a module is an error of that module alone)
        yield _stillborn_suite(prefix, f"{name} could not be imported", error)
        return
    suite = _suite_of(module, prefix)
    chooses = bool(_maker(module, "suite") or _maker(module, "load_tests"))
    modules.append(Loaded(prefix, module, chooses))
    if chooses:
        yield from _by_home(suite, module)
        return  # as unittest has it: who chooses speaks for the whole package
    yield suite
    yield from (_error(f"{prefix}.{below}", message) for below, message in lost_files(module))
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if info.name != "__main__":
            yield from _load_module(f"{name}.{info.name}", f"{prefix}.{info.name}", announce, modules)


def _suite_of(module: ModuleType, prefix: str) -> ProbeSuite:
    loader = unittest.TestLoader()
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


def _stillborn_suite(prefix: str, what: str, error: BaseException) -> ProbeSuite:
    trace = error.__traceback__
    while trace and (trace.tb_frame.f_code.co_filename == __file__ or "importlib" in trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next  # how it came to be imported says nothing to the reader
    details = "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))
    return ProbeSuite([Stillborn(prefix, Outcome.ERROR, f"{what}: {message_of(error)}", details)], prefix=prefix)


def _named_tests(label: str, suites: list[ProbeSuite]) -> list[unittest.TestCase]:
    app = label.partition(".")[0]
    tests = [(test, suite.prefix) for suite in suites for test in leaves(suite)]
    if label == app:
        return [test for test, _ in tests]
    if exact := [test for test, prefix in tests if names(label, label_of(test, prefix))]:
        return exact
    short = [(test, prefix) for test, prefix in tests if names(label, label_of(test, app))]
    if len({(prefix, type(test)) for test, prefix in short}) > 1:
        candidates = sorted({prefix + label.removeprefix(app) for _, prefix in short})
        raise UsageError(f'label "{label}" is not unique; it may mean {enumerated(candidates)}')
    if short:
        return [test for test, _ in short]
    # What could not be loaded may be what the label names: its error answers for it.
    broken: list[unittest.TestCase] = [test for test, _ in tests if isinstance(test, Stillborn)]
    if broken:
        return [test for test in broken if names(label_of(test, app), label)] or broken
    if hint := _of_name(label):
        raise UsageError(f'label "{label}": that is the name of an app{hint}')
    known = {known for test, prefix in tests for known in _ancestry(label_of(test, prefix))}
    looked = f"no probe of the app {app} has this label" if tests else f"the app {app} has no probes"
    raise UsageError(f'label "{label}": {looked}{nearest(label, sorted(known))}')


def _ancestry(label: str) -> Iterator[str]:
    parts = label.split(".")
    return (".".join(parts[:depth]) for depth in range(2, len(parts) + 1))
