"""Several shards make one record, as strict as the strictest of them."""

from __future__ import annotations

from datetime import UTC, datetime

from django_probe.results import EndedBy, ProbeResult, ProbeRun
from django_probe.sharding.sharded import together
from django_probe.sharding.shards import disagreement

STARTED = datetime(2026, 11, 23, 10, tzinfo=UTC)
PASSED = (ProbeResult("shop.TestX.test_0", "passed"),)


def shard(name, *given, **values):
    """Return the record of a shard."""
    values = {"selected": len(given), "selection": "aa", **values}
    return ProbeRun("6f0c", "deploy", STARTED, STARTED, results=given, shard=name, **values)


def test_together__refuses_shards_that_saw_different_selections():
    """What one shard leaves to another may have run in none: an error that closes, and names the shards."""
    whole = together([shard("0/3", *PASSED), shard("1/3", *PASSED, selection="bb"), shard("2/3", *PASSED)])

    assert (whole.exit_code, whole.selection) == (1, None)
    (error,) = whole.problems
    assert error.blocking
    assert error.message.startswith("the shards saw different selections (0/3, 2/3; 1/3), so that some probes may ")
    assert together([shard("0/2", *PASSED, selection="bb"), shard("1/2", ended_by=EndedBy.DEADLINE)]).exit_code == 3


def test_together__takes_shards_that_saw_the_same():
    """One whose selection is not known is of an older release, or closes the gate by itself."""
    whole = together([shard("0/2", *PASSED), shard("1/2", *PASSED)])

    assert (whole.exit_code, whole.selection) == (0, "aa")
    assert together([shard("0/2", *PASSED), shard("1/2", *PASSED, selection=None)]).exit_code == 0
    assert disagreement([]) == disagreement([("0/2", None), ("1/2", "aa")]) == ""
