"""Finds the probes of the installed apps, and the ones that a label names.

Only the process that loads calls this: it imports probe code. What does not import, or cannot be made a test,
becomes a `Stillborn` in the suite, so that it is judged like any probe and the other apps still run.
"""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

from django.apps import apps

from django_probe.errors import UsageError
from django_probe.execution.loading.compiled import keep_asserts
from django_probe.execution.loading.lost.uncollected import LoadedModule, uncollected
from django_probe.execution.loading.modules import load_app
from django_probe.execution.loading.suites import (
    ProbeSuite,
    SilentApp,
    Stillborn,
    error_suite,
    label_of,
    leaves,
    number,
)
from django_probe.naming.names import enumerated, names, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from django.apps import AppConfig


def load(labels: Sequence[str], announce: Callable[[str, str], None]) -> unittest.TestSuite:
    """Load the probes of the apps that `labels` name, of every app where there are none.

    `announce` is told the label and the name of each module before it is imported, so that whoever listens knows
    where an import hung or died. Raise UsageError for a label that names nothing.
    """
    suites: dict[str, list[ProbeSuite]] = {}
    modules: list[LoadedModule] = []
    keep_asserts(f"{config.name}.probes" for config in apps.get_app_configs())
    for config in _named_apps(labels):
        suites[config.label] = list(load_app(config, announce, modules))
    _add_uncollected(suites, modules)
    everything = [suite for found in suites.values() for suite in found]
    if not labels:
        return unittest.TestSuite(everything)
    number(everything)
    chosen: dict[int, bool] = {}
    for label in labels:
        app = label.partition(".")[0]
        chosen.update((id(test), True) for test in _named_tests(label, suites[app]))
    silent = [SilentApp(prefix=app) for app, found in suites.items() if not any(map(list, map(leaves, found)))]
    return unittest.TestSuite([*(_part(suite, chosen) for suite in everything), *silent])


def _part(suite: ProbeSuite, chosen: Container[int]) -> ProbeSuite:
    """Return the suite with those of its tests whose ids are chosen."""
    tests = list(leaves(suite))
    unchosen = [label_of(test, suite.prefix) for test in tests if id(test) not in chosen]
    return ProbeSuite((test for test in tests if id(test) in chosen), prefix=suite.prefix, unchosen=unchosen)


def _add_uncollected(suites: dict[str, list[ProbeSuite]], modules: list[LoadedModule]) -> None:
    """Add an error for each module of which something looks like a probe and is none."""
    tests = [(suite.prefix, test) for found in suites.values() for suite in found for test in leaves(suite)]
    for prefix, message in uncollected(modules, tests):
        suites[prefix.partition(".")[0]].append(error_suite(prefix, message))


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
    # What the label names may be in a module that could not be loaded, or that skips itself: that one answers for it.
    above: list[unittest.TestCase] = [
        test for test, _ in tests if isinstance(test, Stillborn) and names(test.label, label)
    ]
    if above:
        return above
    if hint := _of_name(label):
        raise UsageError(f'label "{label}": that is the name of an app{hint}')
    known = {known for test, prefix in tests for known in _ancestry(label_of(test, prefix))}
    looked = f"no probe of the app {app} has this label" if tests else f"the app {app} has no probes"
    unloaded = sorted({test.label for test, _ in tests if isinstance(test, Stillborn)})
    but = f"; what could not be loaded: {enumerated(unloaded)}" if unloaded else ""
    raise UsageError(f'label "{label}": {looked}{nearest(label, sorted(known))}{but}')


def _ancestry(label: str) -> Iterator[str]:
    parts = label.split(".")
    return (".".join(parts[:depth]) for depth in range(2, len(parts) + 1))
