"""Asks a URL, and compares what comes with what the check expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_probe.contrib.checks import json_values
from django_probe.contrib.checks.exchange import release
from django_probe.contrib.checks.exchange.exchange import asked_and_compared
from django_probe.contrib.checks.filling import Filling
from django_probe.http.wire import asking
from django_probe.http.wire.asking import Browser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.policy.declared.check import Check


def prepare(checks: Iterable[Check]) -> None:
    """Do once what every process that asks would do; CheckError where a JMESPath is none."""
    checks = [*checks]
    json_values.verify(checks)
    asking.prepare(str(check.get("base", "") or check.subject) for check in checks)


def run(check: Check) -> float:
    """Ask, and return the seconds that the answer took; AssertionError with what differs."""
    filling = Filling()
    if awaited := release.of_the_run(check):
        return release.wait(check, filling, awaited)
    with Browser() as browser:
        return asked_and_compared(browser, check, filling).seconds
