"""The `Listener` that writes the history while the run goes on; nobody waits for it while probes run.

A database that refuses or does not answer costs the command one warning at its end, and never changes the verdict.
A thread with a connection of its own writes. The command waits a few seconds for it when everything else is done.

SQLite lets one connection write at a time, and the history may be in the file that the probes use. There, a probe that
reads in a transaction and then writes is refused at once while another connection commits (in WAL mode: if another
has committed since the probe read). No timeout of the probe's helps. So the run's row is written before the probes
begin, and a heartbeat writes only when nobody else uses the file. The next heartbeat has what this one missed.
"""

from __future__ import annotations

import _thread
import threading
from contextlib import contextmanager, suppress
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Final, cast

from django.db import connections, transaction

from django_probe import conf
from django_probe.execution.guard.guard import unguarded
from django_probe.history.storage import store
from django_probe.history.storage.retention import prune
from django_probe.process.environment import environment
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django_probe.results import ProbeResult, ProbeRun

_PATIENCE: Final = 10.0
"""Seconds that the command waits at its end for a database that does not answer."""
_RESULTS_A_SECOND: Final = 1000
"""It waits a second longer for each of so many results."""
_BRIEF: Final = 1.0
"""Seconds that the command waits where nothing ran, and the longest that probes wait for a SQLite file."""
_ATTEMPTS: Final = 3
_BETWEEN: Final = 1.0
_SOON: Final = 0.2
"""Seconds until a heartbeat that SQLite refused is tried again: the gaps between transactions are short."""
_RARELY: Final = store.LOST_AFTER.total_seconds() / 2
"""Seconds between heartbeats where each may make a probe of the same file lose its transaction."""
_TURN: Final = 0.02
_TURNS: Final = 0.2
"""Where threads are greenlets, seconds of a turn that the thread has, and from one turn to the next."""


class Recorder:
    """Writes one run. `labels` are what it was limited to, `narrowed` whether somebody chose them by hand.

    `trouble` is None, or the sentence to warn with, after `finished` or `refused`. `also` is called in the transaction
    that writes the record.
    """

    def __init__(self, *, trigger: str, labels: Sequence[str], narrowed: bool) -> None:
        self.trouble: str | None = None
        self.also: Callable[[], None] | None = None
        # Of gevent and eventlet, which replace this function, a thread runs only while this one waits for something.
        self.live = not isinstance(_thread.start_new_thread, BuiltinFunctionType)
        self._turn = 0.0
        self._trigger = trigger
        self._labels = labels
        self._narrowed = narrowed
        self._total = self._done = self._problems = 0
        self._key: int | None = None
        self._run: ProbeRun | None = None
        self._refusal: str | None = None
        self._undone = "not written"
        self._pause = store.HEARTBEAT
        self._clear = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="probe-history", daemon=True)

    def begun(self, run: ProbeRun) -> None:
        """Write that the run started."""
        self._run = run
        self._start()

    def warned(self, sentence: str) -> None:
        """Do nothing: whoever started the run reads it."""

    def selected(self, total: int) -> None:
        """Note how many probes will run, for the next heartbeat; let SQLite write the run's row before they begin."""
        self._total = total
        if self._thread.is_alive():
            self._clear.wait(_BRIEF)

    def ended(self, result: ProbeResult) -> None:
        """Note that a probe ended, for the next heartbeat."""
        self._done += 1
        self._problems += result.is_problem

    def flush(self) -> None:
        """Do nothing: the thread writes when it is time."""

    def tick(self, done: int, total: int, in_flight: Sequence[tuple[str, float]]) -> None:  # noqa: ARG002 (a Listener's)
        """Give the thread its turn, where it is a greenlet: the judge itself waits without letting others run."""
        if Original.monotonic() >= self._turn:
            self._over.wait(_TURN)
            self._turn = Original.monotonic() + _TURNS

    def finished(self, run: ProbeRun) -> None:
        """Write the record, and wait a limited time for that."""
        self._run = run
        self._close(_PATIENCE + len(run.results) / _RESULTS_A_SECOND)

    def refused(self, sentence: str) -> None:
        """Write that nothing ran if a POST waits for that answer; else leave no trace of the run."""
        self._refusal = sentence
        if self._thread.ident is None and self._trigger == store.HTTP:
            self._start()
        self._close(_PATIENCE if self._trigger == store.HTTP else _BRIEF)

    def _start(self) -> None:
        try:
            self._thread.start()
        except RuntimeError as error:  # the limit of processes, which threads count into
            self.trouble = f"history: not written: {error}"

    def _close(self, patience: float) -> None:
        if self._thread.ident is None:
            return
        self._over.set()
        self._thread.join(patience)
        if self._thread.is_alive():
            self.trouble = f"history: {self._undone}: the database did not answer within {patience:.0f}s"

    def _work(self) -> None:
        with unguarded():  # --parallel 0 runs the probes in this process, and holds its connections
            try:
                while not self._over.is_set() and self._attempt(self._beat):
                    self._over.wait(self._pause)
                self._over.wait()
                self._end()
            finally:
                self._disconnect()

    def _end(self) -> None:
        for attempt in range(_ATTEMPTS if self._key is not None else 1):
            if attempt:
                Original.sleep(_BETWEEN)
            if not self._attempt(self._write) or self.trouble is None:
                break
        if self.trouble is None and self._refusal is None:
            self._undone = "written, but runs older than PROBE_HISTORY_DAYS were not deleted"
            self._attempt(prune)

    def _disconnect(self) -> None:
        with suppress(Exception):  # it may be broken, or there may be no database of that name
            connections[conf.history_database()].close()

    def _attempt(self, write: Callable[[], None]) -> bool:
        """Write, and note the trouble or that there is none; return whether another attempt may succeed."""
        try:
            write()
        except Exception as error:  # noqa: BLE001 (whatever it is, the verdict stands)
            self.trouble = f"history: {self._undone}: {type(error).__name__}: {error}"
            self._disconnect()
            if missing := store.has_no_tables(error):
                self.trouble = f"{self.trouble}; run manage.py migrate --database {conf.history_database()}"
            return not missing
        finally:
            self._clear.set()
        self.trouble = None
        return True

    def _beat(self) -> None:
        key = self._key
        with self._beside_probes():
            if key is None:
                key = self._begin()
            else:
                store.beat(key, total=self._total, done=self._done, problems=self._problems)
        self._key = key

    @contextmanager
    def _beside_probes(self) -> Iterator[None]:
        """Make the block a transaction on SQLite that keeps nobody waiting; raise if another connection writes.

        It is EXCLUSIVE: whoever begins to read while another connection commits could not write any more.
        """
        alias = conf.history_database()
        patient = connections[alias]
        if patient.vendor != "sqlite":
            self._clear.set()
            yield
            return
        self._pause = _SOON
        connections[alias] = hasty = patient.copy()
        options = hasty.settings_dict["OPTIONS"]
        options["transaction_mode"] = "EXCLUSIVE"
        options["init_command"] = f"{options.get('init_command', '')};PRAGMA busy_timeout = 0"
        try:
            with transaction.atomic(using=alias), hasty.cursor() as cursor:
                yield
                is_wal = cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            self._pause = _RARELY if is_wal else store.HEARTBEAT
        finally:
            hasty.close()
            connections[alias] = patient

    def _begin(self) -> int | None:
        if self._run is None:
            return None
        return store.begin(self._run, trigger=self._trigger, labels=self._labels, narrowed=self._narrowed)

    def _write(self) -> None:
        if self._refusal is not None:
            self._refuse(self._refusal)
        elif self._run is not None:
            if self._key is None:
                self._key = self._begin()
            store.finish(cast("int", self._key), self._run, self.also)

    def _refuse(self, sentence: str) -> None:
        if self._trigger == store.HTTP:
            store.refuse(environment("PROBE_RUN_ID"), sentence)
        elif self._key is not None:
            store.discard(self._key)
