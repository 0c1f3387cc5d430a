"""What the store writes, one process or many at a time, on SQLite and on PostgreSQL behind a pooler."""

from __future__ import annotations

import re

from tests.history.recorded import ask, probe

# Sixteen processes that have nothing open yet and start at the same moment; each says what it got.
RACE = """
connections.close_all()
start_read, start_write = os.pipe()
said_read, said_write = os.pipe()
for number in range(16):
    if not os.fork():
        os.close(start_write)
        os.read(start_read, 1)
        try:
            busy = store.prepare("race", f"run-{number:02}")
            said = busy and busy.id
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        os.write(said_write, (json.dumps([f"run-{number:02}", said]) + "\\n").encode())
        os._exit(0)
os.close(start_write)
os.close(said_write)
said = [json.loads(line) for line in os.fdopen(said_read)]
for _ in said:
    os.wait()
told(said=said, rows=list(Run.objects.filter(gate="race").values_list("run_id", "lease", "trigger")))
"""


def test_prepare__lets_one_of_many_processes_start(kept):
    """Sixteen processes ask at once for the lease of a gate: one has it, and the others learn which run that is."""
    got = ask(kept, RACE)
    (winner,) = [run for run, held_by in got["said"] if held_by is None]
    assert len(got["said"]) == 16
    assert [held_by for _, held_by in got["said"] if held_by is not None] == [winner] * 15
    assert got["rows"] == [[winner, "race", "http"]]


def test_prepare__takes_the_lease_of_a_dead_holder(kept):
    """A lease is held for as long as its run is heard of: not for a moment longer than 30 s of silence."""
    got = ask(
        kept,
        """
        def prepare(run):
            busy = store.prepare("lease", run)
            return busy and busy.id

        said = [prepare("first"), prepare("second")]
        back(25, run_id="first")
        said.append(prepare("third"))
        back(31, run_id="first")
        said.append(prepare("fourth"))
        said.append(prepare("fifth"))
        told(said=said, leases=list(Run.objects.filter(gate="lease").order_by("pk").values_list("run_id", "lease")))
        """,
    )
    assert got["said"] == [None, "first", "first", None, "fourth"]
    assert got["leases"] == [["first", None], ["fourth", "lease"]]


def test_lease__is_free_when_its_run_ends(kept):
    """The command of a POST's run takes the row that was prepared for it, and ends with the lease given back."""
    prepared = 'told(said=store.prepare("deploy", "by-http", ["shop"], narrowed=True))'
    assert ask(kept, prepared) == {"said": None}
    probe(kept, 0, "--gate", "deploy", "--", "shop", PROBE_RUN_ID="by-http", PROBE_TRIGGER="http")
    got = ask(
        kept,
        """
        rows = list(Run.objects.filter(run_id="by-http").values("lease", "trigger", "labels", "narrowed", "exit_code"))
        told(rows=rows, again=store.prepare("deploy", "the-next"))
        """,
    )
    assert got["rows"] == [{"lease": None, "trigger": "http", "labels": ["shop"], "narrowed": True, "exit_code": 0}]
    assert got["again"] is None


def test_refused_run__closes_and_says_why(kept):
    """What a POST prepared and the command then refused is a run that failed, with the reason; its lease is free."""
    assert ask(kept, 'told(said=store.prepare("other", "refused"))') == {"said": None}
    done = probe(kept, 2, "--gate", "other", "--", "nowhere", PROBE_RUN_ID="refused", PROBE_TRIGGER="http")
    assert "nowhere" in done.err
    got = ask(
        kept,
        """
        run = runs.find("refused")
        told(run=summary(run), why=[each.message for each in records.of(run).results],
             lease=store.prepare("other", "next"))
        """,
    )
    assert (got["run"]["state"], got["run"]["passed"], got["lease"]) == ("finished", False, None)
    assert "nowhere" in got["why"][0]


def test_finish__is_the_same_twice(kept):
    """A record that is written a second time, since nobody heard that the first went well, is there once."""
    got = ask(
        kept,
        """
        now = datetime(2026, 11, 23, 10, tzinfo=UTC)
        known = dict(tags=("smoke",), attempts=2, earlier=(Earlier("timeout", "it hung", "Where it hung: ..."),),
                     title="Sells", owner="shop", runbook="https://runbooks.example", file="shop/probes.py", line=7,
                     attachments=(Attachment("a", "text/plain", 9, "<p>"), Attachment("b", "image/png", 2, b"\\x00")))
        results = tuple(ProbeResult(f"shop.T.test_{n}", Outcome.PASSED, started_at=now, duration=0.5,
                                    **(known if n % 2 else {}))
                        for n in range(1100))
        run = ProbeRun("twice", "deploy", now, now + timedelta(seconds=3), 1100, results)
        key = store.begin(run, trigger="", labels=(), narrowed=False)
        def rows():
            return (list(Run.objects.filter(pk=key).values_list("exit_code", "counts", "total", "done", "reason")),
                    list(Result.objects.filter(run=key).order_by("pk").values_list("label", "outcome", "duration")))
        store.finish(key, run)
        once = rows()
        store.finish(key, run)
        told(same=once == rows(), many=len(once[1]), record=records.of(runs.find("twice")) == run)
        """,
    )
    assert got == {"same": True, "many": 1100, "record": True}


HOSTILE = r"""
import os, sys, unittest
from django.test import tag
from django_probe import probe
from django_probe.assertions import ProbeAssertions
from django_probe.terms import Wishes

class TestHostile(ProbeAssertions, unittest.TestCase):
    @tag("a\x00tag")
    @probe(retries=1)
    def test_says_it(self):
        sys.stdout.write("out \x00 \x1b[31m ")
        sys.stdout.flush()
        os.write(1, b"raw \x00 \xff")
        self.attach("n\x00me", "NUL \x00 and \udcff")
        self.attach("bytes", b"\x00\xff")
        with self.subTest(name="sub\x00\ud800"):
            self.fail("NUL \x00, a lone surrogate \udcff, \ufffe")
    test_says_it.__probe_wishes__ = test_says_it.__probe_wishes__.over(Wishes(owner="o\udcffwner"))
"""


def test_hostile_text__loses_no_record(kept):
    """NUL bytes and lone surrogates, in what a probe says or the environment names, arrive as visible escapes."""
    kept.app("hostile", HOSTILE)
    named = {"PROBE_RUN_ID": "hostile\udcff", "PROBE_RELEASE": "v1\udc80" + "long" * 100, "PROBE_TRIGGER": "t" * 300}
    done = probe(kept, 1, "hostile", **named)
    assert "history" not in done.err
    got = ask(
        kept,
        r"""
        run = runs.find(r"hostile\udcff")
        (result,) = records.of(run).results
        told(release=run.release, message=result.message, output=result.output, tags=result.tags,
             owner=result.owner, attached=[each.as_dict() for each in result.attachments[2:]],
             earlier=[attempt.message for attempt in result.earlier])
        """,
    )
    assert got["release"].startswith(r"v1\udc80longlong")
    assert r"NUL \x00, a lone surrogate \udcff" in got["message"]
    assert r"out \x00 \x1b[31m" in got["output"]
    assert got["tags"] == [r"a\x00tag"]
    assert got["owner"] == r"o\udcffwner"
    assert got["attached"] == [
        {"name": r"n\x00me", "type": "text/plain", "size": 13, "content": r"NUL \x00 and \udcff"},
        {"name": "bytes", "type": "application/octet-stream", "size": 2, "base64": "AP8="},
    ]
    assert r"NUL \x00, a lone" in got["earlier"][0]


def test_rows_of_a_release_before__are_read(kept):
    """Their columns of what the record had not then are null."""
    got = ask(
        kept,
        """
        now = datetime(2026, 11, 23, 10, tzinfo=UTC)
        result = ProbeResult("shop.T.test_it", Outcome.FAILED, message="402 != 200", started_at=now)
        run = ProbeRun("old", "deploy", now, now + timedelta(seconds=3), 1, (result,))
        key = store.begin(run, trigger="", labels=(), narrowed=False)
        store.finish(key, run)
        Result.objects.filter(run=key).update(earlier=None, attachments=None)
        told(same=records.of(runs.find("old")) == run)
        """,
    )
    assert got == {"same": True}


def test_shards__are_one_run(kept):
    """Shards of one run id are judged together: the record of all has the results of each, and is as strict."""
    for shard, code in (("0/2", 1), ("1/2", 0)):
        broken = {"BROKEN": "1"} if code else {}
        probe(kept, code, "--gate", "deploy", "--shard", shard, PROBE_RUN_ID="sharded", **broken)
    got = ask(
        kept,
        """
        run = runs.find("sharded")
        record = records.of(run)
        told(run=summary(run), labels=sorted(each.label for each in record.results), code=record.exit_code)
        """,
    )
    assert (got["run"]["state"], got["run"]["exit_code"], got["code"]) == ("finished", 1, 1)
    assert got["labels"] == ["shop.TestShop.test_opens", "shop.TestShop.test_sells"]
    assert re.fullmatch(r"shard ./2: 1 blocking probe did not pass", got["run"]["reason"])


def test_shard_that_never_reported__counts_against_the_run(kept):
    """While others may still come the run goes on; when nothing was heard for 30 s the missing shard closes it."""
    probe(kept, 0, "--gate", "deploy", "--shard", "0/3", "--allow-empty", PROBE_RUN_ID="missing")
    got = ask(
        kept,
        """
        waiting = summary(runs.find("missing"))
        back(31, run_id="missing")
        lost = runs.find("missing")
        unheard = [each.label for each in records.of(lost).results if "no process reported" in each.message]
        told(waiting=waiting, lost=summary(lost), unheard=unheard, code=records.of(lost).exit_code)
        """,
    )
    assert (got["waiting"]["state"], got["waiting"]["passed"]) == ("running", None)
    assert (got["lost"]["state"], got["lost"]["passed"], got["lost"]["exit_code"]) == ("lost", False, 1)
    assert got["lost"]["missing"] == ["1/3", "2/3"]
    assert got["unheard"] == ["shard 1/3", "shard 2/3"]
    assert got["code"] == 1


def test_shard_of_a_slip__is_no_burden(kept):
    """Zeros too many in `--shard` close the run, as any missing shard does, and whoever looks need not wait."""
    probe(kept, 0, "--gate", "deploy", "--shard", "0/1000000000", "--allow-empty", PROBE_RUN_ID="slip")
    got = ask(
        kept,
        """
        back(31, run_id="slip")
        began = time.monotonic()
        run = runs.find("slip")
        told(passed=[run.passed, records.of(run).passed], seconds=time.monotonic() - began)
        """,
    )
    assert got["passed"] == [False, False]
    assert got["seconds"] < 5
