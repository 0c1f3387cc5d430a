"""Refuses what is no JMESPath before a check asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.contrib.checks.errors import CheckError
from django_probe.http import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.policy.declared.check import Check


def verify(checks: Iterable[Check]) -> None:
    """Raise CheckError where one of the checks, or steps, has a JMESPath that is none."""
    for check in checks:
        for path in check.get("json", ()):
            _verify(path, f"{check.where}.json")
        for name, path in check.get("save", {}).items():
            _verify(path, f"{check.where}.save.{name}")


def _verify(path: str, where: str) -> None:
    try:
        paths.verify(path)
    except ValueError as error:
        raise CheckError(f"{where}: {error}") from None
