"""Looks at the cluster again and again, tells what is new, and follows the log of every pod of a gate."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from django_probe.reports.text import one_line
from django_probe.rollout.cluster import UnreadableError
from django_probe.rollout.follow import Follower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.rollout.account import Account
    from django_probe.rollout.cluster import Cluster
    from django_probe.rollout.objects import Job, Pod

PROG: Final = "rollout"
_LAST_LINES: Final = 20.0
"""Seconds that a log may go on for after its pod has ended."""

_A_MOMENT: Final = 1.0
"""Seconds for the last lines of a pod that was not seen to end: it is gone, or runs on and nobody waits for it."""

_lock = threading.Lock()


def say(sentence: str) -> None:
    """Print a sentence of ours on standard error, on one line."""
    _print(f"{PROG}: {one_line(sentence)}")


def quoted(line: str) -> str:
    """Return a line of a pod's log so that GitHub Actions takes no part of it for a command to itself.

    It obeys what begins with "::" after blanks, and "##[" anywhere:
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands.
    """
    return f"| {line}" if line.lstrip().startswith("::") else line.replace("##[", "## [")


def show(lines: str) -> None:
    """Print what a machine reads of standard error: standard output is Helm's."""
    _print(lines.rstrip("\n"))


def _print(line: str) -> None:
    with _lock, contextlib.suppress(OSError):  # a reader that is gone is no reason to leave Helm alone
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class Observer:
    """What is seen from the start of Helm to the end of the last gate."""

    def __init__(self, cluster: Cluster, account: Account) -> None:
        self._cluster = cluster
        self._account = account
        self._followers: dict[str, Follower] = {}
        self._said: set[str] = set()

    def look(self) -> bool:
        """Take down what is there, tell what is new, and follow what has begun; return whether it could be seen."""
        try:
            self._account.take(*self._cluster.look())
        except UnreadableError as error:
            self._say_once(f"the Jobs and pods cannot be read: {error}")
            return False
        for job in (*self._account.judges, *self._account.others):
            self._tell(job)
            for pod in self._account.pods(job):
                self._attend(job, pod)
        return True

    def reports(self) -> dict[str, Sequence[str]]:
        """Return the lines of the report of each pod, by its uid, after the last of them is read."""
        ends = time.monotonic() + _LAST_LINES
        for job in (*self._account.judges, *self._account.others):
            for pod in self._account.pods(job):
                if follower := self._followers.get(pod.uid):
                    follower.finish(ends - time.monotonic() if pod.ended else _A_MOMENT)
                    self._complete(pod, follower)
        return {uid: follower.report for uid, follower in self._followers.items()}

    def why(self, job: Job) -> list[str]:
        """Return why a gate never started: what the events of the Job and of its pods warn of, or its pods say."""
        pods = self._account.pods(job)
        reasons = [pod.waiting for pod in pods if pod.waiting]
        for uid in (job.uid, *(pod.uid for pod in pods)):
            try:
                reasons += self._cluster.reasons(uid)
            except UnreadableError as error:
                self._say_once(f"the events cannot be read: {error}")
        return list(dict.fromkeys(map(one_line, reasons)))

    def _tell(self, job: Job) -> None:
        what = (
            "has begun" if job in self._account.judges else f"is of revision {job.revision}, which is not judged here"
        )
        self._say_once(f"gate {job.gate}: the Job {job.name} {what}")

    def _attend(self, job: Job, pod: Pod) -> None:
        if pod.waiting:
            self._say_once(f"{pod.name}: {pod.waiting}")
        if pod.evicted:
            self._say_once(f"{pod.name}: evicted, which is no verdict: {pod.evicted}")
        if not pod.started:
            return
        if pod.uid not in self._followers:
            prefix = f"[{pod.shard}/{job.shards}] " if job.shards > 1 else ""
            self._followers[pod.uid] = Follower(self._cluster, pod.name, lambda line: _print(prefix + quoted(line)))
            self._followers[pod.uid].go_on()
        elif not pod.ended:
            self._followers[pod.uid].go_on()

    def _complete(self, pod: Pod, follower: Follower) -> None:
        if not follower.whole:
            try:
                follower.read_again()
            except UnreadableError as error:
                self._say_once(f"the log of {pod.name} cannot be read: {follower.error or error}")

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            say(sentence)
