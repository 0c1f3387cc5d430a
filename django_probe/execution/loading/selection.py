"""Decides which of the loaded probes run, on what terms, and which stay together.

Only the process that loads calls this: it holds the test cases. The judge gets what `Probe.described` says.
"""

from __future__ import annotations

import sys
import unittest
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

from django.apps import apps

from django_probe.execution.failures import formatted, message_of
from django_probe.execution.loading.discovery import ProbeSuite, Stillborn, label_of, numbered
from django_probe.results import Outcome
from django_probe.terms import CeilingError, DatabaseAccess, Terms, Wishes, wishes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django_probe.policy import Gate
    from django_probe.shards import Shard


@dataclass(frozen=True, slots=True)
class Choice:
    """What chooses among the loaded probes, besides their labels."""

    gate: Gate
    operator: Wishes
    patterns: tuple[str, ...] = ()
    shard: Shard | None = None


@dataclass(slots=True)
class Probe:
    """A probe that was selected.

    `fixtures` is the key of the class or module fixtures that it shares with others, None where it has none.
    """

    label: str
    test: unittest.TestCase
    tags: tuple[str, ...]
    terms: Terms
    fixtures: str | None

    def described(self) -> list[Any]:
        """Return what the judge has to know, as JSON takes it."""
        stillborn = self.test if isinstance(self.test, Stillborn) else None
        verdict = [stillborn.outcome, stillborn.message, stillborn.details] if stillborn else None
        terms = self.terms
        return [self.label, self.tags, terms.timeout, terms.retries, terms.blocking, self.fixtures, verdict]


def select(suite: unittest.TestSuite, choice: Choice) -> tuple[list[Probe], int]:
    """Return the probes of this shard that tags and patterns choose, and how many all shards have together."""
    seen: Counter[str] = Counter()
    probes = []
    terms_of = cache(partial(_terms, choice))
    for test, prefix in _walk(suite, None):
        label = numbered(label_of(test, prefix), seen)
        tags = _tags(test)
        if isinstance(test, Stillborn) or (_chosen_by_tags(tags, choice.gate) and _named(label, test, choice)):
            own = wishes_of(test, test._testMethodName)  # noqa: SLF001 (unittest has no other name for it)
            terms, refusal = terms_of(own, choice.gate.warns_only(label))
            probes.append(_probe(label, test, tags, terms, refusal))
    probes = _one_access_per_fixture(probes)
    if (shard := choice.shard) is None:
        return probes, len(probes)
    return [probe for probe in probes if shard.has(probe.fixtures or probe.label)], len(probes)


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
            yield _readable(test, prefix or _home(type(test))), prefix or _home(type(test))


def _readable(test: unittest.TestCase, prefix: str) -> unittest.TestCase:
    """Return the test, or an error in its place where what is looked up of it raises: descriptors are code."""
    cls: Any = type(test)
    try:
        for owner in (getattr(test, test._testMethodName, None), cls):  # noqa: SLF001 (unittest has no other name for it)
            getattr(owner, "tags", None)
        wishes_of(test, test._testMethodName)  # noqa: SLF001
        _fixtures(cls)
    except Exception as error:  # noqa: BLE001 (it is the probe's code)
        info = (type(error), error, error.__traceback__)
        return Stillborn(label_of(test, prefix), Outcome.ERROR, message_of(error), formatted(info))
    return test


def _home(cls: type) -> str:
    config = apps.get_containing_app_config(cls.__module__)
    probes = f"{config.name}.probes" if config else None
    if config and (cls.__module__ == probes or cls.__module__.startswith(f"{probes}.")):
        return config.label + cls.__module__.removeprefix(str(probes))
    return cls.__module__


def _tags(test: unittest.TestCase) -> tuple[str, ...]:
    """Return the tags that Django's `@tag` left on the method and the class."""
    method = getattr(test, test._testMethodName, test)  # noqa: SLF001 (unittest has no other name for it)
    tags: set[object] = set()
    for tagged in (method, type(test)):
        given = getattr(tagged, "tags", None)
        if isinstance(given, set | frozenset | list | tuple):  # else the name is the probe's own, for its own purpose
            tags.update(given)
    return tuple(sorted(map(str, tags))) if tags else ()


def _chosen_by_tags(tags: Iterable[str], gate: Gate) -> bool:
    return not any(tag in gate.exclude_tags for tag in tags) and (
        not gate.tags or any(tag in gate.tags for tag in tags)
    )


def _named(label: str, test: unittest.TestCase, choice: Choice) -> bool:
    """Return whether a `-k` pattern is in the label or in the test's full name, as `manage.py test -k` has it."""
    if not choice.patterns:
        return True
    patterns = [pattern if "*" in pattern else f"*{pattern}*" for pattern in choice.patterns]
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in (label, test.id()))


def _terms(choice: Choice, own: Wishes, warns_only: bool) -> tuple[Terms, str]:  # noqa: FBT001 (a key of a cache)
    """Decide the terms of every probe that wishes `own`; the second is why there are none, or empty."""
    gate = choice.gate
    try:
        return gate.terms(own, choice.operator, warns_only=warns_only), ""
    except CeilingError as error:
        return Terms(gate.timeout, 0, blocking=True, database_access=DatabaseAccess.READ_ONLY), str(error)


def _probe(label: str, test: unittest.TestCase, tags: tuple[str, ...], terms: Terms, refusal: str) -> Probe:
    message = _refusal(test, label) or (f"{label} was not run: {refusal}" if refusal else "")
    if message:
        test = Stillborn(label, Outcome.ERROR, message)
    cls: Any = type(test)
    return Probe(label, test, tags, terms, None if isinstance(test, Stillborn) else _fixtures(cls))


def django_test_class(cls: type) -> str | None:
    """Return the name of the class of `django.test` that `cls` is made of, None where it is of none.

    Those classes set up, and flush, databases that they take for test databases.
    """
    # Not asked of the module: another thread of a web process may be importing it at this moment.
    bases = [base.__name__ for base in cls.__mro__ if base.__module__ == "django.test.testcases"]
    return bases[0] if "SimpleTestCase" in bases else None


def _refusal(test: unittest.TestCase, label: str) -> str | None:
    cls = type(test)
    if not (django_class := django_test_class(cls)):
        return None
    return (
        f"{label} was refused and none of it ran: {cls.__name__} is a django.test.{django_class}, which is made for "
        f"a test database; make it a plain unittest.TestCase (Django's Client works there too)"
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
