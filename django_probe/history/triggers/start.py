"""Starts what a POST asks for (the whole gate, some probes, or what failed in a run) and waits for it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_probe import conf
from django_probe.history.errors import RequestError
from django_probe.history.storage import records, runs, store
from django_probe.history.storage.summaries import State
from django_probe.history.triggers import gates, launcher, narrowing
from django_probe.policy.gates import DEFAULT, PolicyError
from django_probe.process.environment import environment
from django_probe.results import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django_probe.history.storage.summaries import RunKey, RunSummary
    from django_probe.history.triggers.launcher import Launch, Order

_LOOK: Final = 0.2
_BY_RESULTS: Final = (
    ExitCode.PASSED,
    ExitCode.CLOSED,
    ExitCode.DEADLINE,
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
    ExitCode.SIGHUP,
)
_waiter: Final = threading.Lock()
"""One request a process may wait for a verdict: if all threads waited, nobody would be left to answer."""
_loader: Final = threading.Lock()
"""One request a process may wait for probes to be listed, for the same reason."""
_LONGEST_CHAIN: Final = 20
"""How many re-runs of re-runs are followed; whoever needs more has to run the whole gate."""


@contextmanager
def waiting(gate: str, *, wanted: bool) -> Iterator[Launch | None]:
    """Reserve this process's one place to wait, before anything is started.

    If another request has it: yield the run of the gate that is under way, or raise RequestError 429. (To answer 202
    at once would be wrong: Flagger takes it for a pass.)
    """
    if not wanted:
        yield None
    elif _waiter.acquire(blocking=False):
        try:
            yield None
        finally:
            _waiter.release()
    elif (other := _going_on(gate)) is not None:
        yield launcher.Launch(other, busy=True)
    else:
        raise RequestError(429, "another request waits for a verdict in this process: ask again, or without wait")


@contextmanager
def _loading(*, wanted: bool) -> Iterator[None]:
    """Reserve this process's one place to list probes. Raise RequestError 429 if another request has it."""
    if wanted and not _loader.acquire(timeout=_LOOK * 5):
        raise RequestError(429, "probes are being loaded for another request of this process: ask again")
    try:
        yield
    finally:
        if wanted:
            _loader.release()


def _going_on(gate: str) -> RunKey | None:
    """Look for a run of the gate, for as long as the waiting request may need to start it."""
    until = time.monotonic() + _LOOK * 3
    while (other := store.going_on(gate)) is None and time.monotonic() < until:
        time.sleep(_LOOK)
    return other


def start(name: str, labels: Sequence[str], failed_of: str, *, by: str) -> Launch:
    """Start a run of the gate for whom `by` names.

    Raise RequestError if that is impossible, 404 if the policy has no such gate.
    """
    try:
        with _loading(wanted=bool(labels or failed_of)):
            if (other := store.going_on(name)) is not None:  # before the probes are listed for the labels
                return launcher.Launch(other, busy=True)
            order = replace(_order(name, labels, failed_of), by=by)
        return launcher.launch(order)
    except PolicyError as error:
        raise RequestError(503, f"the policy of this server is wrong: {error}") from None
    except narrowing.LabelsError as error:
        raise RequestError(400, str(error)) from None
    except launcher.LaunchError as error:
        raise RequestError(503, str(error)) from None


def wait(run_id: str, until: float) -> RunSummary | None:
    """Return the run when it has ended; None when the monotonic clock reaches `until`."""
    while time.monotonic() < until:
        time.sleep(_LOOK)
        summary = runs.find(run_id)
        if summary and summary.state is not State.RUNNING:
            return summary
    return None


def _order(name: str, labels: Sequence[str], failed_of: str) -> Order:
    policy = conf.policy()
    if name not in gates.startable(policy):
        known = name in policy.gates or name == DEFAULT
        raise RequestError(404, f"the gate {name} cannot be started here" if known else f"there is no gate {name}")
    gate = policy.gate(None if name == DEFAULT else name)
    if failed_of:
        again = _failed_run(name, failed_of)
        part = narrowing.choose(gate, narrowing.failed(records.of(again)), _passed(again))
        if part.is_rest and _stands(again):  # it decides how the gate stands: what the gate requires must not skip
            return launcher.Order(name, part.labels, rerun_of=again.name, require=part.required)
        return launcher.Order(name, part.labels, rerun_of=again.name, narrowed=True)
    if labels:
        return launcher.Order(name, narrowing.choose(gate, labels).labels, narrowed=True)
    return launcher.Order(name)


def _failed_run(gate: str, run_id: str) -> RunSummary:
    if (summary := _run_of(gate, run_id)) is None:
        raise RequestError(400, f"failed_of: there is no run {run_id[:200]}")
    if summary.gate != gate:
        raise RequestError(400, f"failed_of: the run {summary.id} is one of the gate {summary.gate}")
    if summary.state is State.RUNNING:
        raise RequestError(400, f"failed_of: the run {summary.id} goes on")
    return summary


def _passed(summary: RunSummary) -> frozenset[str]:
    """Return what passed in a run and, if it was a re-run that counts, in the runs before it."""
    passed = narrowing.passed(records.of(summary))
    for _ in range(_LONGEST_CHAIN):
        before = None if summary.narrowed or not summary.rerun_of else _run_of(summary.gate, summary.rerun_of)
        if before is None:
            break
        passed |= narrowing.passed(records.of(before))
        summary = before
    return passed


def _run_of(gate: str, run_id: str) -> RunSummary | None:
    return runs.find(f"{run_id}@{gate}") or runs.find(run_id)


def _stands(summary: RunSummary) -> bool:
    """Return whether passing what failed in this run may open the gate, as a retry does.

    It may not if another run of the whole gate began since, or if another release is out: what passed before was not
    this release. Nor if something besides results closed the gate, such as a team's own suite_result().
    """
    by_results = all(part.exit_code in _BY_RESULTS and not part.stricter for part in summary.parts)
    released = summary.release == environment("PROBE_RELEASE")
    return by_results and released and runs.newest(summary.gate) == summary.id
