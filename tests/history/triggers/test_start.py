"""What a POST starts: the same command, one run of a gate at a time, all of it, a part of it, or what failed."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.history.recorded import ask
from tests.history.serving import PROBES, new_site, outcomes, with_token
from tests.patience import PATIENCE
from tests.projects import migrated
from tests.webservers import gunicorn

# What may be wrong with probes; `ran` is a line for each that was called.
KINDS = {
    "fine.py": """\
import unittest
from pathlib import Path

HERE = Path(__file__).parent
BROKEN = (HERE / "broken").exists()


def ran(name):
    with (HERE / "ran").open("a") as file:
        print(name, file=file)


class TestFine(unittest.TestCase):
    def test_passes(self):
        ran("fine")
""",
    "kinds.py": """\
import time
import unittest

from . import fine


class TestKinds(unittest.TestCase):
    def test_errs(self):
        fine.ran("errs")
        if fine.BROKEN:
            raise ValueError

    def test_fails(self):
        fine.ran("fails")
        self.assertFalse(fine.BROKEN)

    def test_hangs(self):
        fine.ran("hangs")
        time.sleep(9 if fine.BROKEN else 0)

    def test_passes(self):
        fine.ran("passes")

    def test_subtests(self):
        fine.ran("subtests")
        for number in range(3):
            with self.subTest(number=number):
                self.assertFalse(fine.BROKEN and number == 1)


class TestSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if fine.BROKEN:
            raise ValueError("no fixture")

    def test_one(self):
        fine.ran("set up")


class TestTearDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        if fine.BROKEN:
            raise ValueError("still in use")

    def test_one(self):
        fine.ran("tear down")
""",
    "late.py": """\
import unittest

from . import fine

if fine.BROKEN:
    raise ImportError("no such library")


class TestLate(unittest.TestCase):
    def test_one(self):
        fine.ran("late")
""",
}
# A module whose import ends the process that loads: nothing is known of what comes after it.
ENDS = {
    "a.py": """\
import os
import unittest
from pathlib import Path

if Path(__file__).with_name("broken").exists():
    os._exit(0)


class TestA(unittest.TestCase):
    def test_a(self):
        pass
""",
    "b.py": """\
import unittest


class TestB(unittest.TestCase):
    def test_b(self):
        self.fail("nobody has seen this yet")
""",
}
NEEDS = """\
import unittest
from pathlib import Path

from django.test import tag


class TestNeeds(unittest.TestCase):
    @tag("here")
    def test_opens(self):
        self.assertFalse(Path(__file__).with_name("broken").exists())

    def test_target(self):
        self.skipTest("PROBE_TARGETS is empty")
"""
POLICY = """\
gates:
  needs:
    probes: [needs]
    require: [needs.TestNeeds.test_target]
  half:
    probes: [needs]
    tags: [here, nowhere]
  deploy:
    probes: [shop]
    warn_only: [shop.TestStock]
  checkout:
    probes: [shop.TestCheckout]
  stock:
    probes: [shop.TestStock]
  quick:
    probes: [shop]
    failfast: true
  kinds:
    probes: [kinds]
    parallel: 4
    timeout: 1s
  ends:
    probes: [ends]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with probes that fail in every way while a file is there."""
    made = new_site(tmp_path_factory.mktemp("triggers"), policy=POLICY, probes=PROBES)
    made.app("kinds", KINDS)
    made.app("ends", ENDS)
    made.app("needs", NEEDS)
    return migrated(made)


@pytest.fixture(scope="module")
def served(site):
    """A caller of its server, which has several processes with several threads each."""
    with gunicorn(
        site, "--workers", "3", "--threads", "6", env={"PROBE_RELEASE": "v42", "PROBE_RUN_ID": "web"}
    ) as server:
        yield with_token(server)


@pytest.fixture
def broken(site):
    """Break something for a while: `shop/broken` names what, the others only have to be there."""
    files = []

    def mark(name, text="1"):
        files.append(site.write(name, text))
        return files[-1]

    yield mark
    for file in files:
        file.unlink(missing_ok=True)


def by_job(site, served, gate):
    """Run a gate as a Job of the same release does, and return its record: quicker than by a POST."""
    env = {"PROBE_RUN_ID": f"job-{time.monotonic_ns()}", "PROBE_RELEASE": "v42", "PROBE_TRIGGER": "hook"}
    site.probe("--gate", gate, env=env)
    return served.ended(f"/probe/runs/{env['PROBE_RUN_ID']}/")


def stands(served, gate):
    """Return the status of a gate and the id of the run that says it."""
    answer = served.get(f"gates/{gate}/")
    return answer.status, json.loads(answer.body).get("id")


def test_post__runs_the_command_as_the_policy_says(served):
    """The record is one of the gate, under its policy, with the release of the web process, and an id of its own."""
    answer = served.post("gates/deploy/")
    accepted = json.loads(answer.body)
    record = served.ended(answer)

    assert (answer.status, answer.headers["Set-Cookie"]) == (202, None)
    assert accepted == {"id": record["id"], "gate": "deploy", "state": "running", "url": answer.headers["Location"]}
    assert answer.headers["Location"] == f"/probe/runs/{record['id']}/"
    assert (record["gate"], record["release"], record["trigger"]) == ("deploy", "v42", "http")
    assert record["started_by"] == "token"
    assert record["id"] != "web"
    blocking = {result["label"]: result["blocking"] for result in record["results"]}
    assert blocking == {
        "shop.TestCheckout.test_pay": True,
        "shop.TestCheckout.test_ship": True,
        "shop.TestStock.test_counts": False,
    }
    assert stands(served, "deploy") == (200, record["id"])


def test_posts__at_once_start_one_run(served, broken):
    """Sixteen, over several processes: one starts, fifteen are told which; another gate waits for nobody."""
    broken("shop/slow", "1.5")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(served.post, ["gates/checkout/"] * 16))
    other = served.post("gates/deploy/")

    assert sorted(answer.status for answer in answers) == [202, *[409] * 15]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    busy = json.loads(next(answer for answer in answers if answer.status == 409).body)
    assert busy["error"] == "a run of the gate checkout goes on"
    assert busy["url"] == answers[0].headers["Location"]
    assert other.status == 202
    assert served.ended(answers[0])["passed"] is True
    assert served.ended(other)["passed"] is True
    again = served.post("gates/checkout/")
    assert again.status == 202
    assert again.headers["Location"] != answers[0].headers["Location"]
    served.ended(again)


def test_posts__at_once_start_one_run_behind_a_pooler(tmp_path, postgres, bouncer):
    """PostgreSQL with all clients on one connection, where a lock of a session would be everybody's."""
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE posts")
    settings = f"DATABASES['default'] = {bouncer.settings('posts', DISABLE_SERVER_SIDE_CURSORS=True)!r}\n"
    made = migrated(new_site(tmp_path, settings))
    made.write("shop/slow", "1")
    with gunicorn(made, "--workers", "2", "--threads", "4") as server:
        caller = with_token(server)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(caller.post, ["gates/checkout/"] * 16))
        assert sorted(answer.status for answer in answers) == [202, *[409] * 15]
        assert len({answer.headers["Location"] for answer in answers}) == 1
        assert caller.ended(answers[0])["passed"] is True


def test_progress__is_told_while_it_goes_on(site, served, broken):
    """A run that goes on has the keys of a record, no verdict, and no JUnit; the gate stands as it stood."""
    before = by_job(site, served, "checkout")
    broken("shop/slow", "5")
    location = served.post("gates/checkout/").headers["Location"]
    give_up = time.monotonic() + PATIENCE
    while (found := json.loads(served.get(location).body))["progress"] != {"done": 1, "total": 2, "problems": 0}:
        assert time.monotonic() < give_up, found
        time.sleep(0.1)
    assert (found["state"], found["passed"], found["exit_code"]) == ("running", None, None)
    assert served.get(f"{location}?format=junit").status == 409
    assert stands(served, "checkout") == (200, before["id"])
    assert "goes on" in json.loads(served.post("gates/checkout/", failed_of=found["id"]).body)["error"]
    served.ended(location)


def test_labels__run_a_part_that_is_no_verdict(site, served, broken):
    """What passes by itself opens nothing, what fails by itself closes nothing; several labels, forms and JSON."""
    broken("shop/broken", "pay")
    closed = by_job(site, served, "checkout")
    part = served.ended(served.post("gates/checkout/", labels="shop.TestCheckout.test_ship"))

    assert (closed["passed"], part["passed"]) == (False, True)
    assert (part["narrowed"], part["labels"]) == (True, ["shop.TestCheckout.test_ship"])
    assert outcomes(part) == {"shop.TestCheckout.test_ship": "passed"}
    assert stands(served, "checkout") == (503, closed["id"])

    broken("shop/broken", "")
    opened = by_job(site, served, "checkout")
    broken("shop/broken", "pay")
    body = json.dumps({"labels": ["shop.TestCheckout.test_pay", "shop.TestStock"]})
    answer = served.ask("POST", "gates/deploy/?wait=20s", body, Content_Type="application/json")
    assert (answer.status, json.loads(answer.body)["narrowed"]) == (503, True)
    assert outcomes(json.loads(answer.body)) == {
        "shop.TestCheckout.test_pay": "failed",
        "shop.TestStock.test_counts": "passed",
    }
    assert stands(served, "checkout") == (200, opened["id"])


def test_failed_of__runs_what_failed_and_opens_the_gate(site, served, broken):
    """Failures, errors, timeouts, fixtures, subtests and modules that did not load; what passed is not run again."""
    flag, ran = broken("kinds/probes/broken"), site.path / "kinds/probes/ran"
    closed = by_job(site, served, "kinds")
    assert stands(served, "kinds") == (503, closed["id"])
    kinds = "kinds.kinds.TestKinds"
    assert {label for label, outcome in outcomes(closed).items() if outcome == "passed"} == {
        "kinds.fine.TestFine.test_passes",
        f"{kinds}.test_passes",
        "kinds.kinds.TestTearDown.test_one",
    }
    flag.unlink()
    ran.unlink()

    opened = served.ended(served.post("gates/kinds/", failed_of=closed["id"]))

    assert sorted(ran.read_text().splitlines()) == [
        "errs",
        "fails",
        "hangs",
        "late",
        "set up",
        "subtests",
        "tear down",
    ]
    assert (opened["passed"], opened["failed_of"], opened["narrowed"]) == (True, f"{closed['id']}@kinds", False)
    assert stands(served, "kinds") == (200, opened["id"])


def test_failed_of__goes_on_where_some_fail_again(site, served, broken):
    """What failfast left out is run too; each step runs what is left of the last, and the last opens the gate."""
    broken("shop/broken", "pay ship")
    first = by_job(site, served, "quick")
    assert sorted(outcomes(first).values()) == ["failed", "not_run", "not_run"]
    broken("shop/broken", "ship")
    second = served.ended(served.post("gates/quick/", failed_of=first["id"]))
    assert (second["passed"], second["narrowed"], stands(served, "quick")) == (False, False, (503, second["id"]))
    broken("shop/broken", "")
    third = served.ended(served.post("gates/quick/", failed_of=second["id"]))
    assert (third["passed"], stands(served, "quick")) == (True, (200, third["id"]))


def test_failed_of__of_a_re_run_has_what_passed_before_it_too(site, served, broken):
    """What passed in the first run, what passed when it was run again, and what passes now are the whole gate."""
    broken("shop/broken", "pay ship")
    first = by_job(site, served, "deploy")
    assert "passed" in outcomes(first).values()
    broken("shop/broken", "ship")
    second = served.ended(served.post("gates/deploy/", failed_of=first["id"]))
    broken("shop/broken", "")
    third = served.ended(served.post("gates/deploy/", failed_of=second["id"]))
    assert len(outcomes(third)) == 1
    assert (third["narrowed"], stands(served, "deploy")) == (False, (200, third["id"]))


def of_an_older_run(site, served):
    """Another run of the whole gate has ended since."""
    old = by_job(site, served, "checkout")
    by_job(site, served, "checkout")
    return old["id"]


def of_another_release(site, _served):
    """The run was one of the release before."""
    env = {"PROBE_RUN_ID": f"v41-{time.monotonic()}", "PROBE_RELEASE": "v41", "PROBE_TRIGGER": "hook"}
    assert site.probe("--gate", "checkout", env=env).code == 1
    return env["PROBE_RUN_ID"]


def that_a_runner_closed(site, served):
    """A team's own suite_result() asked for more than results."""
    closed = by_job(site, served, "checkout")
    ask(site, f"Run.objects.filter(run_id={closed['id']!r}).update(stricter_exit_code=7); told()")
    return closed["id"]


def beside_a_shard_that_is_late(site, served):
    """Another run of the whole gate began since, and nobody knows yet how it ends."""
    closed = by_job(site, served, "checkout")
    run = 'ProbeRun("going", "checkout", {0}, {0}, 0, (), shard="0/2")'.format("datetime.now(UTC)")
    ask(site, f'run = {run}; store.finish(store.begin(run, trigger="cron", labels=[], narrowed=False), run); told()')
    return closed["id"]


@pytest.mark.parametrize(
    "old", [of_an_older_run, of_another_release, that_a_runner_closed, beside_a_shard_that_is_late]
)
def test_failed_of__does_not_open_what_it_does_not_complete(site, served, broken, old):
    """It runs and passes, and is shown as a part: what else passed then proves nothing now."""
    broken("shop/broken", "pay")
    closed = old(site, served)
    (site.path / "shop/broken").unlink()
    before = stands(served, "checkout")
    again = served.ended(served.post("gates/checkout/", failed_of=closed))
    ask(site, 'Run.objects.filter(run_id="going").delete(); told()')

    assert outcomes(again) == {"shop.TestCheckout.test_pay": "passed"}
    assert (again["passed"], again["narrowed"], again["failed_of"].split("@")[0]) == (True, True, closed)
    assert before[0] == 503
    assert stands(served, "checkout") == before


def test_gate__is_not_started_beside_a_run_that_a_job_started(site, served):
    """Whatever started the run that goes on, it is the one: 409 and where it is, for the gate and for a part of it."""
    begin = 'store.begin(ProbeRun("job", "checkout", {0}, {0}, 0, ()), trigger="cronjob", labels=[], narrowed=False)'
    ask(site, f"{begin.format('datetime.now(UTC)')}; told()")

    for answer in (served.post("gates/checkout/"), served.post("gates/checkout/", labels="shop.TestCheckout")):
        assert (answer.status, answer.headers["Location"]) == (409, "/probe/runs/job@checkout/")
    ask(site, 'Run.objects.filter(run_id="job").delete(); told()')
    served.ended(served.post("gates/checkout/"))


def test_pipeline__whose_id_names_runs_of_two_gates_is_not_led_astray(site, served, broken):
    """A busy gate's 409 leads to its own run, and failed_of repeats the run whose page offers it."""
    flag = broken("shop/broken", "pay")
    env = {"PROBE_RUN_ID": "pipe-7", "PROBE_TRIGGER": "ci", "PROBE_RELEASE": "v42"}
    assert site.probe("--gate", "checkout", env=env).code == 1
    assert site.probe("--gate", "checkout", "shop.TestCheckout.test_pay", env={"PROBE_RUN_ID": "pipe-7"}).code == 1
    assert site.probe("--gate", "stock", env=env).code == 0
    begin = 'store.begin(ProbeRun("pipe-7", "ends", {0}, {0}, 0, ()), trigger="ci", labels=[], narrowed=False)'
    ask(site, f"{begin.format('datetime.now(UTC)')}; told()")
    busy = served.post("gates/ends/").headers["Location"]
    going = json.loads(served.get(busy.removeprefix("/probe/")).body)
    ask(site, 'Run.objects.filter(gate="ends").delete(); told()')
    flag.unlink()

    again = {}
    for name in ("pipe-7@checkout", "pipe-7@checkout@part"):
        page = served.get(f"runs/{name}/?format=html").body
        assert f'name="failed_of" value="{name}"' in page
        again[name] = served.ended(served.post("gates/checkout/", failed_of=name))

    assert (going["gate"], going["state"]) == ("ends", "running")
    assert {name: run["failed_of"] for name, run in again.items()} == {name: name for name in again}
    assert {name: run["narrowed"] for name, run in again.items()} == {
        "pipe-7@checkout": False,
        "pipe-7@checkout@part": True,
    }
    page = served.get(f"runs/{again['pipe-7@checkout']['id']}/?format=html").body
    assert 'href="/probe/runs/pipe-7@checkout/"' in page


def test_failed_of__does_not_open_what_was_never_loaded(site, served, broken):
    """A module whose import ended the process hid all that came after it: passing it alone is not passing the gate."""
    flag = broken("ends/probes/broken")
    closed = by_job(site, served, "ends")
    assert outcomes(closed) == {"ends.a": "error"}
    flag.unlink()
    again = served.ended(served.post("gates/ends/", failed_of=closed["id"]))
    assert (outcomes(again), again["narrowed"]) == ({"ends.a.TestA.test_a": "passed"}, True)
    assert stands(served, "ends") == (503, closed["id"])


def test_part__stays_a_part_when_its_lease_was_lost(site, served):
    """Its command was slow to start, another run has the gate by now: it is no verdict all the same."""
    got = ask(
        site,
        """
        now = datetime.now(UTC)
        store.prepare("stock", "slow", ["shop.TestStock"], narrowed=True)
        back(31, run_id="slow")
        store.prepare("stock", "next")
        run = ProbeRun("slow", "stock", now, now, 1, (ProbeResult("shop.TestStock.test_counts", Outcome.PASSED),))
        key = store.begin(run, trigger="http", labels=[], narrowed=False)
        store.finish(key, run)
        found = runs.find("slow")
        told(narrowed=found.narrowed, passed=found.passed, rows=Run.objects.filter(run_id="slow").count())
        """,
    )
    busy = served.post("gates/stock/")
    ask(site, 'Run.objects.filter(run_id__in=["slow", "next"]).delete(); told()')
    assert got == {"narrowed": True, "passed": True, "rows": 1}
    assert (busy.status, busy.headers["Location"]) == (409, "/probe/runs/next@stock/"), (
        "the lease is not the slow one's"
    )


def test_failed_of__of_a_lost_run_is_refused(site, served):
    """Nobody knows what failed in it: the whole gate has to be run."""
    ask(
        site,
        """
        now = datetime.now(UTC)
        store.begin(ProbeRun("lost", "stock", now, now, 0, ()), trigger="", labels=[], narrowed=False)
        back(40, run_id="lost")
        told()
        """,
    )
    answer = served.post("gates/stock/", failed_of="lost")
    assert answer.status == 400
    assert "'run' of the run lost is no probe; run the whole gate" in json.loads(answer.body)["error"]


def test_wait__answers_with_the_verdict_or_when_time_is_over(served, broken):
    """200 and 503 as the gate stands, another status where it is asked for; 202 when it takes too long."""
    assert served.post("gates/checkout/?wait=20s").status == 200
    broken("shop/broken", "pay")
    assert served.post("gates/checkout/?wait=20s").status == 503
    assert served.post("gates/checkout/?wait=20s&fail_status=424").status == 424
    broken("shop/slow", "4")
    late = served.post("gates/checkout/?wait=500ms")
    assert late.status == 202
    assert served.post("gates/checkout/?wait=20s").status == 409
    served.ended(late)


def test_wait__is_for_one_request_of_a_process(site, broken):
    """The second is told so and starts nothing, since 202 passes with some; the process goes on to answer others."""
    broken("shop/slow", "4")
    with gunicorn(site, "--threads", "4") as server, ThreadPoolExecutor(1) as pool:
        caller = with_token(server)
        first = pool.submit(caller.post, "gates/checkout/?wait=20s")
        give_up = time.monotonic() + PATIENCE
        while "started: the run" not in server.log:
            assert time.monotonic() < give_up, server.log
            time.sleep(0.05)
        second = caller.post("gates/stock/?wait=20s")
        assert second.status == 429
        assert "another request waits" in json.loads(second.body)["error"]
        assert server.log.count("started: the run") == 1
        assert caller.get("live/").status == 200
        assert not first.done(), "neither was answered after the run that is waited for"
        other = caller.post("gates/stock/")
        assert other.status == 202
        assert (first.result().status, first.result().seconds > 4) == (200, True)
        caller.ended(other)
        assert caller.post("gates/stock/?wait=20s").status == 200


def test_failed_of__does_not_open_a_gate_whose_required_probe_skips_again(site, served, broken):
    """What runs again and decides how the gate stands is judged by what the gate requires."""
    mark = broken("needs/broken")
    closed = by_job(site, served, "needs")
    mark.unlink()
    again = served.ended(served.post("gates/needs/", failed_of=closed["id"]))

    assert outcomes(closed) == {"needs.TestNeeds.test_opens": "failed", "needs.TestNeeds.test_target": "error"}
    assert outcomes(again) == {"needs.TestNeeds.test_opens": "passed", "needs.TestNeeds.test_target": "error"}
    assert (again["narrowed"], again["passed"]) == (False, False)
    assert stands(served, "needs") == (503, again["id"])


def test_labels__run_though_a_tag_of_the_gate_chooses_nothing(served):
    """The whole gate is refused, and its row says why; what was given is judged without the gate's own tags."""
    part = served.ended(served.post("gates/half/", labels="needs.TestNeeds.test_opens"))
    whole = served.ended(served.post("gates/half/"))

    assert (part["passed"], outcomes(part)) == (True, {"needs.TestNeeds.test_opens": "passed"})
    assert whole["passed"] is False
    assert 'gates.half.tags: no loaded probe has the tag "nowhere"' in whole["results"][0]["message"]
