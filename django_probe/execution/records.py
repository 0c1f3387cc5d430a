"""Makes the record of a run: of what its probes came to, and where they came to nothing, of why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django_probe.execution.failures import one_line
from django_probe.execution.secrets.redaction import Redactor
from django_probe.outcomes import EndedBy, Outcome, finite
from django_probe.process.environment import environment
from django_probe.process.originals import Original
from django_probe.results import ProbeResult, ProbeRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django_probe.execution.session import Session
    from django_probe.sharding.shards import Shard


class Records(NamedTuple):
    """Makes the records of a run, of what is known from its start; `clock` is when it began on the monotonic clock."""

    id: str
    gate: str
    shard: Shard | None
    began: datetime
    clock: float
    allow_empty: bool

    def of(
        self, session: Session | None = None, results: Sequence[ProbeResult] = (), ended_by: EndedBy | None = None
    ) -> ProbeRun:
        """Return the record of a run that ends now; without a session nothing was loaded."""
        return ProbeRun(
            id=self.id,
            gate=self.gate,
            release=environment("PROBE_RELEASE") or None,
            host=Original.gethostname(),
            shard=str(self.shard) if self.shard else None,
            started_at=self.began,
            finished_at=self.began + timedelta(seconds=finite(Original.monotonic() - self.clock)),
            selected=session.total if session else 0,
            selection=(session.digest or None) if session else None,
            results=tuple(results),
            allow_empty=self.allow_empty,
            ended_by=ended_by,
        )

    @staticmethod
    def broken(message: str, details: str) -> ProbeResult:
        """Return the error of what ran the probes, redacted."""
        redact = Redactor()
        return ProbeResult("runner", Outcome.ERROR, message=redact(one_line(message)), details=redact(details))

    @staticmethod
    def whole(run: object, session: Session) -> ProbeRun:
        """Return a record with an error for each selected probe that an override left out, and what ended the run.

        Raise TypeError where an override gave no record.
        """
        if not isinstance(run, ProbeRun):
            raise TypeError(f"run_suite() gave {run!r}, not a ProbeRun")
        heard = {result.label for result in run.results}
        lost = [
            ProbeResult(
                probe.label,
                Outcome.ERROR,
                blocking=probe.blocking,
                message="run_suite() of the team's own runner gave no result for it",
            )
            for probe in session.selected
            if probe.label not in heard
        ]
        ended_by = run.ended_by or (session.ran[1] if session.ran else None)
        return replace(run, results=(*run.results, *lost), ended_by=ended_by, selection=session.digest or None)

    @staticmethod
    def ended(run: ProbeRun, by: EndedBy | None) -> ProbeRun:
        """Return the record as one that a signal ended, where one came."""
        return replace(run, ended_by=by) if by and run.ended_by in (None, EndedBy.FAILFAST) else run

    @staticmethod
    def known(run: object) -> ProbeRun | None:
        """Return what is a record; None for anything else that a team's own runner may have."""
        return run if isinstance(run, ProbeRun) else None
