"""Looks after the recipients of all gates in a web process, in a thread of its own that starts with the first request.

A run that is lost writes nothing: only who looks again and again can tell of it. The same holds for a reminder, for the
end of a silence, and for what could not be delivered. All web processes look; the rows say which of them does what.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.db import connections

from django_probe import conf
from django_probe.history.notices import changes, outbox
from django_probe.history.notices.delivery import delivery
from django_probe.policy.gates import PolicyError
from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from django_probe.policy.gates import Gate

logger = logging.getLogger("django_probe.history")

_PAUSE: Final = 5.0
"""Seconds from one look at the outbox to the next."""
_TURNS: Final = 3
"""Every so many looks, the gates themselves are looked at."""


class Watch:
    """The watch of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._never = threading.Event()
        self._gates: tuple[Gate, ...] = ()
        self._told = ""

    def start(self) -> None:
        """Start the thread, if that has not been done."""
        if self._thread:
            return
        with self._lock:  # of many requests at once, only one starts it
            if self._thread:
                return
            thread = threading.Thread(target=self._keep, name="django-probe-notices", daemon=True)
            with suppress(RuntimeError):  # no thread is available, or the process ends: the next request tries again
                thread.start()
                self._thread = thread

    def _keep(self) -> None:
        self._never.wait(random.uniform(0, _PAUSE))  # noqa: S311 (so that replicas do not look at the same time)
        turn = 0
        while True:
            self._attempt(whole=turn % _TURNS == 0)
            turn += 1
            self._never.wait(_PAUSE)

    def _attempt(self, *, whole: bool) -> None:
        try:
            if whole:
                self._gates = tuple(gate for gate in conf.policy().gates.values() if gate.notify)
            if not self._gates:
                return
            try:
                if whole:
                    for gate in self._gates:
                        changes.settle(gate)
                    outbox.prune()
                for notice, why in delivery.deliver(self._gates):
                    if notice.attempts == 1:  # the status page and the metric have it from here on
                        logger.warning("%s: a notice is not delivered: %s: %s", notice.gate, notice.recipient, why)
            finally:
                with suppress(Exception):  # it may be broken
                    connections[conf.history_database()].close()
        except PolicyError:
            return  # the status page says it, and the command refuses it
        except Exception as error:  # noqa: BLE001 (the thread goes on, whatever the database does)
            self._tell(f"notices: {type(error).__name__}: {one_line(str(error))}")
        else:
            self._told = ""

    def _tell(self, problem: str) -> None:
        """Log a problem once while it stays the same."""
        if self._told != problem:
            self._told = problem
            logger.error("%s", problem)


_watch = Watch()


def start() -> None:
    """Start the watch of this process, if that has not been done."""
    _watch.start()


def _renew() -> None:
    global _watch  # noqa: PLW0603 (what is one a process is a global)
    _watch = Watch()


# A fork has its parent's memory but not its threads: it starts anew, with locks that nobody holds.
os.register_at_fork(after_in_child=_renew)
