"""Refuses what is no JMESPath before a check asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.contrib.checks.errors import CheckError
from django_probe.policy.declared import jmespaths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.policy.declared.check import Check


def verify(checks: Iterable[Check]) -> None:
    """Raise CheckError where one of the checks has a JMESPath that is none."""
    try:
        jmespaths.verify_checks(checks)
    except ValueError as error:
        raise CheckError(str(error)) from None
