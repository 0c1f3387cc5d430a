"""The verdict on a rollout: Helm's exit code, and whether a gate stands behind it if that is 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django_probe.rollout.account import Account
    from django_probe.rollout.cluster import Release
    from django_probe.rollout.objects import Job

_NO_GATE: Final = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the rollout ended. `sentence` says why, on one line."""

    code: int
    sentence: str


def decide(
    name: str, code: int, account: Account, release: Release | None, why: Callable[[Job], Sequence[str]]
) -> Verdict:
    """Return the verdict on the release `name`, for which Helm ended with `code`.

    `release` is what Helm keeps of it now, None where that is not known. `why` says why a gate never started.
    """
    judges = account.judges
    told = "; ".join(_told(job, account, why) for job in judges)
    if code:
        before = "no gate had begun" if not judges else told
        return Verdict(code, f"Helm ended with exit code {code}: {before}")
    if lacks := _lacks(name, account, release):
        return Verdict(_NO_GATE, f"Helm ended with exit code 0, but {lacks}" + (f"; {told}" if told else ""))
    return Verdict(0, told)


def _lacks(name: str, account: Account, release: Release | None) -> str:
    """Return what is missing of a gate that ran and passed, "" where nothing is."""
    judges = account.judges
    if not judges:
        return f"no gate judged it: no Job of a gate of the release {name} was made since the start"
    passed = {job.name for job in judges if job.state == "complete"}
    if open_ := [job.name for job in judges if job.name not in passed]:
        return f"the gate did not pass ({', '.join(open_)})"
    if release:
        if missing := [gate for gate in release.gates if gate not in passed]:
            return f"the Job of a gate is not there ({', '.join(missing)}): it was deleted, and nobody saw it pass"
        if strangers := [job.name for job in judges if job.revision != release.revision]:
            return f"{', '.join(strangers)} did not judge revision {release.revision}, which is the latest by now"
    return ""


def _told(job: Job, account: Account, why: Callable[[Job], Sequence[str]]) -> str:
    """Return how a gate stands, in a few words."""
    who = f"gate {one_line(job.gate)} in the Job {job.name}"
    pods = account.pods(job)
    if job.uid in account.gone:
        kept = ", as its delete policy has hook-succeeded" if job.leaves_nothing else ""
        return f"{who} was deleted before anybody saw its end{kept}"
    if job.state == "complete":
        return f"{who} passed"
    if not any(pod.started for pod in pods):
        reasons = "; ".join(why(job)) or one_line(job.reason)
        return f"{who} never started" + (f": {reasons}" if reasons else "")
    closed = [pod for pod in account.latest(job).values() if pod.exit_code]
    reasons = "; ".join(
        dict.fromkeys(one_line(str(pod.said.get("reason", ""))) or _code(pod.exit_code) for pod in closed)
    )
    if not job.ended:
        return f"{who} has not ended"
    return f"{who} is closed: {reasons or one_line(job.reason) or 'without a reason'}"


def _code(code: int | None) -> str:
    return f"exit code {code}"
