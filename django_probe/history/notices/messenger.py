"""What a command does for its gate's recipients: it writes who has to be told, and tries to tell them for a moment."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.db import connections

from django_probe import conf
from django_probe.execution.guard.guard import unguarded
from django_probe.history.notices import changes, outbox
from django_probe.history.notices.delivery import delivery
from django_probe.history.storage import store

if TYPE_CHECKING:
    from django_probe.policy.gates import Gate

_PATIENCE: Final = 2.0
"""Seconds that a command takes for it, when all its reports are out."""
_WRITING: Final = 0.5
"""Seconds that the database has after that, for what became of it."""


class Messenger:
    """Looks after the recipients of one gate. `trouble` is one sentence about what could not be done, or None."""

    def __init__(self, gate: Gate) -> None:
        self.trouble: str | None = None
        self._gate = gate

    def settle(self) -> None:
        """Write notices, in the transaction that writes the record; what fails here does not take the record along."""
        self.trouble = None
        try:
            changes.settle_locked(self._gate)  # which is a savepoint there
        except Exception as error:  # noqa: BLE001 (a web process finds what was missed)
            self.trouble = f"notify: not written: {_why(error)}"

    def deliver(self) -> None:
        """Try to deliver what is due for two seconds; web processes, or the next command, go on with what is left."""
        if self.trouble:
            return
        thread = threading.Thread(target=self._deliver, name="probe-notices", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the limit of processes, which threads count into
            self.trouble = f"notify: not delivered: {error}"
            return
        thread.join(_PATIENCE + _WRITING)
        if thread.is_alive():
            self.trouble = f"notify: not delivered within {_PATIENCE:.0f}s; it is tried again"

    def _deliver(self) -> None:
        with unguarded():
            try:
                failed = [
                    f"{notice.recipient}: {why}" for notice, why in delivery.deliver([self._gate], seconds=_PATIENCE)
                ]
                outbox.prune()
                left = failed or [each.trouble for each in outbox.undelivered() if each.gate == self._gate.name]
                self.trouble = f"notify: not delivered: {'; '.join(left)}; it is tried again" if left else None
            except Exception as error:  # noqa: BLE001 (whatever it is, the verdict stands)
                self.trouble = f"notify: not delivered: {_why(error)}"
            finally:
                with suppress(Exception):
                    connections[conf.history_database()].close()


def _why(error: Exception) -> str:
    what = f"{type(error).__name__}: {error}"
    return f"{what}; run manage.py migrate" if store.has_no_tables(error) else what
