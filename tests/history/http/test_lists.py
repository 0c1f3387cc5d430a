"""Lists of gates and runs, two runs compared, and badges: what they have, page by page, and what they refuse."""

from __future__ import annotations

from itertools import chain
from xml.etree import ElementTree as ET

import pytest

from tests.history import recorded
from tests.markup import EVIL, Page

TOKEN = "view-0123456789-abcdefghi"
SETTINGS = f"""
INSTALLED_APPS += ["django.contrib.sessions"]
PROBE_TOKENS = ["view:{TOKEN}"]
PROBE_PUBLIC_BADGES = ["deploy", "waits"]
"""
URLS = """\
from django.urls import include, path

urlpatterns = [path("probe/", include("django_probe.urls"))]
"""
POLICY = """\
gates:
  deploy:
    probes: [shop]
  other:
    probes: [shop.TestShop.test_opens]
  waits:
    probes: [shop]
"""
ASKING = f"""
from django.test import Client

client = Client(headers={{"authorization": "Bearer {TOKEN}", "host": "localhost"}})
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)

def ran(gate, run_id, minute=0, outcomes="", *, ends=True, narrowed=False, took=0.1, **more):
    start = BEGAN + timedelta(minutes=minute)
    results = tuple(ProbeResult(f"shop.T.test_{{label}}", Outcome(outcome), duration=float(slow or took),
                                message="" if outcome == "passed" else f"{{label}} is {{outcome}}", owner="shop")
                    for each in outcomes.split() for label, outcome, slow in [(each + ":").split(":")[:3]])
    run = ProbeRun(run_id, gate, start, start + timedelta(seconds=9), len(results), results, **more)
    key = store.begin(run, trigger="", labels=[], narrowed=narrowed)
    if ends:
        store.finish(key, run)

def get(path, **headers):
    answer = client.get("/probe/" + path, headers=headers)
    return [answer.status_code, answer.content.decode()]

def pages(path, key):
    found = []
    while path:
        status, body = get(path)
        assert status == 200, body
        page = json.loads(body)
        found.append([each.get("id") or each["name"] for each in page[key]])
        path = (page["next"] or "").removeprefix("/probe/")
    return found
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site that keeps its history in SQLite, and answers under /probe/."""
    made = recorded.new_site(tmp_path_factory.mktemp("lists") / "site", SETTINGS)
    made.write("site_urls.py", URLS)
    made.write("probe.yaml", POLICY)
    return made


def ask(site, code):
    """Ask the site in a process with Django set up, on an empty history."""
    return recorded.ask(site, ASKING + "Run.objects.all().delete()\n" + code)


def test_runs__are_listed_page_by_page_whatever_is_asked_of_them(site):
    """The latest come first, shards of a run together, each run once over all pages; states and times choose."""
    got = ask(
        site,
        """
for n in range(7):
    ran("deploy" if n % 2 else "other", f"run-{n}", n, "a:failed" if n == 3 else "a:passed", release=f"v{n}")
ran("deploy", "run-5", 7, "b:passed", narrowed=True)
ran("other", "run-1", 7, "b:passed")
ran("deploy", "halves", 7, "a:passed", shard="0/2")
ran("other", "between", 8, "a:passed")
ran("deploy", "halves", 9, "b:failed", shard="1/2")
ran("deploy", "part", 10, "a:passed", narrowed=True)
ran("deploy", "lost", 11, "", ends=False)
back(60, run_id="lost")
ran("deploy", "going", 12, "", ends=False)
asked = ["", "limit=3", "gate=deploy&limit=2", "state=closed", "state=passed&limit=4", "state=running", "state=lost",
         "state=finished&gate=deploy", "since=2026-11-01T00:08:30Z", "since=2026-11-01T00:04&limit=3",
         "since=9999-12-31T23:59:59-12:00", "since=0001-01-01", "gate=waits", "before=0", "state=lost&limit=1"]
first = json.loads(get("runs/?gate=deploy&state=closed")[1])["runs"][0]
told(first=first, found={each: pages("runs/?" + each, "runs") for each in asked})
""",
    )
    found = got["found"]
    earlier = ["run-1", "run-5", *(f"run-{n}" for n in reversed(range(7)))]
    everything = ["going", "lost", "part", "halves", "between", *earlier]
    assert found[""] == [everything]
    assert found["limit=3"] == [everything[n : n + 3] for n in (0, 3, 6, 9, 12)]
    deploys = ["going", "lost", "part", "halves", "run-5", "run-5", "run-3", "run-1"]
    assert found["gate=deploy&limit=2"] == [deploys[n : n + 2] for n in (0, 2, 4, 6)]
    assert found["state=closed"] == [["halves", "run-3"]]
    passed = [*chain(*found["state=passed&limit=4"])]
    assert passed == ["part", "between", *earlier[:2], "run-6", "run-5", "run-4", "run-2", "run-1", "run-0"]
    assert (found["state=running"], found["state=lost"]) == ([["going"]], [["lost"]])
    assert found["state=finished&gate=deploy"] == [["part", "halves", "run-5", "run-5", "run-3", "run-1"]]
    assert found["since=2026-11-01T00:08:30Z"] == [["going", "lost", "part"]]
    assert [*chain(*found["since=2026-11-01T00:04&limit=3"])] == [*everything[:7], "run-6", "run-5", "run-4"]
    assert found["since=9999-12-31T23:59:59-12:00"] == found["gate=waits"] == found["before=0"] == [[]]
    assert found["since=0001-01-01"] == found[""]
    assert (
        got["first"].items()
        >= {
            "id": "halves",
            "gate": "deploy",
            "url": "/probe/runs/halves@deploy/",
            "passed": False,
            "exit_code": 1,
            "state": "finished",
            "reason": "shard 1/2: 1 blocking probe did not pass",
            "started_at": "2026-11-01T00:07:00.000Z",
            "finished_at": "2026-11-01T00:09:09.000Z",
        }.items()
    )


def test_runs__look_at_a_bounded_number_for_a_page(site):
    """A state that hardly any run has is no reason to read a year of history for one request: `next` goes on."""
    got = ask(
        site,
        """
from django.test.utils import CaptureQueriesContext
from django_probe.history.http import listing

ended = dict(started_at=BEGAN, heartbeat_at=BEGAN, finished_at=BEGAN)
rare = [Run(run_id=f"r{n}", gate="deploy", exit_code=int(n == 0), **ended) for n in range(90)]
Run.objects.bulk_create(rare)
listing._AT_ONCE, listing._LOOKS = 10, 3
with CaptureQueriesContext(connection) as queries:
    status, body = get("runs/?state=closed")
found = pages("runs/?state=closed", "runs")
told(queries=len(queries), first=json.loads(body), found=found)
""",
    )
    assert got["first"]["runs"] == []
    assert got["first"]["next"]
    assert got["found"] == [[], [], ["r0"]] or got["found"] == [[], [], ["r0"], []]
    assert got["queries"] <= 3 * 2 + 1


def test_gates__are_listed_with_how_they_stand_and_why(site):
    """The policy's gates come first, in its order, then those that only the history knows; each says its causes."""
    got = ask(
        site,
        """
ran("gone", "old", 0, "a:passed")
ran("deploy", "v1", 1, "a:passed b:failed c:error c:error")
ran("other", "on", 2, "", ends=False)
told(pages=pages("gates/?limit=3", "gates"), all=json.loads(get("gates/")[1]))
""",
    )
    assert got["pages"] == [["deploy", "other", "waits"], ["gone"]]
    deploy, other, waits, gone = got["all"]["gates"]
    assert got["all"]["next"] is None
    assert (deploy["passed"], deploy["since"], deploy["streak"]) == (False, "2026-11-01T00:01:00.000Z", 1)
    assert deploy["run"]["url"] == "/probe/runs/v1@deploy/"
    assert [(cause["message"], cause["probes"], cause["owners"]) for cause in deploy["causes"]] == [
        ("c is error", 2, ["shop"]),
        ("b is failed", 1, ["shop"]),
    ]
    assert (other["passed"], other["run"], other["running"]["id"]) == (None, None, "on")
    assert (waits["running"], waits["startable"], waits["causes"]) == (None, True, [])
    assert (gone["passed"], gone["startable"]) == (True, False)


def test_comparison__says_what_broke_and_what_was_mended(site):
    """Of two runs or releases of a gate: new, fixed, still broken, not tried again, and slower than twice."""
    got = ask(
        site,
        """
before = "good:passed bad:failed both:error skips:failed gone:failed slow:passed:0.2 quick:passed:0.001 odd:skipped"
after = "good:failed bad:passed both:timeout skips:skipped slow:passed:0.9 quick:passed:0.05 odd:error fresh:failed"
ran("deploy", "one", 1, before, release="v1")
ran("deploy", "two", 2, after, release="v2")
ran("deploy", "again", 3, after, release="v2", narrowed=True)
ran("other", "one", 4, "a:passed", release="v1")
ran("other", "three", 5, "a:failed", release="v3")
ran("other", "on", 6, "", release="v3", ends=False)
asked = ["from=one@deploy&to=two", "from=v1&to=v2", "from=v1&to=v3", "from=two&to=one@deploy",
         "from=one&to=two&gate=deploy"]
found = {each: json.loads(get("compare/?" + each)[1]) for each in asked}
told(found=found, page=get("compare/?from=v1&to=v2", accept="text/html"))
""",
    )
    found = got["found"]
    first = found["from=one@deploy&to=two"]
    labels = {
        key: [each["label"].removeprefix("shop.T.test_") for each in first[key]]
        for key in ("new", "fixed", "still_broken", "unproved", "slower")
    }
    assert labels == {
        "new": ["good", "odd", "fresh"],
        "fixed": ["bad"],
        "still_broken": ["both"],
        "unproved": ["skips", "gone"],
        "slower": ["slow"],
    }
    assert first["new"][0]["from"]["outcome"] == "passed"
    assert first["new"][0]["to"].items() >= {"outcome": "failed", "message": "good is failed", "owner": "shop"}.items()
    assert first["new"][2]["from"] is None
    assert found["from=v1&to=v2"] == found["from=one&to=two&gate=deploy"] == first
    assert (found["from=v1&to=v3"]["gate"], found["from=v1&to=v3"]["to"]["id"]) == ("other", "three")
    back = found["from=two&to=one@deploy"]
    assert [[each["label"].rpartition("_")[2] for each in back[key]] for key in ("fixed", "unproved")] == [
        ["good"],
        ["odd", "fresh"],
    ]
    status, html = got["page"]
    text = Page(html).text
    assert (status, "3 new problems, 1 fixed, 1 still broken" in text) == (200, True)
    assert "Slower than twice: 1 Before Probe After passed 200 ms shop.T.test_slow Owner: shop passed 900 ms" in text


def test_lists__refuse_what_they_cannot_give_in_one_sentence(site):
    """A parameter that is unknown, malformed or of nothing is 400 with what was expected; nothing is a 500."""
    got = ask(
        site,
        """
ran("deploy", "one", 1, "a:passed", release="v1")
ran("deploy", "two", 2, "a:passed", release="v2")
ran("other", "three", 3, "a:passed", release="v2")
ran("other", "four", 3, "a:passed", release="v1")
ran("other", "on", 3, "", ends=False, release="v9")
bad = {
    "runs/?gat=deploy": "'gat' is no parameter here; there are gate, since, state, limit, before",
    "runs/?gate=depoy": "gate: there is no gate depoy",
    "runs/?gate=%00": "gate: expected text without a null character",
    "runs/?since=soon": "since: expected a time such as 2026-11-30T08:00:00Z",
    "runs/?since=2026-11-30T08:00:00+01:00": "(a + in a URL is %2B)",
    "runs/?state=open": "state: expected one of running, finished, lost, passed, closed, got 'open'",
    "runs/?limit=201": "limit: expected a number from 1 to 200, got '201'",
    "runs/?limit=\u0664": "limit: expected a number from 1 to 200",
    "runs/?before=-1": "before: expected the number that `next` has, got '-1'",
    "runs/?before=" + "9" * 5000: "before: expected the number",
    "runs/?format=junit": "format: expected one of json, got 'junit'",
    "gates/?after=nowhere": "after: there is no gate nowhere",
    "gates/?limit=": "limit: expected a number from 1 to 200, got ''",
    "compare/": "from: expected a run or a release",
    "compare/?from=one": "to: expected a run or a release",
    "compare/?from=v1&to=v2": "gate: expected one of deploy, other, which both of these ran",
    "compare/?from=one&to=v7": "to: there is no run, and no release with one that ended, 'v7' of the gate deploy",
    "compare/?from=v9&to=one": "from: there is no run, and no release with one that ended, 'v9'",
    "compare/?from=one&to=three": "to: the run three is one of the gate other",
    "compare/?from=four&to=on": "to: the run on goes on",
    "compare/?from=one&to=two&gate=other": "from: the run one is one of the gate deploy",
    "compare/?from=%00&to=two": "from: expected text without a null character",
    "compare/?from=%ED%A0%80&to=two": "from: there is no run",
}
paths = ("gates/", "runs/", "compare/", "gates/deploy/badge.svg")
told(bad=[[path, sentence, *get(path)] for path, sentence in bad.items()],
     methods=[client.post("/probe/" + path).status_code for path in paths])
""",
    )
    for path, sentence, status, body in got["bad"]:
        assert status == 400, (path, body)
        assert sentence in body, (path, body)
    assert got["methods"] == [405] * 4


def test_badge__is_for_anybody_where_the_settings_name_its_gate(site):
    """It says passed, closed, lost or never ran, is well formed whatever the gate is called, and runs nothing."""
    got = ask(
        site,
        f"""
evil = {EVIL.replace("/", "")!r}
ran("deploy", "one", 1, "a:passed")
ran("other", "two", 1, "a:failed")
ran(evil, "three", 1, "a:failed")
from urllib.parse import quote
badges = {{name: get(f"gates/{{quote(name)}}/badge.svg") for name in ("deploy", "other", "waits", evil, "nowhere")}}
headers = dict(client.get("/probe/gates/deploy/badge.svg").headers)
again = get("gates/deploy/badge.svg", if_none_match=headers["ETag"])[0]
client = Client(headers={{"host": "localhost"}})
anybody = {{name: get(f"gates/{{quote(name)}}/badge.svg")[0] for name in badges}}
told(badges=badges, anybody=anybody, headers=headers, again=again, evil=evil)
""",
    )
    said = {}
    for name, (status, svg) in got["badges"].items():
        if status == 200:
            picture = ET.fromstring(svg)
            said[name] = picture.get("aria-label").removeprefix(f"gate {name}: ")
            assert {each.tag.rpartition("}")[2] for each in picture.iter()} == {
                "svg",
                "title",
                "rect",
                "path",
                "g",
                "text",
            }
    evil = said.pop(got["evil"])
    assert said == {"deploy": "passed", "other": "closed", "waits": "never ran"}
    assert evil.endswith("…: closed")
    assert got["badges"]["nowhere"][0] == 404
    assert got["anybody"] == {"deploy": 200, "waits": 200, "other": 401, got["evil"]: 401, "nowhere": 401}
    assert got["again"] == 304
    assert got["headers"]["Content-Type"].startswith("image/svg+xml")
    assert got["headers"]["Content-Security-Policy"] == "default-src 'none'"
    assert got["headers"]["Cache-Control"] == "no-cache"
