"""Runs one statement, on the connection that the database guard holds."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, connections, transaction
from django.utils.connection import ConnectionDoesNotExist

from django_probe import details
from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.limits import too_slow
from django_probe.policy.declared.expected import in_few

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from django_probe.policy.declared.check import Check


_STEPS: Final = 100_000
"""Of SQLite's virtual machine, a few milliseconds."""
_READS: Final = re.compile(r"\s*\(*\s*(?:select|values|table)\b(?!.*\binto\b)", re.IGNORECASE | re.DOTALL)
"""What PostgreSQL has a cursor for: statements that only read."""


def run(check: Check) -> float:
    """Run it, and return the seconds of that; AssertionError where it fails, or gives another value."""
    alias = check.get("database", "default")
    try:
        connection = connections[alias]
    except ConnectionDoesNotExist:
        known = ", ".join(connections)
        raise CheckError(f"{check.where}.database: DATABASES has no {alias!r}, but {known}") from None
    began = time.monotonic()
    with _cursor(connection, check.subject) as cursor, _interruptible(connection):
        try:
            cursor.execute(check.subject)
            row = cursor.fetchone() if cursor.description else None
        except DatabaseError as error:
            if connection.vendor == "sqlite" and str(error) == "interrupted":
                error.add_note(details.waited_for(" ".join(check.subject.split())))
                raise
            if getattr(error, "__notes__", ()):  # the guard's
                raise CheckError(
                    f"{check.where}.sql: the database guard refused a write; if it must write, give the check, "
                    "and what its gate sets, database_access: rollback or read-write"
                ) from error
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise AssertionError(f"{said}\n\nasked {alias}: {check.subject}") from error
    took = time.monotonic() - began
    asked = f"\n\nasked {alias}: {check.subject}\ncame: {_shown(row)}"
    if expected := check.get("expect"):
        if row is None:
            raise AssertionError(f"no row came, expected {expected}{asked}")
        if not expected.holds(_plain(row[0])):
            raise AssertionError(f"the first value is {in_few(row[0])}, not {expected}{asked}")
    for slow in too_slow(check, took):
        raise AssertionError(f"{slow}{asked}")
    return took


@contextmanager
def _cursor(connection: BaseDatabaseWrapper, statement: str) -> Iterator[Any]:
    """Give a cursor that fetches no more of the rows than it is asked for, where the driver would fetch them all."""
    if connection.vendor == "postgresql" and _READS.match(statement):
        # Outside a transaction the server would keep all rows aside, for those that come later.
        with transaction.atomic(using=connection.alias), connection.chunked_cursor() as cursor:
            yield cursor
    else:
        with connection.cursor() as cursor:
            yield cursor


@contextmanager
def _interruptible(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let signals be heard while SQLite computes, which is in this process: Python would else wait for its end.

    What a signal's handler raises ends the statement, which is then "interrupted".
    """
    raw: Any = connection.connection if connection.vendor == "sqlite" else None
    if raw:
        raw.set_progress_handler(lambda: False, _STEPS)
    try:
        yield
    finally:
        if raw:
            raw.set_progress_handler(None, _STEPS)


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
