"""What the pages say of gates and runs, whatever probes call themselves; rendered in a process with Django set up."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from tests.history import recorded
from tests.markup import EVIL, Page

BYTES = r"data:application/octet-stream;base64,[\w+/=]+$"
PAGES = """
from datetime import UTC, datetime, timedelta
from django_probe.history.pages import pages, rendering, statistics
from django_probe.history.links import Links
from django_probe.history.storage import summaries
from django_probe.history.triggers.gates import Offer
from django_probe.history.visitors import Scope, Visitor

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)
HERE = Links("/probe/", "/login/", "the-csrf-token", "/probe/gates/deploy/?days=1")
OFFER = Offer(("offers", "never", "lost", "leave"))
SEES = Visitor("ann", frozenset({Scope.VIEW}), by_token=False)
STARTS = Visitor("ann", frozenset(Scope), by_token=False)

def result(label, outcome=Outcome.PASSED, **more):
    return ProbeResult(label, outcome, started_at=LONG_AGO, duration=0.25, **more)

def ran(gate, run_id, *results, ends=True, narrowed=False, labels=(), trigger="", **more):
    run = ProbeRun(run_id, gate, LONG_AGO, LONG_AGO + timedelta(seconds=1234), len(results), results, **more)
    key = store.begin(run, trigger=trigger, labels=labels, narrowed=narrowed)
    if ends:
        store.finish(key, run)
    return run_id

def page_of_gate(name, visitor=STARTS, offer=OFFER, **query):
    return pages.gate(view=statistics.view(name, query), offer=offer, visitor=visitor, here=HERE)

def page_of_run(run_id, visitor=STARTS, offer=OFFER, **asked):
    found = runs.find(run_id)
    record = None if found.state is summaries.State.RUNNING else records.of(found)
    return pages.run(summary=found, run=record, offer=offer, visitor=visitor, here=HERE, asked=asked)

def page_of_all(*names, visitor=STARTS, offer=OFFER, ready="ready: no probes"):
    return pages.status(gates=statistics.cards(names), offer=offer, ready=ready, visitor=visitor, here=HERE)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site whose locale writes numbers and times in its own way."""
    settings = 'LANGUAGE_CODE = "de"\nUSE_THOUSAND_SEPARATOR = True\nTIME_ZONE = "Asia/Tokyo"\n'
    return recorded.new_site(tmp_path_factory.mktemp("pages") / "site", settings)


def render(site, code):
    """Run code that makes pages by name; give them, and the header that goes with them."""
    made = recorded.ask(site, PAGES + code + "\ntold(policy=rendering.SECURITY_POLICY, pages=made)")
    return {name: Page(html) for name, html in made["pages"].items()}, made["policy"]


def test_pages__show_hostile_text_as_text(site):
    """Names, messages and output that are markup, a script or a template are read, and do nothing."""
    evil = f"\nevil = {EVIL!r}\n"
    pages, policy = render(
        site,
        evil
        + """
attached = (Attachment(evil, evil, 7, evil), Attachment(evil, "image/svg+xml", 7, evil.encode()))
bad = [result(f"{evil}.{evil}{n}", Outcome.FAILED, message=evil, details=evil, output=evil, tags=(evil,),
              title=evil, owner=evil, runbook=evil, file=evil, line=7, attachments=attached)
       for n in range(3)]
ran(evil, evil, *bad, host=evil, release=evil, trigger=evil, labels=[evil], narrowed=True)
ran(evil, evil + "/whole", *bad, host=evil, release=evil, shard="0/2")
back(60, run_id=evil + "/whole")
ran(evil, evil + "/on", ends=False)
STARTS = Visitor(evil, frozenset(Scope), by_token=False)
HERE = Links("/probe/", "/login/", "token", "/probe/?" + evil)
made = {
    "status": page_of_all(evil, visitor=STARTS, ready=evil),
    "gate": page_of_gate(evil, STARTS, probe=evil[:4], days=evil, runs=evil, before=evil),
    "no match": page_of_gate(evil, STARTS, probe=evil * 2),
    "part": page_of_run(evil, STARTS, outcome=evil, probe=evil, page=evil),
    "run": page_of_run(evil, STARTS),
    "lost": page_of_run(evil + "/whole", STARTS),
    "running": page_of_run(evil + "/on", STARTS),
    "notice": pages.notice(status=401, sentence=evil, here=HERE, links=[(HERE.of_run(evil), evil)]),
    "started": pages.started(run_url=HERE.of_run(evil), here=HERE),
}
""",
    )
    for name, page in pages.items():
        assert not page.all("img"), name
        assert [len(page.own["script"]), len(page.own["style"])] == [1, 1], name
        for tag, attributes in page.elements:
            assert not [each for each in attributes if each.startswith("on") or each == "style"], (name, tag)
        for text in (*page.own["script"], *page.own["style"]):
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy, name
        assert "14" not in re.findall(r"alert\(2\)</script>(\S+)", page.text), name
        addresses = [has.get("href") or has.get("action") or "" for _, has in page.elements]
        assert all(re.match(rf"(/|\?|#|data:image/|{BYTES}|$)", address) for address in addresses), name
    for name in ("status", "gate", "run", "lost", "running", "notice"):
        assert EVIL in pages[name].text, name
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_pages__offer_to_start_runs_to_those_who_may(site):
    """Every form that starts something has the CSRF token and the gate's URL; who only sees gets none of them."""
    pages, _ = render(
        site,
        """
ran("offers", "offers/1 2", result("shop.TestShop.test_sells", Outcome.FAILED))
ran("offers", "offers-part", result("shop.TestShop.test_opens"), narrowed=True, labels=["shop.TestShop.test_opens"])
made = {f"{who} {visitor.may_start}": page for visitor in (SEES, STARTS) for who, page in {
    "status": page_of_all("offers", "never", visitor=visitor), "gate": page_of_gate("offers", visitor),
    "run": page_of_run("offers/1 2", visitor), "part": page_of_run("offers-part", visitor)}.items()}
""",
    )
    for name in ("status", "gate", "run", "part"):
        assert not pages[f"{name} False"].all("form", method="post"), name
        forms = pages[f"{name} True"].all("form", method="post")
        tokens = pages[f"{name} True"].all("input", name="csrfmiddlewaretoken", value="the-csrf-token")
        assert len(forms) == len(tokens) == 2, name
        assert {form["action"] for form in forms} <= {"/probe/gates/offers/", "/probe/gates/never/"}, name
    assert pages["run True"].all("input", name="failed_of", value="offers/1 2@offers")
    assert pages["part True"].all("input", name="labels", value="shop.TestShop.test_opens")
    assert "/probe/runs/offers%2F1%202@offers/" in [link["href"] for link in pages["gate True"].all("a")]


def test_pages__offer_nothing_that_the_server_cannot_run(site):
    """A gate that is not in the policy has no button and says so; where it cannot be read none has, and it says why."""
    pages, _ = render(
        site,
        """
ran("gone", "gone", result("shop.TestShop.test_sells", Outcome.FAILED))
ran("ready", "ready", result("shop.TestShop.test_sells"), narrowed=True)
broken = Offer(problem="gates: <b>expected</b> a mapping")
made = {f"{name} {which}": page for which, offer in (("known", OFFER), ("broken", broken)) for name, page in {
    "status": page_of_all("gone", "ready", offer=offer), "gate": page_of_gate("gone", offer=offer),
    "run": page_of_run("gone", offer=offer)}.items()}
made |= {"default": page_of_gate("default", offer=Offer(("default",))),
         "broken default": page_of_gate("default", offer=broken), "ready": page_of_gate("ready")}
""",
    )
    assert len(pages.pop("default").all("form", method="post")) == 2
    assert all(not page.all("form", method="post") for page in pages.values())
    assert "2 blocking" not in pages["status known"].text
    assert "shop.TestShop.test_sells Not in this server's policy" in pages["status known"].text
    assert "has ended yet; every web process runs it by itself." in pages["status known"].text
    assert "Not in this server's policy." in pages["gate known"].text
    for name in ("status broken", "gate broken", "broken default"):
        sentence = "The policy of this server cannot be read: gates: <b>expected</b> a mapping"
        assert sentence in pages[name].text, name
        assert "Not in this" not in pages[name].text


def test_pages__say_that_a_verdict_is_of_what_was_run_again(site):
    """The record of such a run holds a part of the gate's probes alone, so the gate's card and page say which run."""
    pages, _ = render(
        site,
        """
ran("again", "a" * 32, result("shop.TestShop.test_sells", Outcome.FAILED))
ran("again", "b" * 32, result("shop.TestShop.test_sells"))
made = {"once": page_of_gate("again")}
Run.objects.filter(run_id="b" * 32).update(rerun_of="a" * 32, trigger="http", started_by="token ci")
made |= {"status": page_of_all("again"), "gate": page_of_gate("again")}
""",
    )
    assert "re-run of what failed" not in pages["once"].text
    for name in ("status", "gate"):
        assert "re-run of what failed in " in pages[name].text, name
        assert "token ci (http)" in pages[name].text, name
        assert pages[name].all("a", href=f"/probe/runs/{'a' * 32}/"), name


def test_gate__that_ran_once_needs_no_drawing(site):
    """One bar in an empty box would say less than a sentence; the second run is drawn from where the first began."""
    pages, _ = render(
        site,
        """
ran("new", "new-1", result("a.B.c"), result("a.B.skips", Outcome.SKIPPED))
made = {"one": page_of_gate("new")}
LONG_AGO += timedelta(minutes=30)
ran("new", "new-2", result("a.B.c", Outcome.FAILED))
made |= {"two": page_of_gate("new")}
""",
    )
    assert not pages["one"].all("svg", **{"class": "durations"})
    assert "1 run, passed, took 20 min 34 s." in pages["one"].text
    assert len(pages["two"].all("svg", **{"class": "durations"})) == 1
    bars = [float(path["d"][1:].split()[0]) for path in pages["two"].all("path", **{"class": "hit"})]
    assert bars[0] == 0.0  # of 400
    assert bars[1] in (190.0, 200.0)  # half of the time since the first began
    assert "a.B.skips" not in pages["one"].text.partition("Slowest")[2]


def test_pages__show_rows_whose_durations_are_no_numbers(site):
    """A probe's clock may have been patched by a release before this one: its rows are in the tables, and are read."""
    got = recorded.ask(
        site,
        PAGES
        + """
from django_probe.reports import json as as_json, junit, markdown

ran("clocks", "clocks-1", result("shop.Test.test_a"), result("shop.Test.test_b"))
Result.objects.filter(run__run_id="clocks-1", label="shop.Test.test_a").update(duration=float("inf"))
Result.objects.filter(run__run_id="clocks-1", label="shop.Test.test_b").update(duration=-1.0)
record = records.of(runs.find("clocks-1"))
told(gate=page_of_gate("clocks"), run=page_of_run("clocks-1"), status=page_of_all("clocks"),
     record=json.loads(as_json.render(record)), others=[junit.render(record), markdown.render(record)])
""",
    )
    assert [result["duration"] for result in got["record"]["results"]] == [0.0, 0.0]
    assert all('time="inf"' not in text and "infs" not in text for text in got["others"])
    assert all("test_a" in got[page] for page in ("gate", "run"))
    assert "clocks" in got["status"]


def test_run__bounds_a_page_of_two_thousand_probes(site):
    """Problems come first and as many as a page can hold; what is left out is said, and found by filter and paging."""
    pages, _ = render(
        site,
        """
many = [result(f"load.Test{n // 100}.test_{n:04}", Outcome.FAILED if n % 20 == 19 else Outcome.PASSED,
               message="broken" if n % 20 == 19 else "", details="line\\n" * 20_000 if n % 20 == 19 else "",
               title="Loads", owner="storefront", runbook="https://runbooks.example/load",
               file="load/probes.py", line=7)
        for n in range(2_000)]
ran("load", "load", *many)
made = {
    "first": page_of_run("load"), "last": page_of_run("load", page="20"), "beyond": page_of_run("load", page="999"),
    "slips": "".join({page_of_run("load", page=page) for page in ("", "123456abc", "-1", "9" * 5000)}),
    "failed": page_of_run("load", outcome="failed", probe="TEST_05"), "none": page_of_run("load", outcome="odd"),
}
""",
    )
    first = pages["first"].text
    assert "CLOSED 100 blocking probes did not pass" in first
    assert "Only the first 25 of 100 problems are shown in full here" in first
    assert "1,900 passed, 100 failed" in first
    assert "1 to 100 of 2,000" in first
    assert first.index("100 problems") < first.index("load.Test0.test_0019") < first.index("Every result")
    assert "characters before this are left out here; the JSON has them" in first
    assert "1,901 to 2,000 of 2,000" in pages["last"].text
    assert "Loads broken took 250 ms; load/probes.py:7 Owner: storefront Runbook" in first
    assert "https://runbooks.example/load" in [link["href"] for link in pages["first"].all("a")]
    assert "load.Test19.test_1998" in pages["last"].text
    assert pages["beyond"].text == pages["last"].text
    assert pages["slips"].text == first  # all the same page
    assert "1 to 5 of 5 " in pages["failed"].text + " "
    assert "No result is like that." in pages["none"].text


def test_run__tells_the_truth_of_a_lost_one(site):
    """A run whose shards fell silent is LOST, says which, and cannot be run again in part."""
    pages, _ = render(
        site,
        """
ran("lost", "lost", result("shop.TestShop.test_opens"), shard="0/3", host="pod-0")
ran("lost", "lost", shard="2/3", host="pod-2", ends=False)
back(60, run_id="lost")
made = {"run": page_of_run("lost"), "gate": page_of_gate("lost"), "status": page_of_all("lost")}
""",
    )
    text = pages["run"].text
    assert "Run of gate lost LOST Its process ended" in text
    assert "0/3 PASSED pod-0 1 of 1 0 every blocking probe passed" in text
    assert re.search(r"2/3 LOST pod-2 0 of 0 0 not heard of since .{16} UTC", text)
    assert "1/3 LOST no process reported of it" in text
    assert "Run the whole gate" in text
    assert "Run only the failed again" not in text
    assert "Gate lost LOST" in pages["gate"].text
    assert "latest 1 run" not in pages["status"].text  # one bar alone says nothing


def test_run__that_goes_on_has_its_progress(site):
    """Progress is an element that is known to assistive technology, with where to hear more; downloads come later."""
    pages, _ = render(
        site,
        """
ran("on", "on", ends=False)
row = Run.objects.get(run_id="on")
early = page_of_run("on")
store.beat(row.pk, total=40, done=12, problems=1)
made = {"early": early, "run": page_of_run("on"), "gate": page_of_gate("on"), "status": page_of_all("on")}
""",
    )
    assert "the probes are being loaded" in pages["early"].text
    for page in (pages["run"], pages["gate"], pages["status"]):
        (bar,) = page.all("progress")
        assert (bar["max"], bar["value"], bar["aria-label"]) == ("40", "12", "Progress of the run")
        assert "12 of 40 done, 1 with problems Refresh" in page.text
        assert [has["data-progress"] for _, has in page.elements if "data-progress" in has] == [
            "/probe/runs/on@on/?format=json"
        ]
        assert page.all("p", role="status")
    assert "RUNNING" in pages["run"].text
    assert "JUnit" not in pages["run"].text
    assert "NEVER RAN" in pages["status"].text


def test_status__says_in_a_sentence_how_all_gates_stand(site):
    """The headline counts what is closed; one that never ran is neither open nor closed, and closed ones come first."""
    pages, _ = render(
        site,
        """
ran("b-open", "b-open", result("a.B.c"))
ran("c-shut", "c-shut", result("a.B.c", Outcome.ERROR))
made = {"none": page_of_all(), "new": page_of_all("never"), "open": page_of_all("b-open"),
        "two": page_of_all("b-open", "never"), "shut": page_of_all("never", "b-open", "c-shut")}
""",
    )
    headlines = {name: page.text.partition(" Skip to")[0] for name, page in pages.items()}
    assert headlines == {
        "none": "No gate has run yet",
        "new": "No gate has run yet",
        "open": "The gate is open",
        "two": "1 of 2 gates passed, 1 never ran",
        "shut": "1 of 3 gates is closed",
    }
    assert re.findall(r"CLOSED|PASSED|NEVER RAN", pages["shut"].text) == ["CLOSED", "PASSED", "NEVER RAN"]
    assert "This process says ready: no probes" in pages["none"].text


def test_pages__write_numbers_and_times_the_same_in_every_locale(site):
    """Plots stay drawings in a locale with decimal commas; times are UTC for machines and people."""
    pages, _ = render(
        site,
        """
ran("locale", "locale", result("a.B.c"), result("a.B.d", Outcome.TIMEOUT))
made = {"gate": page_of_gate("locale", days="30"), "status": page_of_all("locale"), "run": page_of_run("locale"),
        "when": LONG_AGO.strftime("<time datetime='%Y-%m-%dT%H:%M:%SZ'>%Y-%m-%d %H:%M UTC")}
""",
    )
    started = pages["when"].all("time")[0]["datetime"]
    for name in ("gate", "status", "run"):
        for path in pages[name].all("path"):
            assert re.fullmatch(r"[MLHVhvlz0-9 .-]*", path["d"]), path
        assert pages[name].all("time", datetime=started), name
        assert f"{pages['when'].text} 1 h ago" in pages[name].text, name
        assert "20 min 34 s" in pages[name].text, name


def test_notice__leads_the_anonymous_to_the_log_in_page_and_back(site):
    """401 links to the log-in page with where to come back to; others to the gates; what is said stays as it is."""
    pages, _ = render(
        site,
        """
made = {"401": pages.notice(status=401, sentence="log in", here=HERE),
        "403": pages.notice(status=403, sentence="bob may not see runs", here=HERE),
        "409": pages.notice(status=409, sentence="one at a time", here=HERE, links=[("/x/", "See it")]),
        "202": pages.started(run_url="/probe/runs/x/", here=HERE)}
""",
    )
    assert pages["401"].all("a", href="/login/?next=%2Fprobe%2Fgates%2Fdeploy%2F%3Fdays%3D1")
    assert "409 Not now one at a time See it To the gates" in pages["409"].text
    assert "403 Not allowed bob may not see runs" in pages["403"].text
    assert pages["202"].all("meta", content="0; url=/probe/runs/x/")


def test_pages__let_a_person_log_out_where_the_project_has_a_page_for_it(site):
    """A button beside the name, with the CSRF token; none for a token, and none where nothing is called logout."""
    pages, _ = render(
        site,
        """
ran("leave", "leave")
token = Visitor("token", frozenset(Scope), by_token=True)
made = {"nowhere": page_of_all("leave")}
HERE = Links("/probe/", "/login/", "the-csrf-token", "/probe/", "/accounts/logout/")
made |= {"person": page_of_all("leave"), "run": page_of_run("leave"), "token": page_of_all("leave", visitor=token)}
""",
    )
    leaving = {name: len(page.all("form", action="/accounts/logout/", method="post")) for name, page in pages.items()}
    assert leaving == {"nowhere": 0, "person": 1, "run": 1, "token": 0}
    assert len(pages["person"].all("input", name="csrfmiddlewaretoken", value="the-csrf-token")) == 2


def test_pages__break_labels_between_words(site):
    """That is after dots and, where a part would fit on no line, after underscores; copied, either is the label."""
    pages, _ = render(
        site,
        """
long = "test_" + "a_long_name_" * 4
ran("words", "words", result("shop.TestShop.test_sells"), result(f"shop.TestShop.{long}"), result("<b>.x&y"))
made = {"run": page_of_run("words")}
""",
    )
    assert pages["run"].text.count("shop.TestShop.test_a_long_name_a_long_name_a_long_name_a_long_name_") == 1
    assert "shop.TestShop.test_sells" in pages["run"].text
    assert "<b>.x&y" in pages["run"].text
    assert len(pages["run"].all("wbr")) == 2 + 2 + 13 + 1


def test_pages__say_why_a_gate_is_closed_before_anything_else(site):
    """Problems that are alike are one entry, with labels, owners and runbooks; what was skipped is told too."""
    pages, _ = render(
        site,
        """
down = {"message": "Error 111 connecting to 127.0.0.1:6379", "details": "Traceback"}
pay = {"owner": "payments", "runbook": "https://runbooks.example/pay"}
ran("why", "why", *(result(f"a.T.test_{n}", Outcome.ERROR, **down, **(pay if n else {"owner": "cart"}))
                    for n in range(9)),
    *(result(f"a.U.test_{n}", Outcome.FAILED, message=f"{n} items != 7", blocking=n < 2) for n in range(3)))
ran("skips", "skips", *(result(f"a.T.test_{n}", Outcome.SKIPPED if n < 5 else Outcome.PASSED) for n in range(7)))
ran("many", "many", *(result(f"a.T.test_{n}", Outcome.FAILED, message=f"page {n % 7}") for n in range(400)),
    result("a.T.test_unrun", Outcome.NOT_RUN))
ran("halves", "halves", result("a.T.test_1"), result("a.T.test_2", Outcome.SKIPPED), shard="0/2")
ran("halves", "halves", result("a.T.test_3"), result("a.T.test_4", Outcome.SKIPPED), shard="1/2")
ran("part", "part", result("a.T.test_1", Outcome.FAILED, message="no part decides"), narrowed=True)
made = {"status": page_of_all("why", "skips", "part"), "gate": page_of_gate("why"), "skips": page_of_gate("skips"),
        "run": page_of_run("skips"), "many": page_of_gate("many"), "halves": page_of_gate("halves"),
        "card of many": page_of_all("many")}
""",
    )
    cause = (
        "error 9 probes Error 111 connecting to 127.0.0.1:6379 a.T.test_0 a.T.test_1 a.T.test_2 and 6 more "
        "Owner: cart, payments Runbook"
    )
    for name in ("status", "gate"):
        assert f"11 blocking probes did not pass {cause} failed 0 items != 7 a.U.test_0" in pages[name].text, name
        assert pages[name].all("a", href="https://runbooks.example/pay", rel="noreferrer"), name
    assert "all 4 causes" in pages["status"].text
    assert "failed warn-only 2 items != 7" in pages["gate"].text
    assert "failed warn-only" not in pages["status"].text
    assert "no part decides" not in pages["status"].text
    for name in ("status", "skips", "run"):
        assert "Every blocking probe passed; 5 of 7 skipped" in pages[name].text, name
    assert "Every blocking probe passed; 2 of 4 skipped" in pages["halves"].text
    assert "There are more problems than are grouped here: see the run" in pages["many"].text
    assert pages["card of many"].text.count("probes page") == 3
