"""Decides which of the loaded probes run, on what terms, and which stay together.

Only the process that loads calls this: it holds the test cases. The judge gets what `Probe.described` says.
"""

from __future__ import annotations

import sys
import unittest
from functools import cache, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from django.apps import apps

from django_probe.errors import UsageError
from django_probe.execution.failures import formatted, message_of
from django_probe.execution.loading import choices
from django_probe.execution.loading.choices import Choice, LabelledTest
from django_probe.execution.loading.descriptions import Descriptions, is_bare
from django_probe.execution.loading.probe import Probe
from django_probe.execution.loading.suites import ProbeSuite, SilentApp, Stillborn, label_of, numbered
from django_probe.naming.names import Labels, unnumbered
from django_probe.outcomes import Outcome
from django_probe.terms import (
    ATTRIBUTE,
    NOTHING,
    About,
    CeilingError,
    DatabaseAccess,
    Terms,
    Wishes,
    wishes_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from django_probe.policy.gates import Gate

_DIGEST_LENGTH = 32
_SEVERAL = (set, frozenset, list, tuple)


class Selection(NamedTuple):
    """What was selected: `probes` are this shard's, `total` counts those of all shards.

    `digest` is the same for all shards that saw the same selection, whatever its order. `warnings` are sentences for
    whoever started the run.
    """

    probes: list[Probe]
    total: int
    digest: str
    warnings: list[str]


def select(suite: unittest.TestSuite, choice: Choice) -> Selection:
    """Return the probes that tags and patterns choose, and those of `require` that are not there, as errors.

    Raise UsageError where a tag or a pattern chooses nothing: it may be meant for what would then never run. It is a
    warning where that is allowed, and where a module that could not be loaded closes the gate anyway.
    """
    loaded, labels = survey(suite)
    probes = [*_chosen(loaded, labels, choice)]
    nothing = choices.chooses_nothing(choice, loaded)
    broken = any(each.is_stillborn for each in loaded)
    if nothing and not (choice.allow_empty or any(_closes_unloaded(probe) for probe in probes)):
        but = " (a module that skips itself or is warn-only may, but closes no gate)" if broken else ""
        raise UsageError("; ".join(nothing) + but)
    warnings = [*nothing, *choices.warnings(choice, loaded, labels)]
    if not (probes or nothing):
        warnings += choices.left_out(choice, loaded)
    if broken:
        warnings = [f"{warning} (what could not be loaded may)" for warning in warnings]
    silent = [each.prefix for each in suite if isinstance(each, SilentApp)]
    warnings += [f"the run names the app {app}, which gives no probe" for app in silent]
    probes = _one_access_per_fixture(probes)
    selected = {probe.label for probe in probes}
    probes += [_missing(entry, why) for entry in choice.required if (why := choices.missing(entry, labels, selected))]
    shard = choice.shard
    mine = [probe for probe in probes if shard is None or shard.has(probe.fixtures or unnumbered(probe.label))]
    return Selection(mine, len(probes), _digest(probes), warnings)


def _closes_unloaded(probe: Probe) -> bool:
    """Return whether it stands for what could not be loaded, and closes the gate by itself."""
    return isinstance(probe.test, Stillborn) and probe.test.outcome is Outcome.ERROR and probe.terms.blocking


def _digest(probes: Iterable[Probe]) -> str:
    told = "\n".join(sorted(probe.label for probe in probes))
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]


def _chosen(loaded: list[LabelledTest], labels: Labels, choice: Choice) -> Iterator[Probe]:
    """Yield the probes that tags and patterns choose; what could not be loaded is always among them."""
    gate = choice.gate
    warned = labels.all(gate.warn_only)
    closing = labels.all(choice.closing)
    required = labels.all(choice.required)
    decided: dict[tuple[int, bool, bool], tuple[Terms, str]] = {}
    # By the identity of the wishes, which `loaded` keeps alive: to hash them takes long.
    about = Descriptions(gate, labels).of
    for label, _, test, tags, own, bare in loaded:
        if isinstance(test, Stillborn) or (_chosen_by_tags(tags, gate) and _named(label, test, choice)):
            key = id(own), label in warned, label in closing
            if key not in decided:
                decided[key] = _terms(choice, own, warns_only=key[1], required=key[2])
            terms, refusal = decided[key]
            yield _probe(label, test, tags, terms, refusal, label in required, about(label, test, own, bare))


def _missing(entry: str, why: str) -> Probe:
    """Return the error that stands for an entry of `require` of which nothing is selected."""
    terms = Terms(0.0, 0, blocking=True, database_access=DatabaseAccess.READ_ONLY)
    return Probe(entry, Stillborn(entry, Outcome.ERROR, why), (), terms, None, required=True)


def survey(suite: unittest.TestSuite) -> tuple[list[LabelledTest], Labels]:
    """Return the tests of a suite, each under a label of its own, and the labels by which entries find them."""
    seen: dict[str, int] = {}
    of_class = cache(_of_class)
    loaded = [_labelled(test, prefix, seen, of_class) for test, prefix in _walk(suite, None)]
    return loaded, Labels(((each.label, each.prefix) for each in loaded), _unchosen(suite))


def _unchosen(suite: unittest.TestSuite) -> Iterator[tuple[str, str]]:
    """Yield what labels left out of the suites of modules, each label with its prefix."""
    if isinstance(suite, ProbeSuite):
        yield from ((label, suite.prefix) for label in suite.unchosen)
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _unchosen(test)


def _walk(suite: unittest.TestSuite, prefix: str | None) -> Iterator[tuple[unittest.TestCase, str]]:
    """Yield each test with the prefix of its label; a test that no probes module gave gets its own module's."""
    prefix = suite.prefix if isinstance(suite, ProbeSuite) else prefix
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _walk(test, prefix)
        elif not isinstance(test, unittest.TestCase):
            message = f"{test!r} is no unittest.TestCase: a probe is a method of one"
            yield Stillborn(prefix or type(test).__module__, Outcome.ERROR, message), prefix or ""
        else:
            yield test, prefix or _home(type(test))


def _of_class(cls: type) -> tuple[tuple[str, ...], Wishes]:
    """Return the tags and the wishes of each of its tests that has none of its own."""
    _fixtures(cls)
    return _tags(cls), getattr(cls, ATTRIBUTE, NOTHING)


def _labelled(
    test: unittest.TestCase,
    prefix: str,
    seen: dict[str, int],
    of_class: Callable[[type], tuple[tuple[str, ...], Wishes]],
) -> LabelledTest:
    """Return the test with what is looked up of it, or an error in its place where that raises: descriptors are code.

    `seen` are the labels of the tests before.
    """
    bare = None
    try:
        tags, wishes = of_class(type(test))
        method = getattr(test, test._testMethodName, None)  # noqa: SLF001 (unittest has no other name for it)
        if is_bare(method):
            bare = None if isinstance(test, unittest.FunctionTestCase) else method
        else:
            tags, wishes = _tags(method, type(test)), wishes_of(test, test._testMethodName)  # noqa: SLF001 (as above)
    except Exception as error:  # noqa: BLE001 (it is the probe's code)
        info = (type(error), error, error.__traceback__)
        test = Stillborn(label_of(test, prefix), Outcome.ERROR, message_of(error), formatted(info))
        tags, wishes = (), NOTHING
    return LabelledTest(numbered(label_of(test, prefix), seen), prefix, test, tags, wishes, bare)


def _home(cls: type) -> str:
    config = apps.get_containing_app_config(cls.__module__)
    probes = f"{config.name}.probes" if config else None
    if config and (cls.__module__ == probes or cls.__module__.startswith(f"{probes}.")):
        return config.label + cls.__module__.removeprefix(str(probes))
    return cls.__module__


def _tags(*owners: object) -> tuple[str, ...]:
    """Return the tags that Django's `@tag` left on a method and its class."""
    tags: set[object] = set()
    for tagged in owners:
        given = getattr(tagged, "tags", None)
        if isinstance(given, _SEVERAL):  # else the name is the probe's own, for its own purpose
            tags.update(given)
    return tuple(sorted(map(str, tags))) if tags else ()


def _chosen_by_tags(tags: Sequence[str], gate: Gate) -> bool:
    if not tags:
        return not gate.tags
    return not any(tag in gate.exclude_tags for tag in tags) and (
        not gate.tags or any(tag in gate.tags for tag in tags)
    )


def _named(label: str, test: unittest.TestCase, choice: Choice) -> bool:
    """Return whether a `-k` pattern is in the label or in the test's full name."""
    if not choice.patterns:
        return True
    names = label, test.id()
    return any(choices.in_name(pattern, names) for pattern in choice.patterns)


def _terms(choice: Choice, own: Wishes, *, warns_only: bool, required: bool) -> tuple[Terms, str]:
    """Decide the terms of every probe that wishes `own`; the second is why there are none, or empty."""
    gate = choice.gate
    try:
        return gate.terms(own, choice.operator, warns_only=warns_only, required=required), ""
    except CeilingError as error:
        return Terms(gate.timeout, 0, blocking=True, database_access=DatabaseAccess.READ_ONLY), str(error)


def _probe(  # noqa: PLR0917 (a call by names would take longer)
    label: str,
    test: unittest.TestCase,
    tags: tuple[str, ...],
    terms: Terms,
    refusal: str,
    required: bool,  # noqa: FBT001
    about: About,
) -> Probe:
    message = _refusal(test, label) or (f"{label} was not run: {refusal}" if refusal else "")
    if message:
        test = Stillborn(label, Outcome.ERROR, message)
    cls: Any = type(test)
    return Probe(label, test, tags, terms, None if isinstance(test, Stillborn) else _fixtures(cls), required, about)


@lru_cache(maxsize=1024)  # as `_fixtures`
def django_test_class(cls: Any) -> str | None:
    """Return the name of the class of `django.test` that `cls` is made of, None where it is of none.

    Those classes set up, and flush, databases that they take for test databases.
    """
    # Not asked of the module: another thread of a web process may be importing it at this moment.
    bases = [base.__name__ for base in cls.__mro__ if base.__module__ == "django.test.testcases"]
    return bases[0] if "SimpleTestCase" in bases else None


def _refusal(test: unittest.TestCase, label: str) -> str | None:
    cls: Any = type(test)
    if not (django_class := django_test_class(cls)):
        return None
    return (
        f"{label} was refused and none of it ran: {cls.__name__} is a django.test.{django_class}, which is made for "
        f"a test database; make it a plain unittest.TestCase (for requests without a server there is "
        "django_probe.client.Client)"
    )


@lru_cache(maxsize=1024)  # for a long-lived process may make classes at each round of the gate `ready`
def _fixtures(cls: Any) -> str | None:
    module = sys.modules.get(cls.__module__)
    if hasattr(module, "setUpModule") or hasattr(module, "tearDownModule"):
        return str(cls.__module__)
    methods = (getattr(cls.setUpClass, "__func__", None), getattr(cls.tearDownClass, "__func__", None))
    if any(not str(getattr(method, "__module__", "")).startswith("unittest.") for method in methods):
        return f"{cls.__module__}.{cls.__qualname__}"
    return None


def _one_access_per_fixture(probes: Sequence[Probe]) -> list[Probe]:
    """Refuse probes that share fixtures and differ in access: the fixture would run on terms that some deny."""
    accesses: dict[str, set[DatabaseAccess]] = {}
    for probe in probes:
        if probe.fixtures:
            accesses.setdefault(probe.fixtures, set()).add(probe.terms.database_access)
    mixed = {key: sorted(found) for key, found in accesses.items() if len(found) > 1}
    for probe in probes:
        if found := mixed.get(probe.fixtures or ""):
            message = (
                f"{probe.label} was not run: it shares the fixtures of {probe.fixtures} with probes of another "
                f"database_access ({' and '.join(found)}); give all of them one, or the fixtures a class of their own"
            )
            probe.test, probe.fixtures = Stillborn(probe.label, Outcome.ERROR, message), None
    return list(probes)
