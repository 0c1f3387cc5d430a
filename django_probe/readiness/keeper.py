"""Keeps in memory whether this web process is ready: one thread runs the gate `ready` in rounds.

The thread writes what happened, and the reader judges it: a round that hangs cannot say so itself. The engine is only
imported when somebody asks whether the process is ready, so `django_probe.urls` costs a server nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import TYPE_CHECKING, Final

from django_probe.process.originals import Original
from django_probe.readiness.state import NO_PROBES, READY, STALE, STARTING, TIMEOUT, Answer, Step, not_ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_probe.readiness.rounds import Round

FIRST_WAIT: Final = 0.8
"""Seconds after the start of the thread during which a request may wait for the first result."""
_POLL: Final = 0.01

logger = logging.getLogger(__name__)


_beside: Final[list[Callable[[], None]]] = []


def beside(start: Callable[[], None]) -> None:
    """Have something else started wherever a process is asked whether it is ready; it may be called more than once."""
    _beside.append(start)


class Keeper:
    """Keeps the state of the gate `ready` for one process; its thread starts when somebody asks for the first time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wait_until = 0.0
        self._first = threading.Event()
        self._never = threading.Event()
        self._step: Step | None = None
        self._overdue: Step | None = None
        self._round: Round | None = None

    def wait(self) -> None:
        """Wait for the first result while the thread is new; else return at once."""
        if (seconds := self._patience()) > 0:
            self._first.wait(seconds)

    async def wait_async(self) -> None:
        """Wait as `wait` does, on the event loop: it takes no thread of a pool."""
        while self._patience() > 0:  # noqa: ASYNC110 (what is awaited happens in a thread, once a process)
            await asyncio.sleep(_POLL)

    def answer(self) -> Answer:
        """Judge what the thread wrote, without waiting for it."""
        self._start()
        now = Original.monotonic()
        step, last = self._step, self._round
        if step and now > step.until:
            self._tell_overdue(step)
            return TIMEOUT
        if last is None:
            return STARTING
        if now > last.stale_at:
            return STALE
        if not last.run.passed:
            return not_ready(last.cause)
        return NO_PROBES if last.run.nothing_ran else READY

    def _patience(self) -> float:
        if self._round:
            return 0.0
        self._start()
        return 0.0 if self._first.is_set() else self._wait_until - Original.monotonic()

    def _start(self) -> None:
        if self._thread:
            return
        with self._lock:  # of many requests at once, only one starts it
            if self._thread:
                return
            thread = threading.Thread(target=self._keep, name="django-probe-ready", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no thread is available, or the process ends: the next request tries again
                logger.warning("not ready: the thread that runs the probes cannot be started: %s", error)
            else:
                self._wait_until = Original.monotonic() + FIRST_WAIT
                self._thread = thread
                for start in _beside:
                    start()

    def _keep(self) -> None:
        from django_probe.readiness.rounds import Rounds  # noqa: PLC0415 (the engine, which nobody else here needs)

        rounds = Rounds(self._begin)
        while True:
            began = Original.monotonic()
            result = rounds.run()
            self._step = None
            _tell_change(self._round, result)
            self._round = result
            self._first.set()
            # Where threads are greenlets, this lets the others run; what probes patch is not asked.
            self._never.wait(max(0.0, began + result.every - Original.monotonic()))

    def _begin(self, step: Step) -> None:
        self._step = step

    def _tell_overdue(self, step: Step) -> None:
        if self._overdue is not step:
            self._overdue = step
            logger.warning("not ready: %s has been running for longer than its %g s", step.label, step.timeout)


def _tell_change(before: Round | None, now: Round) -> None:
    """Log why the gate is closed, which anonymous visitors are not told; once, not at every round."""
    were = before.closing if before else frozenset()
    if were and now.run.passed:
        logger.info("ready again")
    elif now.closing != were:
        for result in now.run.results:
            if result.closes_gate:
                logger.warning("not ready: %s: %s: %s", result.label, result.outcome, result.message)


_keeper = Keeper()


def keeper() -> Keeper:
    """Return the keeper of this process."""
    return _keeper


def _renew() -> None:
    global _keeper  # noqa: PLW0603 (what is one a process is a global)
    _keeper = Keeper()


# A fork has its parent's memory but not its threads: it starts anew, with locks that nobody holds.
os.register_at_fork(after_in_child=_renew)
