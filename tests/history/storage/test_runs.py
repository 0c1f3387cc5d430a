"""Runs as they are read: all shards of one together, whoever wrote in between, and as strict as the strictest."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from junitparser import JUnitXml

from tests.history.recorded import ask
from tests.history.serving import VIEW, new_site
from tests.projects import migrated

# A row as a process leaves it: `say(id, shard, "shop.T.a=passed", ...)`; without results it goes on, or died.
SAY = """
def say(run_id, shard=None, *ended, gate="deploy", by=None, stricter=0, narrowed=False, total=2, selection=None):
    now = datetime.now(UTC)
    results = tuple(ProbeResult(*pair.split("=")[:1], Outcome(pair.split("=")[1])) for pair in ended)
    run = ProbeRun(run_id, gate, now - timedelta(seconds=2), now, total, results, shard=shard,
                   ended_by=by and EndedBy(by), stricter_exit_code=stricter, selection=selection)
    key = store.begin(run, trigger="hook", labels=["shop"] if narrowed else [], narrowed=narrowed)
    if ended:
        store.finish(key, run)
    return key
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with tables; each test has a gate of its own."""
    return migrated(new_site(tmp_path_factory.mktemp("runs")))


@pytest.mark.parametrize(
    ("first", "second", "code", "reason"),
    [
        ('"a=passed"', '"b=skipped"', 5, "shard 1/2: every probe that was selected skipped itself: nothing was proved"),
        ('"a=failed"', '"b=not_run", by="deadline"', 3, "shard 1/2: the deadline ended the run"),
        ('"a=failed"', '"b=passed", stricter=7', 1, "shard 0/2: 1 blocking probe did not pass"),
        ('"a=passed"', '"b=passed", stricter=7', 7, "shard 1/2: suite_result() of the team's own runner asked"),
        ('"a=passed"', '"b=passed"', 0, "every blocking probe passed"),
    ],
)
def test_shards__are_as_strict_as_the_strictest(site, first, second, code, reason):
    """Summary and record say the same code, and why; one of two that only skipped is enough to prove nothing."""
    run = f"codes{code}{'t' if 'stricter' in second else ''}"
    got = ask(
        site,
        SAY + f'say("{run}", "0/2", {first}); say("{run}", "1/2", {second}); run = runs.find("{run}")\n'
        "told(run=summary(run), code=records.of(run).exit_code, passed=records.of(run).passed)",
    )
    assert (got["run"]["state"], got["run"]["exit_code"], got["code"]) == ("finished", code, code)
    assert (got["run"]["passed"], got["passed"]) == (code == 0, code == 0)
    assert got["run"]["reason"].startswith(reason)


def test_shards__that_saw_different_selections_did_not_pass(site):
    """Summary, record and the gate's past say so; one that is not known, of an older release, is no other."""
    got = ask(
        site,
        SAY
        + dedent("""
        say("differ", "0/2", "a=passed", selection="aa")
        say("differ", "1/2", "b=passed", selection="bb")
        say("alike", "0/2", "a=passed", selection="aa")
        say("alike", "1/2", "b=passed")
        run, alike = runs.find("differ"), runs.find("alike")
        gates = [Run.objects.filter(run_id=each.id) for each in (run, alike)]
        told(run=summary(run), code=records.of(run).exit_code, message=records.of(run).problems[0].message,
             alike=summary(alike)["exit_code"], passed=[[each[1] for each in runs.ended(rows)] for rows in gates])
        """),
    )
    said = "the shards saw different selections (0/2; 1/2), so that some probes may have run in none of them"
    assert (got["run"]["exit_code"], got["code"], got["run"]["counts"]["error"]) == (1, 1, 1)
    assert got["run"]["reason"].startswith(said)
    assert got["message"].startswith(said)
    assert (got["alike"], got["passed"]) == (0, [[False], [True]])


def test_second_attempt__takes_the_place_of_the_first(site):
    """A Job's retry has the run's id and shard: what it says counts, also where the first says something after it."""
    got = ask(
        site,
        SAY
        + dedent("""
        say("again", "0/2", "a=failed")
        first = say("again", "1/2")
        closed = summary(runs.find("again"))
        second = say("again", "1/2", "b=passed")
        half = summary(runs.find("again"))
        say("again", "0/2", "a=passed")
        opened = summary(runs.find("again"))
        store.beat(first, total=2, done=2, problems=2)
        told(closed=closed, half=half, opened=opened, last=summary(runs.find("again")),
             labels=[each.label for each in records.of(runs.find("again")).results])
        """),
    )
    assert [got[when]["state"] for when in ("closed", "half", "opened", "last")] == ["running", *["finished"] * 3]
    assert [got[when]["passed"] for when in ("closed", "half", "opened", "last")] == [None, False, True, True]
    assert got["labels"] == ["a", "b"]


def test_shard_that_comes_late__is_waited_for_again(site):
    """A pod that found no node for a while: the run was lost, goes on, and has a verdict in the end."""
    got = ask(
        site,
        SAY
        + dedent("""
        say("late", "0/2", "a=passed", gate="late")
        back(31, run_id="late")
        lost = [summary(runs.find("late")), summary(runs.verdict("late"))]
        key = say("late", "1/2", gate="late")
        going = [summary(runs.find("late")), summary(runs.verdict("late"))]
        Run.objects.filter(pk=key).delete()
        say("late", "1/2", "b=passed", gate="late")
        told(lost=lost, going=going, ended=[summary(runs.find("late")), summary(runs.verdict("late"))])
        """),
    )
    assert [each["exit_code"] for each in got["lost"]] == [1, 1]
    assert got["lost"][0]["reason"] == "no process reported of shard 1/2"
    assert (got["going"][0]["state"], got["going"][1]) == ("running", None)
    assert [each["passed"] for each in got["ended"]] == [True, True]


def test_runs__that_are_interleaved_are_told_apart(site):
    """Rows of two runs and of another gate in between: the latest first, each with its own, and the gate's verdict."""
    got = ask(
        site,
        SAY
        + dedent("""
        for shard, one, two in (("0/2", "failed", "passed"), ("1/2", "passed", "passed")):
            say("one", shard, f"a{shard}={one}", gate="mixed")
            say("two", shard, f"a{shard}={two}", gate="mixed")
            say("two-of-another", None, "a=failed", gate="another")
        say("part", None, "a=failed", gate="mixed", narrowed=True)
        say("going", None, gate="mixed")
        recent = [[run.id, run.state, run.passed, len(run.parts)] for run in runs.recent("mixed", 10)]
        told(recent=recent, two=[run.id for run in runs.recent("mixed", 2)], verdict=runs.verdict("mixed").id,
             newest=runs.newest("mixed"), gates="mixed" in runs.gates(),
             before=[run.id for run in runs.recent("mixed", 9, before=runs.find("two").parts[0].key)])
        """),
    )
    assert got["recent"] == [
        ["going", "running", None, 1],
        ["part", "finished", False, 1],
        ["two", "finished", True, 2],
        ["one", "finished", False, 2],
    ]
    assert got["two"] == ["going", "part"]
    assert (got["verdict"], got["newest"], got["before"]) == ("two", "going", ["one"])


def test_runs__of_two_gates_that_share_an_id_are_both_there(site):
    """What a CI calls its pipeline may name a run of each gate: each gate's page leads to its own."""
    code = f"""
    from django.test import Client
    bearer = Client(headers={{"host": "localhost", "authorization": "Bearer {VIEW}"}})
    say("ci/7", None, "a=failed", gate="first")
    say("ci/7", None, "b=passed", gate="second")
    links = {{}}
    for gate in ("first", "second"):
        page = bearer.get(f"/probe/gates/{{gate}}/?format=html").content.decode()
        links[gate] = sorted(set(re.findall(r'/probe/runs/[^"?]+', page)))
    told(links=links, first=bearer.get(links["first"][0]).json()["gate"], plain=runs.find("ci/7").gate)
    """
    got = ask(site, "import re\n" + SAY + dedent(code))
    assert got["links"] == {gate: [f"/probe/runs/ci%2F7@{gate}/"] for gate in ("first", "second")}
    assert (got["first"], got["plain"]) == ("first", "second")


def test_lost_run__is_told_in_every_format(site):
    """JSON, JUnit and Markdown of it have an error that says so: what is not known did not pass."""
    code = f"""
    from django.test import Client
    bearer = Client(headers={{"host": "localhost", "authorization": "Bearer {VIEW}"}})
    say("silent", None, gate="silent")
    back(31, run_id="silent")
    answers = [bearer.get(f"/probe/runs/silent/?format={{form}}") for form in ("json", "junit", "markdown", "html")]
    gate = [bearer.get(f"/probe/gates/silent/?format={{form}}").status_code for form in ("json", "junit", "html")]
    told(statuses=[each.status_code for each in answers], gate=gate, texts=[each.content.decode() for each in answers])
    """
    got = ask(site, SAY + dedent(code))
    why = "its process ended, or could not reach this database, before it had said how the run went"
    assert (got["statuses"], got["gate"]) == ([200] * 4, [503] * 3)
    record = json.loads(got["texts"][0])
    assert (record["state"], record["passed"], record["exit_code"]) == ("lost", False, 1)
    assert [(each["label"], each["outcome"], each["message"]) for each in record["results"]] == [("run", "error", why)]
    suites = JUnitXml.fromstring(got["texts"][1].encode())
    suites.update_statistics()
    assert (suites.tests, suites.errors) == (1, 1)
    assert why in got["texts"][2]
    assert why in got["texts"][3]
