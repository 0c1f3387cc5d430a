"""Makes one record, and one exit code, of those of a run's shards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_probe.outcomes import ENDED_EXIT_CODES, ExitCode, Outcome
from django_probe.results import ProbeResult, ProbeRun
from django_probe.sharding.shards import disagreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PRECEDENCE: Final = (
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
    ExitCode.SIGHUP,
    ExitCode.DEADLINE,
    ExitCode.CLOSED,
    ExitCode.NOTHING_RAN,
)


def exit_code_of(codes: Iterable[int]) -> int:
    """Return the exit code of a run whose shards have these: 0 if all have, else the first that applies."""
    given = set(codes)
    closing = [*(code for code in _PRECEDENCE if code in given), *sorted(given - set(_PRECEDENCE), reverse=True)]
    return int(closing[0]) if closing else ExitCode.PASSED


def together(shards: Sequence[ProbeRun]) -> ProbeRun:
    """Return the record of a run from those of its shards: as strict as the strictest of them.

    Shards that saw different selections make it one error more, which closes the gate.
    """
    if len(shards) == 1:
        return shards[0]
    differ = disagreement((shard.shard or "", shard.selection) for shard in shards)
    wrong = [ProbeResult("run", Outcome.ERROR, message=differ)] if differ else []
    code = exit_code_of([*(shard.exit_code for shard in shards), *(ExitCode.CLOSED for _ in wrong)])
    first = shards[0]
    whole = replace(
        first,
        host=", ".join(dict.fromkeys(shard.host for shard in shards if shard.host)),
        shard=None,
        started_at=min(shard.started_at for shard in shards),
        finished_at=max(shard.finished_at for shard in shards),
        selected=max(shard.selected for shard in shards),
        selection=None if differ else next((shard.selection for shard in shards if shard.selection), None),
        results=(*(result for shard in shards for result in shard.results), *wrong),
        allow_empty=all(shard.allow_empty for shard in shards),
        ended_by=next((by for by, ends in ENDED_EXIT_CODES.items() if ends == code), None),
        stricter_exit_code=0,
    )
    return whole.judged(code)
