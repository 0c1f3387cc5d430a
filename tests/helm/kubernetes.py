"""What Kubernetes takes: its own schemas, as kubernetes-validate has them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import kubernetes_validate

OLDEST, NEWEST = "1.31", kubernetes_validate.utils.major_minor(kubernetes_validate.latest_version())
"""The oldest version that Chart.yaml allows, and the newest whose schemas are here."""


def validate(item: dict[str, Any], version: str = OLDEST) -> str:
    """Return the version of Kubernetes by whose schema an object is valid, with no field that it does not know.

    Raise `kubernetes_validate.ValidationError` where it is not. What was looked at once is not looked at again: each
    look reads all schemas.
    """
    return _validate(json.dumps(item, sort_keys=True), version)


@cache
def _validate(item: str, version: str) -> str:
    return kubernetes_validate.validate(json.loads(item), version, strict=True)
