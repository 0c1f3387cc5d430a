"""Writes the termination message of a Kubernetes container, which `kubectl describe pod` shows.

https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/: 4096 bytes at most. It
goes into the cluster's API, where people read it who may see no traceback: it has counts and labels only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_probe.results import ProbeRun

MAX_BYTES: Final = 4096
_MAX_NAME: Final = 256


def render(run: ProbeRun) -> str:
    """Return compact JSON in ASCII: the verdict, the counts, and as many labels as fit of what closed the gate.

    `problems` are the blocking probes that failed, erred or timed out, `more` says how many of those did not
    fit, and `warnings` how many warn-only ones there were.
    """
    closing = [result.label for result in run.problems if result.blocking]
    message: dict[str, object] = {
        "passed": run.passed,
        "exit_code": int(run.exit_code),
        "reason": run.reason,
        "gate": run.gate[:_MAX_NAME],
        "counts": dict(run.counts),
        "warnings": len(run.problems) - len(closing),
        "problems": [],
        "more": len(closing),
    }
    fitting = _fitting(closing, MAX_BYTES - len(_compact(message)))
    return _compact({**message, "problems": fitting, "more": len(closing) - len(fitting)})


def _fitting(labels: list[str], room: int) -> list[str]:
    fitting = []
    for label in labels:
        needed = len(_compact(label)) + 1  # the label's comma
        if needed <= room:
            fitting.append(label)
            room -= needed
    return fitting


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
