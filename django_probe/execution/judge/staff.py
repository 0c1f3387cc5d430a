"""How many workers there are, and which of them gets which work.

A worker runs many units, one after the other, and some are run only by one that ran nothing yet. With
`isolation: process` each worker runs one unit alone, and those for the next are forked while it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_probe.execution.judge.processes.worker_handle import DESCRIPTORS, Stage
from django_probe.execution.system import linux

if TYPE_CHECKING:
    from django_probe.execution.judge.ledger import Ledger
    from django_probe.execution.judge.processes.worker_handle import WorkerHandle

_OTHERS: Final = 32  # descriptors that are not workers': reports, what a worker gets while it is forked
_A_PLACE: Final = 3  # workers for each that may run, with `isolation: process`: one runs, one waits, one ends
_HURRY: Final = 16  # how far ahead a worker is given work when its probes take next to no time
QUIET: Final = (Stage.STARTING, Stage.SERVING)
"""The stages of a worker in which nothing is wrong with it."""


class Staff:
    """The workers of one run, in `handles`; at most `parallel` of them run something at the same time."""

    def __init__(self, ledger: Ledger, parallel: int, *, isolated: bool) -> None:
        self.handles: list[WorkerHandle] = []
        self._ledger = ledger
        self._isolated = isolated
        each = DESCRIPTORS * (_A_PLACE if isolated else 1)
        room = linux.room_for(parallel * each + _OTHERS)
        self._parallel = max(1, min(parallel, (room - _OTHERS) // each))

    def wanted(self, now: float) -> int:
        """Return how many workers to fork now."""
        return self._wanted_ahead() if self._isolated else self._wanted_shared(now)

    @property
    def is_hurried(self) -> bool:
        """Whether some worker's probes take next to no time."""
        return any(handle.ahead >= _HURRY for handle in self.handles)

    @property
    def _hired(self) -> list[WorkerHandle]:
        """Those who have a place: a worker keeps it until it has said goodbye or was killed."""
        return [handle for handle in self.handles if handle.stage is not Stage.KILLED and not handle.left]

    def _wanted_shared(self, now: float) -> int:
        """Return how many workers to fork; where one that ran nothing yet lacks a place, an idle one makes room."""
        hired = self._hired
        idle = [handle for handle in hired if not handle.units and handle.stage in QUIET]
        used = [handle for handle in idle if handle.used]
        fresh = self._ledger.waiting_fresh - (len(idle) - len(used))
        others = self._ledger.waiting - self._ledger.waiting_fresh
        wanted = min(self._parallel - len(hired), max(0, fresh) + max(0, others - len(used) - max(0, -fresh)))
        if not others:
            leaving = sum(handle.stage is Stage.LEAVING for handle in hired)
            for handle in used[: max(0, fresh - max(0, wanted) - leaving)]:
                handle.hang_up(now)
        return wanted

    def _wanted_ahead(self) -> int:
        """Return how many workers to fork where each runs one unit: they are made while those before them run."""
        unused = sum(not handle.used for handle in self._hired)
        room = self._parallel * _A_PLACE - len(self.handles)
        return min(room, min(self._ledger.waiting, self._parallel + self._free_places()) - unused)

    def _free_places(self) -> int:
        return self._parallel - sum(handle.used for handle in self._hired)

    def feed(self, now: float) -> None:
        """Give work to whoever may have it, and let workers go that have done theirs."""
        places = self._free_places() if self._isolated else len(self.handles)
        for handle in self.handles:
            given = len(handle.units)
            if not handle.free or (given and (given > handle.ahead // 2 or handle.units[0].fixtures)):
                continue
            if self._isolated and handle.used:
                handle.hang_up(now)
                continue
            share = max(1, self._ledger.waiting // self._parallel)
            most = min(handle.ahead - given, share)
            if places > 0 and (units := self._ledger.take(most, idle=not given, unused=not handle.used)):
                handle.give(units, now)
                places -= 1
