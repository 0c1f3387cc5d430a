"""Keeps account of the gates that were seen since the start, also of what is gone by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.rollout.objects import Job, Pod


class Account:
    """The Jobs that were made since the start, told apart by their uid.

    `before` are the uids of those that were there, `revision` is the last one of the release then. Only a Job of a
    later revision judges what is rolled out: a rollback runs the hooks of the release that it goes back to.
    """

    def __init__(self, before: Iterable[str], revision: int) -> None:
        self._before = frozenset(before)
        self._revision = revision
        self._jobs: dict[str, Job] = {}
        self._pods: dict[str, Pod] = {}
        self._closed = False
        self.gone: set[str] = set()

    def close(self) -> None:
        """Take down no further Jobs: what is made after the end of Helm is another rollout's."""
        self._closed = True

    def take(self, jobs: Iterable[Job], pods: Iterable[Pod]) -> None:
        """Take down what is there now."""
        there = {job.uid: job for job in jobs if job.uid not in self._before}
        self.gone = {uid for uid, job in self._jobs.items() if uid not in there and not job.ended}
        self._jobs |= {uid: job for uid, job in there.items() if uid in self._jobs or not self._closed}
        for pod in pods:
            if pod.job in self._jobs:
                self._pods[pod.uid] = pod

    @property
    def judges(self) -> list[Job]:
        """The Jobs that judge this release."""
        return [job for job in self._jobs.values() if job.revision > self._revision]

    @property
    def others(self) -> list[Job]:
        """The Jobs that judge an earlier revision: a rollback's, or another pipeline's."""
        return [job for job in self._jobs.values() if job.revision <= self._revision]

    @property
    def open(self) -> list[Job]:
        """The Jobs that judge this release, are there, and have not ended."""
        return [job for job in self.judges if not job.ended and job.uid not in self.gone]

    def pods(self, job: Job) -> list[Pod]:
        """Return the pods of a Job, of each shard the earliest first."""
        found = [pod for pod in self._pods.values() if pod.job == job.uid]
        return sorted(found, key=lambda pod: (pod.shard, pod.created, pod.name))

    def latest(self, job: Job) -> dict[int, Pod]:
        """Return the last pod of each shard: an earlier one was evicted, or is an attempt that was repeated."""
        return {pod.shard: pod for pod in self.pods(job)}
