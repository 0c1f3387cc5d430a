"""What has to be run, what was said of it, and what became of it: the judge's book, without processes.

Probes that share fixtures are one unit of work, every other probe is one by itself. An attempt that is a problem goes
back on the list while the probe has retries left, for a worker that ran nothing yet: what the first attempt changed in
its process, the instance of the test included, is not there. Once a probe had a problem, only a pass takes it back.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import replace
from datetime import UTC
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from django_probe.execution.failures import one_line
from django_probe.execution.judge.processes.output import ending
from django_probe.execution.judge.retried import MOST_EARLIER, after
from django_probe.execution.judge.room import Room, RoomForAttachments
from django_probe.execution.judge.work import Attempt, Unit
from django_probe.outcomes import PROBLEMS, EndedBy, Outcome
from django_probe.process.originals import Original
from django_probe.results import Earlier, ProbeResult
from django_probe.terms import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from django_probe.attachments import Attachment
    from django_probe.execution.judge.selected import Selected
    from django_probe.terms import About


class _History:
    """The attempts of a probe that is tried again: all, or of very many the first ones and the last."""

    def __init__(self, began: float | None) -> None:
        self.tried: list[Attempt] = []
        self.began = began
        self.attempts = 0
        self.duration = 0.0

    def add(self, attempt: Attempt) -> None:
        """Take one more."""
        if len(self.tried) > MOST_EARLIER:
            self.tried.pop()
        self.tried.append(attempt)
        self.attempts += 1
        self.duration += attempt.duration


class Ledger:
    """Gives out units, takes attempts, keeps results.

    `retry_delay` is in seconds; `redact` is applied to all that came from probes; `ended` is told each result. With
    `isolated` every unit, and not only a retry, is for a worker that ran nothing yet.
    """

    def __init__(
        self,
        selected: Sequence[Selected],
        retry_delay: float,
        redact: Callable[[str], str],
        ended: Callable[[ProbeResult], None],
        *,
        isolated: bool = False,
    ) -> None:
        self.results: dict[int, ProbeResult] = {}
        self._selected = selected
        self._retry_delay = retry_delay
        self._redact = redact
        self._redact_again = cache(redact)  # for what many probes have in common
        self._ended = ended
        self._room = Room()
        self._room_for_tried = Room()
        self._room_for_attachments = RoomForAttachments(redact)
        self._extras: list[ProbeResult] = []
        self._delayed: list[tuple[float, int, Unit]] = []
        self._again: dict[str, list[int]] = {}
        self._histories: dict[int, _History] = {}
        self._order = count()
        units = [self._unit(indices, fresh=isolated) for indices in self._works()]
        self._fresh = deque(unit for unit in units if unit.fresh)
        self._pending = deque(unit for unit in units if not unit.fresh)

    def _works(self) -> list[list[int]]:
        """Close what was judged while loading, and give the rest: what shares fixtures together."""
        groups: dict[str, list[int]] = {}
        works: list[list[int]] = []
        for index, probe in enumerate(self._selected):
            if probe.verdict:
                self._close(index, _owed(probe, Attempt(*probe.verdict)))
            elif probe.fixtures in groups:
                groups[probe.fixtures].append(index)
            else:
                works.append([index])
                if probe.fixtures is not None:
                    groups[probe.fixtures] = works[-1]
        return works

    @property
    def waiting(self) -> int:
        """How many units could be given out now."""
        return len(self._pending) + len(self._fresh)

    @property
    def waiting_fresh(self) -> int:
        """How many of the waiting units are for workers that ran nothing yet."""
        return len(self._fresh)

    @property
    def next_retry(self) -> float | None:
        """When the next retry is due, on the monotonic clock."""
        return self._delayed[0][0] if self._delayed else None

    def label(self, index: int) -> str:
        """Return the label of a probe, nothing for an index that no probe has."""
        return self._selected[index].label if 0 <= index < len(self._selected) else ""

    def take(self, most: int, *, idle: bool, unused: bool) -> list[Unit]:
        """Return the next units for a worker, `most` at the most.

        One that is fresh, and one with fixtures, goes alone: the first to an `unused` worker, the second to an `idle`
        one.
        """
        if unused and self._fresh:
            return [self._fresh.popleft()]
        taken: list[Unit] = []
        while self._pending and len(taken) < most:
            if self._pending[0].fixtures is not None:
                return taken or ([self._pending.popleft()] if idle else [])
            taken.append(self._pending.popleft())
        return taken

    def wake(self, now: float) -> None:
        """Let the retries that are due by `now` wait for a worker."""
        while self._delayed and self._delayed[0][0] <= now:
            self._fresh.append(heapq.heappop(self._delayed)[2])

    def give_back(self, units: Iterable[Unit]) -> None:
        """Take back, to be given out first, what a worker did not come to run."""
        for unit in reversed([unit for unit in units if unit.probes]):
            (self._fresh if unit.fresh else self._pending).appendleft(unit)

    def give_up(self, attempt: Attempt) -> None:
        """Record `attempt` for all that still waits: nobody is there to run it."""
        self.wake(float("inf"))
        for index in [index for unit in (*self._pending, *self._fresh) for index in unit.probes]:
            self._close(index, replace(attempt))
        self._pending.clear()
        self._fresh.clear()

    def record(self, index: int, attempt: Attempt, now: float) -> None:
        """Take an attempt: a problem is tried again while the probe has retries left, else it is the result.

        A retry that does not pass, because it skips, is one more attempt of a probe that has a problem.
        """
        probe = self._selected[index]
        attempt = _owed(probe, attempt)
        history = self._histories.get(index)
        stands = attempt.outcome in PROBLEMS or (history is not None and attempt.outcome is not Outcome.PASSED)
        if stands and probe.retries > (history.attempts if history else 0):
            attempt.details = self._room_for_tried(attempt.details)
            attempt.output = self._room_for_tried(attempt.output)
            attempt.logs = self._room_for_tried(attempt.logs)
            attempt.attachments = self._attached(attempt, is_problem=True)
            if history is None:
                history = self._histories[index] = _History(attempt.began)
            history.add(attempt)
            if probe.fixtures is None:
                self._retry([index], now)
            else:
                self._again.setdefault(probe.fixtures, []).append(index)
            return
        self._close(index, attempt)

    def unit_done(self, unit: Unit, now: float) -> None:
        """Take the end of a unit with fixtures: its problems are tried again together."""
        if unit.fixtures and (again := self._again.pop(unit.fixtures, None)):
            self._retry(again, now)

    def add(self, label: str, attempt: Attempt, *, blocking: bool = True) -> None:
        """Keep a result of what is no probe, as a tearDownClass that failed."""
        result = self._result(label, attempt, blocking=blocking)
        self._extras.append(result)
        self._ended(result)

    def finish(self, ended_by: EndedBy | None) -> tuple[ProbeResult, ...]:
        """Return every result in the order of the selection; what has none was not run."""
        why = f"not run: {ended_by or 'the run'} ended the run first"
        for index in range(len(self._selected)):
            if index not in self.results:
                history = self._histories.get(index)
                if history:  # it was waiting for its retry: what it did still counts
                    self._close(index, history.tried.pop(), more_attempts=0)
                else:
                    self._close(index, Attempt(Outcome.NOT_RUN, why), more_attempts=0)
        return (*(self.results[index] for index in range(len(self._selected))), *self._extras)

    def _retry(self, indices: list[int], now: float) -> None:
        heapq.heappush(self._delayed, (now + self._retry_delay, next(self._order), self._unit(indices, fresh=True)))

    def _unit(self, indices: list[int], *, fresh: bool) -> Unit:
        probes = [self._selected[index] for index in indices]
        return Unit(
            [*indices],
            probes[0].fixtures,
            timeout=max(probe.timeout for probe in probes),
            blocking=any(probe.blocking for probe in probes),
            fresh=fresh,
        )

    def _close(self, index: int, attempt: Attempt, more_attempts: int = 1) -> None:
        probe = self._selected[index]
        history = self._histories.pop(index, None) or _History(attempt.began)
        attempts = history.attempts + more_attempts
        if history.tried:
            attempt = after(history.tried, attempt)
        result = self._result(
            probe.label,
            attempt,
            blocking=probe.blocking,
            tags=tuple(map(self._redact_again, probe.tags)),
            attempts=attempts,
            began=history.began,
            duration=history.duration + (attempt.duration if more_attempts else 0.0),
            tried=history.tried[:MOST_EARLIER],
            about=probe.about,
        )
        self.results[index] = result
        self._ended(result)

    def _result(
        self,
        label: str,
        attempt: Attempt,
        *,
        tried: Sequence[Attempt] = (),
        about: About = UNKNOWN,
        **more: Any,
    ) -> ProbeResult:
        began = more.pop("began", attempt.began)
        return ProbeResult(
            label=label,
            outcome=attempt.outcome,
            started_at=_moment(began) if began is not None else None,
            duration=round(more.pop("duration", attempt.duration), 6),
            message=self._redact(attempt.message),
            details=self._room(self._redact(attempt.details)),
            output=self._room(ending(self._redact(attempt.output))) if attempt.outcome in PROBLEMS else "",
            logs=self._room(self._redact(attempt.logs)),
            attachments=self._attachments(tried, attempt),
            earlier=tuple(self._earlier(each) for each in tried),
            **self._known(about),
            **more,
        )

    def _attachments(self, tried: Sequence[Attempt], last: Attempt) -> tuple[Attachment, ...]:
        """Return what all attempts attached; of those before the last there is what there was room for already."""
        kept = [
            replace(each, name=f"attempt {number}: {each.name}")
            for number, attempt in enumerate(tried, 1)
            if attempt is not last
            for each in attempt.attachments
        ]
        return (*kept, *self._attached(last, is_problem=last.outcome in PROBLEMS))

    def _attached(self, attempt: Attempt, *, is_problem: bool) -> tuple[Attachment, ...]:
        if not attempt.attachments:
            return ()
        return self._room_for_attachments(attempt.attachments, is_problem=is_problem)

    def _earlier(self, attempt: Attempt) -> Earlier:
        story = self._room(self._redact(attempt.details))
        return Earlier(attempt.outcome, self._redact(attempt.message), story)

    def _known(self, about: About) -> dict[str, Any]:
        known = about._asdict().items()
        return {key: self._redact_again(said) if isinstance(said, str) else said for key, said in known}


def _owed(probe: Selected, attempt: Attempt) -> Attempt:
    """Return the attempt; of a probe that is required a skip is an error, with the skip's own reason."""
    if probe.required and attempt.outcome is Outcome.SKIPPED:
        return replace(attempt, outcome=Outcome.ERROR, message=one_line(f"required, but it skipped: {attempt.message}"))
    return attempt


def _moment(began: float) -> datetime:
    """Return a Unix time as a record has it: now, where a probe left a clock that gives no time."""
    try:
        return Original.fromtimestamp(began, UTC)
    except (OverflowError, ValueError, OSError):
        return Original.now(UTC)
