"""A flow: asks one URL after the other as one visitor, and takes what an answer says along to the next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django_probe.contrib.checks import json_values
from django_probe.contrib.checks.exchange.asked import Asked
from django_probe.contrib.checks.exchange.evidence import told
from django_probe.contrib.checks.exchange.exchange import asked_and_compared
from django_probe.contrib.checks.filling import Filling
from django_probe.contrib.checks.limits import too_slow
from django_probe.http.json_values import JsonError
from django_probe.http.paths import value_at
from django_probe.http.wire import asking
from django_probe.http.wire.asking import Browser
from django_probe.policy.declared.values import COOKIE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.http.response import Response
    from django_probe.policy.declared.check import Check


def prepare(checks: Iterable[Check]) -> None:
    """Do once what every process that asks would do; CheckError where a JMESPath is none."""
    checks = [*checks]
    json_values.verify(checks)
    asking.prepare(str(step.get("base", "") or step.subject) for check in checks for step in check.subject)


def run(check: Check) -> float:
    """Ask step by step, and return the seconds of all; AssertionError with the step that failed."""
    filling = Filling()
    began = time.monotonic()
    with Browser() as browser:
        for number, step in enumerate(check.subject, 1):
            try:
                answer = asked_and_compared(browser, step, filling)
                _save(step, answer, filling, browser)
            except AssertionError as error:
                raise AssertionError(f"step {number} of {len(check.subject)}, {error}") from None
    took = time.monotonic() - began
    if slow := [*too_slow(check, took)]:
        raise AssertionError(f"each step passed, but {slow[0]}")
    return took


def _save(step: Check, answer: Response, filling: Filling, browser: Browser) -> None:
    if not (wanted := step.get("save")):
        return
    problems = []
    for name, path in wanted.items():
        if path.startswith(COOKIE):  # any answer before may have set it, as one that redirects
            found: Any = browser.cookie(path.removeprefix(COOKIE), answer.url)
        else:
            found = _found(path, answer)
        if isinstance(found, str | int | float) and not isinstance(found, bool) and found != "":
            filling.save(name, str(found), path)
        else:
            problems.append(f"there is no text or number at {path} to save as {name}")
    if problems:
        raise AssertionError(told(Asked(step, filling), problems, answer, answer.times))


def _found(path: str, answer: Response) -> Any:
    """Return what is at a JMESPath; None where nothing is."""
    try:
        return value_at(path, answer.json())
    except JsonError:
        return None
