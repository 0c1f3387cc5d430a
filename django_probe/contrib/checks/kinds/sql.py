"""Runs one statement, on the connection that the database guard holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlparse
from django.db import DatabaseError, connections
from django.utils.connection import ConnectionDoesNotExist

from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.limits import too_slow
from django_probe.declared.expected import in_few

if TYPE_CHECKING:
    from django_probe.declared.check import Check


def run(check: Check) -> float:
    """Run it, and return the seconds of that; AssertionError where it fails, or gives another value."""
    alias = check.get("database", "default")
    try:
        connection = connections[alias]
    except ConnectionDoesNotExist:
        known = ", ".join(connections)
        raise CheckError(f"{check.where}.database: DATABASES has no {alias!r}, but {known}") from None
    began = time.monotonic()
    with connection.cursor() as cursor:
        try:
            cursor.execute(check.subject)
            row = cursor.fetchone() if cursor.description else None
        except DatabaseError as error:
            if getattr(error, "__notes__", ()):  # the guard's
                raise CheckError(
                    f"{check.where}.sql: the database guard refused a write; if it must write, give the check, "
                    "and what its gate sets, database_access: rollback or read-write"
                ) from error
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise AssertionError(f"{said}\n\nasked {alias}: {check.subject}") from error
    took = time.monotonic() - began
    if row is None and not sqlparse.format(check.subject, strip_comments=True).strip("; \t\r\n"):
        raise CheckError(f"{check.where}.sql: there is no statement, but comments or ; alone")
    asked = f"\n\nasked {alias}: {check.subject}\ncame: {_shown(row)}"
    if expected := check.get("expect"):
        if row is None:
            raise AssertionError(f"no row came, expected {expected}{asked}")
        if not expected.holds(_plain(row[0])):
            raise AssertionError(f"the first value is {in_few(row[0])}, not {expected}{asked}")
    for slow in too_slow(check, took):
        raise AssertionError(f"{slow}{asked}")
    return took


def _plain(value: object) -> object:
    """Return a value of a database as a policy can write it: a number of any class is one of Python's."""
    if isinstance(value, int | float | str | type(None)):
        return value
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value)


def _shown(row: object) -> str:
    return "no row" if row is None else in_few(list(row) if isinstance(row, tuple) else row)
