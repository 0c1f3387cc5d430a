"""`django-probe policy check FILE …`: whether policy files are right, without the project that they are of."""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import TYPE_CHECKING, Final

from django_probe.naming.names import Labels, is_pattern
from django_probe.policy.declared.check import APP
from django_probe.policy.file import read_policy
from django_probe.policy.gates import PolicyError
from django_probe.reports.delivery.streams import say
from django_probe.reports.text import one_line
from django_probe.results import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django_probe.policy.gates import Gate, Policy

PROG: Final = "django-probe policy check"
_NO_CHECK: Final = "no check of the file has this label"
_NO_CHECKS: Final = "the file declares no checks, so this names nothing, unless an app of yours has that label"

_LIKE: Final = 0.8
"""How like `checks` the label of an app is that was meant to be it: one letter more, less or elsewhere."""
_OTHER_APP: Final = "it names no check, only probes of an app of yours with that label"


def main(arguments: Sequence[str]) -> int:
    """Print the gates and checks of each file, and what is wrong; return 2 where a file is no policy, else 0."""
    options = _parser().parse_args(list(arguments))
    code = ExitCode.PASSED
    for path in options.files:
        try:
            policy = read_policy(path)
            _verify_paths(policy)
            _verify_probes(policy)
        except PolicyError as error:
            say(f"{PROG}: {one_line(str(error))}")
            code = ExitCode.USAGE
            continue
        sys.stdout.write("\n  ".join(map(one_line, _described(policy))) + "\n")
        sys.stdout.flush()
        for sentence in _doubts(policy):
            say(f"{PROG}: warning: {one_line(f'{path}: {sentence}')}")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="django-probe policy", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="check")
    check = commands.add_parser(
        "check",
        description="Reads policy files as a run does, and shows their gates and checks. It needs no settings, so it "
        "cannot know which probes there are.",
        epilog="Exit code 0: each file is a policy; 2: one is not, or a wrong option.",
        allow_abbrev=False,
    )
    check.add_argument("files", metavar="FILE", nargs="+", help="a policy file")
    return parser


def _verify_paths(policy: Policy) -> None:
    """Raise PolicyError where a check has a JMESPath that is none, if the library is here that knows."""
    try:
        from django_probe.policy.declared import jmespaths  # noqa: PLC0415 (it is of an extra)
    except ModuleNotFoundError:
        return
    try:
        jmespaths.verify_checks(policy.checks)
    except ValueError as error:
        raise PolicyError(f"{policy.source}: {error}") from None


def _verify_probes(policy: Policy) -> None:
    """Raise PolicyError where the probes of a gate name a check that is not there: a run of the gate is refused.

    With checks in the file no app of the project can have their label, so the file alone says what there is.
    """
    for gate, key, entry, nearest in _unknown(policy):
        if policy.checks and key == "probes":
            raise PolicyError(f"{policy.source}: gates.{gate.name}.probes: {entry}: {_NO_CHECK}{nearest}")


def _described(policy: Policy) -> Iterator[str]:
    gates, checks = len(policy.gates), len(policy.checks)
    yield f"{policy.source}: {_counted(gates, 'gate')}, {_counted(checks, 'check')}"
    for name, gate in policy.gates.items():
        yield f"gate {name}: {_choice(gate)}"
    for check in policy.checks:
        yield f"check {check.label} (line {check.line})"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _choice(gate: Gate) -> str:
    """Return which probes a gate chooses, and what it says of them, in the keys of the file."""
    said = {
        "tags": gate.tags,
        "exclude_tags": gate.exclude_tags,
        "require": gate.require,
        "warn_only": gate.warn_only,
    }
    probes = f"probes {', '.join(gate.probes)}" if gate.probes else "every probe"
    return "; ".join([probes, *(f"{key} {', '.join(entries)}" for key, entries in said.items() if entries)])


def _doubts(policy: Policy) -> Iterator[str]:
    """Give a sentence for each entry of a gate that should name a check of the file, and perhaps names none."""
    for gate, key, entry, nearest in _unknown(policy):
        yield f"gates.{gate.name}.{key}: {entry}: {f'{_NO_CHECK}{nearest}' if policy.checks else _NO_CHECKS}"
    labels = _labels(policy)
    for gate in policy.gates.values():
        for key, entries in _entries(gate).items():
            for entry in entries:
                app = entry.partition(".")[0]
                if app != APP and policy.checks and difflib.get_close_matches(app, [APP], cutoff=_LIKE):
                    yield f"gates.{gate.name}.{key}: {entry}: {_OTHER_APP}{labels.nearest(entry)}"


def _unknown(policy: Policy) -> Iterator[tuple[Gate, str, str, str]]:
    """Give each entry that begins as a check's label and names none: its gate, its key, itself, and what is near it."""
    labels = _labels(policy)
    for gate in policy.gates.values():
        for key, entries in _entries(gate).items():
            for entry in entries:
                missing = not labels.find(entry).labels or (key == "probes" and is_pattern(entry))
                if entry.partition(".")[0] == APP and missing:
                    yield gate, key, entry, labels.nearest(entry)


def _labels(policy: Policy) -> Labels:
    return Labels((check.label, APP) for check in policy.checks)


def _entries(gate: Gate) -> dict[str, Iterable[str]]:
    return {
        "probes": gate.probes,
        "require": gate.require,
        "warn_only": gate.warn_only,
        "owners": (entry for entry, _ in gate.owners),
        "runbooks": (entry for entry, _ in gate.runbooks),
    }
