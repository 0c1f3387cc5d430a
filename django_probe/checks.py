"""What `manage.py check --deploy` checks, and no other command: it imports every probe.

`manage.py check --deploy --tag probes` runs them alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 (Django's own name)

from django_probe import conf
from django_probe.errors import UsageError
from django_probe.execution.guard.guard import DatabaseGuard
from django_probe.execution.loading import choices, discovery
from django_probe.execution.loading.choices import Choice
from django_probe.execution.loading.declared import preload, prepare
from django_probe.execution.loading.selection import django_test_class, select, survey
from django_probe.execution.loading.suites import Stillborn, leaves
from django_probe.execution.secrets import redaction
from django_probe.outcomes import Outcome
from django_probe.policy.gates import READY, Policy
from django_probe.terms import NOTHING, DatabaseAccess

if TYPE_CHECKING:
    import unittest
    from collections.abc import Sequence

    from django.apps import AppConfig

    from django_probe.policy.gates import Gate


def check_probes(app_configs: Sequence[AppConfig] | None = None, **_options: Any) -> list[CheckMessage]:
    """E001: a Django test class among the probes. E002: an invalid policy. E003: what is not loaded as probes.

    E009: a PROBE_REDACT, PROBE_LOG_LEVEL or PROBE_RUNNER that a run refuses.
    W001: a gate `ready` without probes. W002: one that is stale between its rounds. W003: an entry of `tags`,
    `exclude_tags` or `warn_only` of a gate that nothing bears. Databases are read-only while probes are imported, and
    stay so for threads that an import starts.
    """
    guard, before = DatabaseGuard(), set(threading.enumerate())
    try:
        with guard.loading(DatabaseAccess.READ_ONLY):
            return _checked(app_configs)
    finally:
        guard.keep_only(set(threading.enumerate()) - before)


def _checked(app_configs: Sequence[AppConfig] | None) -> list[CheckMessage]:
    labels = [config.label for config in app_configs or ()]
    suite = discovery.load(labels, _nobody)
    messages = [*_refused(suite), *_not_loaded(suite), *_settings()]
    try:
        policy = conf.policy()
        prepare(policy)
        preload({type(test) for test in leaves(suite)})
    except UsageError as error:
        return [*messages, Error(str(error), hint="Correct the policy file.", id="django_probe.E002")]
    idle: list[CheckMessage] = []
    for gate in policy.gates.values():
        if problem := conf.notify_problem(gate):
            messages.append(
                Error(f"{policy.source}: {problem}", hint="Correct the policy file.", id="django_probe.E002")
            )
        try:
            idle += _idle(policy, gate)
        except UsageError as error:
            what = f"{policy.source}: gates.{gate.name}.probes: {error}"
            messages.append(Error(what, hint="Correct the policy file.", id="django_probe.E002"))
    return messages or [*_ready(policy), *idle]


def _settings() -> list[CheckMessage]:
    """Return an error for each setting that would end a run in exit code 2, with the sentence of the run."""
    messages: list[CheckMessage] = []
    for read in (redaction.patterns, conf.log_level, conf.runner):
        try:
            read()
        except UsageError as error:
            messages.append(Error(str(error), hint="Until then no gate runs.", id="django_probe.E009"))
    return messages


def _idle(policy: Policy, gate: Gate) -> list[CheckMessage]:
    """Warn of the words of a gate that choose nothing; UsageError where one of its labels names nothing."""
    loaded, labels = survey(discovery.load(gate.probes, _nobody))
    sentences = {
        "tags": choices.unborne(gate.tags, loaded),
        "exclude_tags": choices.unborne(gate.exclude_tags, loaded),
        **{key: choices.unnamed(entries, labels) for key, entries in choices.named(gate).items()},
    }
    hint = "Correct the entry, or take it out."
    if any(each.is_stillborn for each in loaded):
        hint = f"{hint} What could not be loaded may have it: run the gate to see why."
    return [
        Warning(f"{policy.source}: gates.{gate.name}.{key}: {sentence}", hint=hint, id="django_probe.W003")
        for key, found in sentences.items()
        for sentence in found
    ]


def _refused(suite: unittest.TestSuite) -> list[CheckMessage]:
    classes: dict[Any, None] = {type(test): None for test in leaves(suite)}
    return [
        Error(
            f"{cls.__module__}.{cls.__qualname__} is a django.test.{django_class}: none of its probes will run.",
            hint="Make it a plain unittest.TestCase: Django's classes are made for a test database. "
            "For requests without a server there is django_probe.client.Client.",
            obj=cls,
            id="django_probe.E001",
        )
        for cls in classes
        if (django_class := django_test_class(cls))
    ]


def _not_loaded(suite: unittest.TestSuite) -> list[CheckMessage]:
    """Return what a run would make an error of each: a module, a file or a class of which nothing would run."""
    hint = "Until then every gate that has it is closed."
    return [
        Error(f"{test.label}: {test.message}", hint=hint, id="django_probe.E003")
        for test in leaves(suite)
        if isinstance(test, Stillborn) and test.outcome is Outcome.ERROR
    ]


def _ready(policy: Policy) -> list[CheckMessage]:
    if READY not in policy.gates:
        return []
    gate = policy.gates[READY]
    where = f'{policy.source}: the gate "{READY}"'
    messages: list[CheckMessage] = []
    if not select(discovery.load(gate.probes, _nobody), Choice(gate, NOTHING)).probes:
        what = f"{where} selects no probes: every web process is ready as soon as it answers."
        hint = 'Tag a probe with @tag("ready"), or take the gate out of the policy.'
        messages.append(Warning(what, hint=hint, id="django_probe.W001"))
    if gate.max_age < gate.every + gate.timeout:
        what = f"{where} is stale between its rounds: its max_age is less than every and timeout together."
        hint = "Raise max_age, or leave it out: then it is three times every, and 30s at the least."
        messages.append(Warning(what, hint=hint, id="django_probe.W002"))
    return messages


def _nobody(_label: str, _module: str) -> None:
    """Hear which module is imported next, and keep no time."""
