"""The objects of the cluster, as far as a rollout has to know them; read from what `kubectl get -o json` says.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

GATE_LABEL: Final = "django-probe/gate"
REVISION_LABEL: Final = "django-probe/revision"
CONTAINER: Final = "gate"
_UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"
# What every pod says for a moment before it begins.
_USUAL: Final = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True, slots=True)
class Job:
    """The Job of a gate. `state` is "running", "complete" or "failed"; `limit` is its deadline, in seconds."""

    uid: str
    name: str
    namespace: str
    gate: str
    revision: int
    shards: int
    limit: int
    state: str
    reason: str
    leaves_nothing: bool

    @property
    def ended(self) -> bool:
        """Whether Kubernetes has made up its mind."""
        return self.state != "running"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of such a Job: the attempt at a shard, from 0; `created` is a time in UTC as ISO 8601.

    `waiting` says why the container has not begun, "" where nothing is unusual. `said` is the termination message.
    """

    uid: str
    name: str
    job: str
    shard: int
    created: str
    waiting: str
    started: bool
    exit_code: int | None
    said: Mapping[str, Any]
    evicted: str

    @property
    def ended(self) -> bool:
        """Whether its container has ended."""
        return self.exit_code is not None


def job(item: Mapping[str, Any]) -> Job:
    """Return a Job."""
    metadata, spec = item.get("metadata", {}), item.get("spec", {})
    labels = metadata.get("labels", {})
    state, reason = "running", ""
    for condition in item.get("status", {}).get("conditions") or []:
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            state = condition["type"].lower()
            reason = _said(condition)
    indexed = spec.get("completionMode") == "Indexed"
    policy = metadata.get("annotations", {}).get("helm.sh/hook-delete-policy", "")
    return Job(
        uid=str(metadata.get("uid")),
        name=str(metadata.get("name")),
        namespace=str(metadata.get("namespace", "")),
        gate=str(labels.get(GATE_LABEL)),
        revision=_number(labels.get(REVISION_LABEL)),
        shards=max(_number(spec.get("completions")), 1) if indexed else 1,
        limit=_number(spec.get("activeDeadlineSeconds")),
        state=state,
        reason=reason,
        leaves_nothing="hook-succeeded" in policy,
    )


def pod(item: Mapping[str, Any]) -> Pod:
    """Return a pod."""
    metadata, status = item.get("metadata", {}), item.get("status", {})
    labels = metadata.get("labels", {})
    containers = [each for each in status.get("containerStatuses") or [] if each.get("name") == CONTAINER]
    state = containers[0].get("state", {}) if containers else {}
    ended = state.get("terminated")
    return Pod(
        uid=str(metadata.get("uid")),
        name=str(metadata.get("name")),
        job=str(labels.get(_UID_LABEL)),
        shard=_number(labels.get(_INDEX, metadata.get("annotations", {}).get(_INDEX))),
        created=str(metadata.get("creationTimestamp", "")),
        waiting=_waiting(status, state),
        started=bool(ended or state.get("running")),
        exit_code=_number(ended.get("exitCode")) if ended else None,
        said=_message(ended.get("message", "")) if ended else {},
        evicted=_evicted(status),
    )


def _waiting(status: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    waiting = state.get("waiting", {})
    if waiting.get("reason", _USUAL[0]) not in _USUAL:
        return _said(waiting)
    for condition in status.get("conditions") or []:
        if (condition.get("type"), condition.get("status")) == ("PodScheduled", "False"):
            return _said(condition)
    return ""


def _evicted(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or []:
        if (condition.get("type"), condition.get("status")) == ("DisruptionTarget", "True"):
            return _said(condition)
    return _said(status) if status.get("reason") == "Evicted" else ""


def _said(said: Mapping[str, Any]) -> str:
    return ": ".join(str(said[key]) for key in ("reason", "message") if said.get(key))


def _message(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {"reason": text} if text else {}
    return said if isinstance(said, dict) else {}


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
