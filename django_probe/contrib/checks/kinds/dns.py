"""Asks the name servers of this machine for the addresses of a name."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import dns.exception
import dns.resolver

from django_probe.contrib.checks.filling import Filling
from django_probe.contrib.checks.limits import patience, too_slow

if TYPE_CHECKING:
    from django_probe.policy.declared.check import Check


def run(check: Check) -> float:
    """Ask, and return the seconds of that; AssertionError where no address comes, or not all that the check wants."""
    name = Filling().fill(check.subject, f"{check.where}.dns")
    wanted: tuple[str, ...] = check.get("has", ())
    began = time.monotonic()
    try:
        came = _addresses(name, wanted, patience(check))
    except dns.exception.DNSException as error:
        said = " ".join(str(error).split())
        raise AssertionError(f"{name}: no address: {said}{_by_hand(name)}") from None
    took = time.monotonic() - began
    said = ", ".join(came)
    if missing := [each for each in wanted if each not in came]:
        raise AssertionError(f"{name}: {', '.join(missing)} is not among its addresses, {said}{_by_hand(name)}")
    for slow in too_slow(check, took):
        raise AssertionError(f"{name}: {slow}\n\ncame: {said}")
    return took


def _addresses(name: str, wanted: tuple[str, ...], timeout: float) -> list[str]:
    """Return the addresses of the families that are wanted, of any where none is; AssertionError without any."""
    families = {"AAAA" if ":" in each else "A" for each in wanted} or {"A", "AAAA"}
    until = time.monotonic() + timeout
    found: list[str] = []
    for family in sorted(families):
        left = max(until - time.monotonic(), 0.1)
        # A name that has addresses of one family alone is no error, as long as any come.
        with suppress(dns.resolver.NoAnswer):
            found += [each.to_text() for each in dns.resolver.resolve(name, family, search=True, lifetime=left)]
    if not found:
        raise AssertionError(f"{name}: it has no record {' or '.join(sorted(families))}{_by_hand(name)}")
    return sorted(found)


def _by_hand(name: str) -> str:
    return f"\n\nthe same by hand:\n  dig +search {name} A {name} AAAA"
