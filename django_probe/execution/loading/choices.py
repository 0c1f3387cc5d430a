"""What a gate and the command line choose by, and whether each of those words chooses anything.

A word that chooses nothing, as a tag with a slip in it, would leave out the probes that it was meant for, and the gate
would pass without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.apps import apps

from django_probe.execution.loading.suites import Stillborn
from django_probe.naming.names import Labels, enumerated, fits, is_pattern, nearest
from django_probe.policy.gates import READY

if TYPE_CHECKING:
    import unittest
    from collections.abc import Collection, Iterable, Sequence
    from types import MethodType

    from django_probe.policy.gates import Gate
    from django_probe.sharding.shards import Shard
    from django_probe.terms import Wishes


class Choice(NamedTuple):
    """What chooses among the loaded probes, besides their labels.

    `gate` has the tags of the command line in place of its own: `tags_given` and `exclude_tags_given` say so.
    `patterns` are those of `-k`, `require` those of `--require`. A run that labels, `--tag` or `-k` made smaller is
    `narrowed`: of the gate's own choice nothing has to be in it. With `allow_empty` a choice may choose nothing.
    """

    gate: Gate
    operator: Wishes
    patterns: tuple[str, ...] = ()
    shard: Shard | None = None
    require: tuple[str, ...] = ()
    tags_given: bool = False
    exclude_tags_given: bool = False
    narrowed: bool = False
    allow_empty: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The entries that have to be in this run, each once."""
        return tuple(dict.fromkeys([*(() if self.narrowed else self.gate.require), *self.require]))

    @property
    def closing(self) -> tuple[str, ...]:
        """The entries whose problems close the gate, whatever `warn_only` says."""
        return tuple(dict.fromkeys([*self.gate.require, *self.require]))


class LabelledTest(NamedTuple):
    """A test that labels chose, `prefix` being the beginning of its label that its module has.

    `bare` is the test's method where no decorator wrapped it, else None.
    """

    label: str
    prefix: str
    test: unittest.TestCase
    tags: tuple[str, ...]
    wishes: Wishes
    bare: MethodType | None

    @property
    def is_stillborn(self) -> bool:
        """Whether it stands for what could not be loaded."""
        return isinstance(self.test, Stillborn)


def in_name(pattern: str, names: Iterable[str]) -> bool:
    """Return whether a pattern of `-k` is in one of the names, as `manage.py test -k` has it; brackets are literal."""
    whole = pattern if "*" in pattern else f"*{pattern}*"
    return any(fits(name, whole) for name in names)


def chooses_nothing(choice: Choice, loaded: Sequence[LabelledTest]) -> list[str]:
    """Return a sentence for each tag and pattern of the choice that no loaded probe bears.

    The gate's own tags have to choose in a run of the whole gate alone. A web process is ready where no probe is in
    the gate `ready`, so that its own need not choose at all.
    """
    sentences = []
    own = not choice.narrowed and choice.gate.name != READY
    if choice.tags_given or own:
        sentences += [f"{_tags_key(choice)}: {what}" for what in unborne(choice.gate.tags, loaded)]
    for pattern in choice.patterns:
        if not any(in_name(pattern, (each.label, each.test.id())) for each in loaded if not each.is_stillborn):
            words = {word for each in loaded for part in each.label.split(".") for word in (part, *part.split("_"))}
            sentences.append(f'-k: no loaded probe has "{pattern}" in its label{nearest(pattern, sorted(words))}')
    return sentences


def warnings(choice: Choice, loaded: Sequence[LabelledTest], labels: Labels) -> list[str]:
    """Return a sentence for each tag of `exclude_tags`, and each entry of `named`, that is of no loaded probe."""
    sentences = []
    gate = f"gates.{choice.gate.name}"
    if choice.exclude_tags_given or not choice.narrowed:
        sentences += [f"{_exclude_tags_key(choice)}: {what}" for what in unborne(choice.gate.exclude_tags, loaded)]
    if not choice.narrowed:
        for key, entries in named(choice.gate).items():
            sentences += [f"{gate}.{key}: {what}" for what in unnamed(entries, labels)]
    return sentences


def left_out(choice: Choice, loaded: Iterable[LabelledTest]) -> list[str]:
    """Return a sentence for each reason why a choice that chooses none of the loaded probes leaves them out."""
    found: dict[str, list[str]] = {}
    for each in loaded:
        found.setdefault(_reason(choice, each.tags), []).append(each.label)
    return [
        f"{enumerated(labels)} {'is' if len(labels) == 1 else 'are'} left out by {reason}"
        for reason, labels in found.items()
    ]


def _reason(choice: Choice, tags: Iterable[str]) -> str:
    gate = choice.gate
    if excluded := [tag for tag in tags if tag in gate.exclude_tags]:
        return f"{_exclude_tags_key(choice)}: {', '.join(excluded)}"
    if gate.tags and not any(tag in gate.tags for tag in tags):
        return f"{_tags_key(choice)}: {', '.join(gate.tags)}"
    return f"-k {' '.join(choice.patterns)}"


def _tags_key(choice: Choice) -> str:
    return "--tag" if choice.tags_given else f"gates.{choice.gate.name}.tags"


def _exclude_tags_key(choice: Choice) -> str:
    return "--exclude-tag" if choice.exclude_tags_given else f"gates.{choice.gate.name}.exclude_tags"


def named(gate: Gate) -> dict[str, list[str]]:
    """Return the keys of the gate that say something of probes, each with the labels and patterns in it."""
    return {
        "warn_only": [*gate.warn_only],
        "owners": [entry for entry, _ in gate.owners],
        "runbooks": [entry for entry, _ in gate.runbooks],
    }


def unborne(tags: Iterable[str], loaded: Iterable[LabelledTest]) -> list[str]:
    """Return a sentence for each of the tags that no loaded probe has."""
    known = sorted({tag for each in loaded for tag in each.tags})
    return [f'no loaded probe has the tag "{tag}"{nearest(tag, known)}' for tag in tags if tag not in known]


def unnamed(entries: Iterable[str], labels: Labels) -> list[str]:
    """Return a sentence for each label or pattern that names no loaded probe."""
    idle = (entry for entry in entries if not labels.find(entry).labels)
    return [f'"{entry}" names no loaded probe{labels.nearest(entry)}' for entry in idle]


def missing(entry: str, labels: Labels, selected: Collection[str]) -> str | None:
    """Return why an entry of `require` names none of the selected probes; None where it names one."""
    found = labels.find(entry).labels
    if not found.isdisjoint(selected):
        return None
    if found:
        return f"required, but tags or -k leave it out: {enumerated(sorted(found))}"
    if outside := labels.outside(entry):
        return f"required, but the labels of the run or the gate's probes leave it out: {enumerated(sorted(outside))}"
    app = entry.partition(".")[0]
    if app not in labels.apps and any(config.label == app for config in apps.get_app_configs()):
        why = "it has none, or labels or the gate's probes leave it out"
        return f"required, but no probe of the app {app} is loaded: {why}"
    what = "looks like this pattern" if is_pattern(entry) else "has this label"
    return f"required, but no loaded probe {what}{labels.nearest(entry)}"
