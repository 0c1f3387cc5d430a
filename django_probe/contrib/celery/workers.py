"""Asks the workers for an answer, as `celery inspect ping` does: one message to all, on their control exchange."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from django_probe.contrib.celery import broker
from django_probe.contrib.parts import few

if TYPE_CHECKING:
    from collections.abc import Sequence

_FANOUT = "fanout"


def answer(app: Any, expected: int | Sequence[str], seconds: float) -> str | None:
    """Have the workers answer a ping, and return why they cannot be asked, or None.

    `expected` is how many must answer, or the names of those that must; a name may have `*`. `seconds` is how long
    they may take. Raise AssertionError with those that did not answer.
    """
    if not app.conf.worker_enable_remote_control:
        return "workers take no messages: worker_enable_remote_control is off"
    with broker.connected(app) as (connection, place):
        if not connection.supports_exchange_type(_FANOUT):
            return f"{place} passes no message on to all workers"
        roll = _Roll(expected)
        roll.call(app, connection, seconds)
        if problem := roll.problem(f"within {seconds:g} s"):
            raise AssertionError(f"{place}: {problem}")
    return None


class _EnoughError(Exception):
    """All that are expected have answered."""


class _Roll:
    """Who is expected, and who has answered."""

    def __init__(self, expected: int | Sequence[str]) -> None:
        self._expected = expected
        self._present: list[str] = []

    def call(self, app: Any, connection: Any, seconds: float) -> None:
        mailbox = app.control.mailbox(connection)
        mailbox.producer_pool = None  # else it would send over a connection of the app's own pool, which stays open
        try:
            mailbox.multi_call("ping", timeout=seconds, callback=self._hear)
        except _EnoughError:
            return

    def problem(self, when: str = "") -> str:
        """Return who did not answer, and who did; empty where all that are expected did."""
        present = few(sorted(self._present))
        if isinstance(self._expected, int):
            if len(self._present) >= self._expected:
                return ""
            return f"{len(self._present)} of {self._expected} workers answered {when}{present and f': {present}'}"
        absent = few(self._absent())
        return absent and f"{absent} did not answer {when}; {present or 'nobody'} did"

    def _hear(self, reply: dict[str, Any]) -> None:
        self._present += reply
        if not self.problem():
            raise _EnoughError

    def _absent(self) -> list[str]:
        assert not isinstance(self._expected, int)
        return [name for name in self._expected if not any(fnmatchcase(each, name) for each in self._present)]
