"""Finds the labels that a POST may run: those that the gate selects. No probe is imported in this process."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_probe.history.triggers.launcher import LaunchError, probe_command, probe_environment
from django_probe.naming.names import Labels, names, nearest, unnumbered
from django_probe.reports.text import one_line
from django_probe.results import ExitCode, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.policy.gates import Gate
    from django_probe.results import ProbeRun

_SECONDS: Final = 20.0  # a server gives a request up after 30
_MOST: Final = 2000
_LABEL: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_NO_PROBES: Final = ("run", "runner")
_FIXTURES: Final = ("setUpClass", "tearDownClass", "setUpModule", "tearDownModule")


class LabelsError(Exception):
    """The labels cannot be run; the message is one line for whoever sent them."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The probes that labels choose: `labels` for the command. `is_rest`: with what passed before, they are all.

    `required` are those that the gate requires.
    """

    labels: tuple[str, ...]
    is_rest: bool
    required: tuple[str, ...] = ()


def choose(gate: Gate, labels: Sequence[str], passed: frozenset[str] | None = None) -> Chosen:
    """Return what the labels choose of the gate; `passed` are the probes that passed before.

    Raise LabelsError where a label is not in the gate or covers more than it has, LaunchError where the gate's
    probes cannot be listed.
    """
    if len(labels) > _MOST:
        raise LabelsError(f"{len(labels)} labels are too many; run the whole gate")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise LabelsError(f"labels: {one_line(label)[:200]!r} is not a label: app, app.Class or app.Class.method")
    whole, broken = _listed(gate)
    ordered: dict[str, None] = {}
    chosen: set[str] = set()
    for label in labels:
        covered = _covered(gate, label, whole)
        if not covered and not any(names(label, other) or names(other, label) for other in broken):
            why = ", whose tags may leave it out" if gate.tags or gate.exclude_tags else ""
            raise LabelsError(f"labels: {label} selects nothing in the gate {gate.name}{why}{nearest(label, whole)}")
        chosen |= covered
        ordered |= dict.fromkeys([label] if _is_of(gate, label) else sorted(covered))
    is_rest = passed is not None and not broken and whole - chosen <= passed
    required = Labels((probe, _prefix(probe)) for probe in whole).all(gate.require) & chosen
    return Chosen(tuple(ordered), is_rest, tuple(sorted(required)))


def passed(run: ProbeRun) -> frozenset[str]:
    """Return the labels of what did not keep the gate closed in `run`."""
    return frozenset(result.label for result in run.results if not result.closes_gate)


def failed(run: ProbeRun) -> tuple[str, ...]:
    """Return the labels of what failed in `run` or was never started. Raise LabelsError if they cannot run again."""
    again = dict.fromkeys(
        _selectable(result.label) for result in run.results if result.is_problem or result.outcome is Outcome.NOT_RUN
    )
    if not again:
        raise LabelsError(f"failed_of: nothing failed in the run {one_line(run.id)}")
    if unknown := [label for label in again if not _LABEL.fullmatch(label) or label in _NO_PROBES]:
        raise LabelsError(f"failed_of: {unknown[0]!r} of the run {one_line(run.id)} is no probe; run the whole gate")
    return tuple(again)


def _selectable(label: str) -> str:
    """Return the label that selects a result's probe; for a fixture, that of its class or module."""
    plain = unnumbered(label)
    parent, _, name = plain.rpartition(".")
    return parent if name in _FIXTURES else plain


def _covered(gate: Gate, label: str, whole: frozenset[str]) -> set[str]:
    """Return the probes that a label names, with or without the module of a `probes` package."""
    if not _is_of(gate, label) and any(own.startswith(f"{label}.") for own in gate.probes):
        raise LabelsError(f"labels: {label} is more than the gate {gate.name}: it has {', '.join(gate.probes)}")
    found = Labels((probe, _prefix(probe)) for probe in whole).find(label)
    if found.candidates:
        raise LabelsError(f"labels: {label} may be {' or '.join(found.candidates[:5])}; say which")
    return set(found.labels)


def _prefix(probe: str) -> str:
    """Return what stands before the class: the app, or the module of its package of probes."""
    return unnumbered(probe).rsplit(".", 2)[0]


def _is_of(gate: Gate, label: str) -> bool:
    """Return whether a label is one of the gate's own, or below one."""
    return not gate.probes or any(names(own, label) for own in gate.probes)


def _listed(gate: Gate) -> tuple[frozenset[str], frozenset[str]]:
    """Return what the gate would run, from the command's `--list`, and the labels that do not load.

    The command has a deadline, in case this process is killed meanwhile.
    """
    # A tag of the gate that chooses nothing is the gate's own trouble: what was asked for is judged without it.
    command = probe_command(gate.name, "--list", "--allow-empty", "--deadline", f"{_SECONDS:.0f}s")
    try:
        done = subprocess.run(
            command,
            env=probe_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LaunchError(f"the probes were not loaded within {_SECONDS:.0f}s") from None
    except OSError as error:
        raise LaunchError(f"the probes could not be listed: {type(error).__name__}") from error
    if done.returncode not in (ExitCode.PASSED, ExitCode.CLOSED, ExitCode.NOTHING_RAN):
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise LaunchError(f"the probes could not be listed: {one_line(last.removeprefix('CommandError: '))}")
    lines = done.stderr.splitlines() if done.returncode == ExitCode.CLOSED else []
    complaints = (line.partition(": ")[0] for line in lines if not line.startswith("warning: "))
    return frozenset(done.stdout.splitlines()), frozenset(complaints)
