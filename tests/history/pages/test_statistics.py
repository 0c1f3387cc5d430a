"""How gates stand and what their probes did, read from a history on SQLite and on PostgreSQL behind a pooler."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.history import recorded

STATISTICS = """
from django_probe.history.pages import heatmap, statistics

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=10)

def ran(gate, minute, outcomes, *, shard=None, narrowed=False, ends=True, run_id=None, attempts=1):
    start = BEGAN + timedelta(minutes=minute)
    results = [ProbeResult(f"shop.Test.test_{name}", Outcome(outcome), started_at=start, duration=0.1 * (n + 1),
                           attempts=attempts) for n, (name, outcome) in enumerate(outcomes.items())]
    run = ProbeRun(run_id or f"{gate}-{minute}", gate, start, start + timedelta(seconds=minute + 1), len(results),
                   tuple(results), shard=shard)
    key = store.begin(run, trigger="", labels=[], narrowed=narrowed)
    if ends:
        store.finish(key, run)

def standing(card):
    return {"verdict": card.verdict and card.verdict.id, "since": card.since and (card.since - BEGAN).seconds // 60,
            "streak": card.streak, "running": card.running and card.running.id,
            "trend": [[each.id, each.mark, each.duration] for each in card.trend]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site that keeps its history in SQLite."""
    return recorded.new_site(tmp_path_factory.mktemp("statistics") / "site")


def ask(kept, code):
    """Ask the site in a process with Django set up."""
    return recorded.ask(kept, STATISTICS + dedent(code))


def test_cards_and_view__take_as_many_queries_for_a_hundred_runs_as_for_ten(kept):
    """Opening a page does not get more expensive, in queries, with every run that is kept."""
    got = ask(
        kept,
        """
        from django.test.utils import CaptureQueriesContext

        def queries():
            database = Run.objects.db
            with CaptureQueriesContext(connections[database]) as cards:
                statistics.cards(["many"])
            with CaptureQueriesContext(connections[database]) as view:
                statistics.view("many", {"days": "30", "runs": "100"})
            return [len(cards), len(view)]

        for minute in range(10):
            ran("many", minute, {"a": "passed", "b": "failed"})
        few = queries()
        for minute in range(10, 110):
            ran("many", minute, {"a": "passed", "b": "failed"})
        told(few=few, many=queries(), runs=len(statistics.view("many", {"runs": "100"}).heat.runs))
        """,
    )
    assert got["few"] == got["many"]
    assert max(got["many"]) <= 10
    assert got["runs"] == 100


def test_cards__say_since_when_a_gate_stands_as_it_does(kept):
    """The streak goes back to the last whole run that said otherwise: a lost run, and one with a shard missing, too."""
    got = ask(
        kept,
        """
        good, bad = {"a": "passed"}, {"a": "failed"}
        ran("s", 0, bad)
        ran("s", 1, good)
        ran("s", 2, bad)
        ran("s", 3, bad, ends=False)
        ran("s", 4, good, shard="0/2")
        back(60, gate="s")
        closed = standing(statistics.cards(["s"])[0])
        ran("s", 5, good, shard="0/2")
        ran("s", 5, good, shard="1/2")
        ran("s", 6, good)
        ran("s", 7, bad, narrowed=True)
        ran("s", 8, bad, ends=False)
        told(closed=closed, opened=standing(statistics.cards(["s"])[0]), never=standing(statistics.cards(["t"])[0]))
        """,
    )
    assert got["closed"]["verdict"] == "s-4"
    assert (got["closed"]["since"], got["closed"]["streak"]) == (2, 3)
    assert [mark for _, mark, _ in got["closed"]["trend"]] == ["closed", "passed", "closed", "lost", "lost"]
    opened = got["opened"]
    assert (opened["verdict"], opened["since"], opened["streak"], opened["running"]) == ("s-6", 5, 2, "s-8")
    assert opened["trend"][-2:] == [["s-5", "passed", 6.0], ["s-6", "passed", 7.0]]
    assert got["never"] == {"verdict": None, "since": None, "streak": 0, "running": None, "trend": []}


def test_cards__stand_since_a_moment_whatever_changes_while_they_are_read(site):
    """Runs that end, come back or are pruned between two queries make a page old, never wrong or none."""
    got = ask(
        site,
        """
        def read_while(name, change):
            ran(name, 1, {"a": "passed"})
            ran(name, 2, {"a": "failed"})
            ran(name, 3, {"a": "failed"})
            ended = statistics._ended
            def changed(*asked):
                change()
                return ended(*asked)
            statistics._ended = changed
            card = statistics.cards([name])[0]
            statistics._ended = ended
            return standing(card)

        told(ends=read_while("ends", lambda: ran("ends", 9, {"a": "passed"})),
             part=read_while("part", lambda: ran("part", 9, {"a": "passed"}, run_id="part-3", narrowed=True)),
             pruned=read_while("pruned", lambda: Run.objects.filter(gate="pruned").delete()))
        """,
    )
    told = {name: (card["verdict"], card["since"], card["streak"]) for name, card in got.items()}
    assert told == {"ends": ("ends-3", 2, 2), "part": ("part-3", 2, 2), "pruned": ("pruned-3", 3, 1)}


def test_cards__take_a_part_that_shares_the_id_of_a_run_for_none_of_it(site):
    """A pipeline that runs a gate, and again some probes of it by hand under the same id, has the whole's verdict."""
    got = ask(
        site,
        """
        ran("same", 1, {"a": "failed"}, run_id="pipeline")
        ran("same", 2, {"a": "passed"}, run_id="pipeline", narrowed=True)
        view = statistics.view("same", {})
        told(card=standing(view.card), past=[each.mark for each in view.past],
             heat=[[cell.outcome for cell in each.cells] for each in view.heat.shown],
             listed=[each.narrowed for each in view.latest])
        """,
    )
    assert (got["card"]["verdict"], got["card"]["since"], got["card"]["streak"]) == ("pipeline", 1, 1)
    assert (got["past"], got["heat"], got["listed"]) == (["closed"], [["failed"]], [True, False])


def test_view__knows_flaky_probes_from_broken_ones(site):
    """Flaky is what changes its mind or needs retries; what broke once, or was mended once, is not."""
    got = ask(
        site,
        """
        for minute in range(6):
            ran("f", minute, {
                "steady": "passed", "broke": "failed" if minute > 2 else "passed", "skips": "skipped",
                "wavers": "failed" if minute in (1, 4) else "passed",
            })
        ran("f", 6, {"retried": "passed"}, attempts=2)
        heat = statistics.view("f", {}).heat
        only = statistics.view("f", {"problems": "1", "probe": "TEST_W"}).heat
        told(flaky=[[each.label, each.changes, each.retried] for each in heat.flakiest],
             slowest=[each.label for each in heat.slowest][:2], shown=[each.label for each in heat.shown],
             cells=[cell and cell.outcome for cell in heat.shown[1].cells], last=heat.shown[1].last_problem,
             only=[each.label for each in only.shown], ranked=[each.label for each in heat.slowest][2:])
        """,
    )
    assert got["flaky"] == [["shop.Test.test_wavers", 4, 0], ["shop.Test.test_retried", 0, 1]]
    assert got["slowest"] == ["shop.Test.test_wavers", "shop.Test.test_broke"]
    assert got["ranked"] == ["shop.Test.test_steady", "shop.Test.test_retried"]  # and none that never ran
    assert got["shown"][:2] == ["shop.Test.test_broke", "shop.Test.test_wavers"]
    assert got["cells"] == ["passed", "failed", "passed", "passed", "failed", "passed", None]
    assert got["last"] == 4
    assert got["only"] == ["shop.Test.test_wavers"]


def test_view__shows_shards_of_a_run_as_one(site):
    """A run has one column, whichever of its shards ran a probe; the worse counts where both report the same label."""
    got = ask(
        site,
        """
        ran("h", 1, {"a": "passed", "both": "failed"}, shard="0/2", run_id="h")
        ran("h", 1, {"b": "failed", "both": "passed"}, shard="1/2", run_id="h")
        heat = statistics.view("h", {}).heat
        told(runs=len(heat.runs), cells={each.label: [cell.outcome for cell in each.cells] for each in heat.shown})
        """,
    )
    assert got["runs"] == 1
    assert got["cells"] == {
        "shop.Test.test_a": ["passed"],
        "shop.Test.test_b": ["failed"],
        "shop.Test.test_both": ["failed"],
    }


def test_view__reads_fewer_runs_of_a_gate_with_many_probes(site):
    """What is read for a page is bounded: so many runs as have no more results, but always one."""
    got = ask(
        site,
        """
        for minute in range(5):
            ran("big", minute, {str(number): "passed" for number in range(30)})
        heatmap._MOST_RESULTS = 100
        some = statistics.view("big", {}).heat
        heatmap._MOST_RESULTS = 10
        one = statistics.view("big", {}).heat
        told(some=[each.id for each in some.runs], bounded=some.bounded, one=[each.id for each in one.runs],
             shown=[len(some.shown), some.matching, one.matching])
        """,
    )
    assert got == {"some": ["big-2", "big-3", "big-4"], "bounded": True, "one": ["big-4"], "shown": [20, 30, 10]}


def test_view__lists_every_run_once(kept):
    """Page by page all runs are listed, the latest first, those of a part too; shards on both sides of a page's end."""
    got = ask(
        kept,
        """
        statistics.PAGE = 3
        for minute in (1, 2):
            ran("l", minute, {"a": "passed"}, shard="0/2", run_id="sharded")
            ran("l", minute + 10, {"a": "passed"}, narrowed=minute == 1)
        ran("l", 20, {"a": "passed"}, shard="1/2", run_id="sharded")
        for minute in range(30, 32):
            ran("l", minute, {"a": "passed"})
        pages, query = [], {"before": "no number"}
        while query:
            view = statistics.view("l", query)
            pages.append([each.id for each in view.latest])
            query = view.older and {"before": str(view.older)}
        told(pages=pages)
        """,
    )
    assert got["pages"] == [["l-31", "l-30", "sharded"], ["l-12", "l-11"]]


def test_view__has_the_past_of_the_period(site):
    """Runs from before the period are not in the plot; a period that nobody offers is as none."""
    got = ask(
        site,
        """
        ran("p", -60 * 24 * 2, {"a": "passed"}, run_id="p-old")
        ran("p", 1, {"a": "failed"})
        told(day=[[each.id, each.mark, each.duration] for each in statistics.view("p", {"days": "1"}).past],
             week=[each.id for each in statistics.view("p", {"days": "7"}).past],
             odd=statistics.view("p", {"days": "-1", "runs": "9999999"}).filter.days,
             begins=[round((view.since - BEGAN).total_seconds() / 3600)
                     for view in (statistics.view("p", {"days": days}) for days in ("1", "7", "30"))])
        """,
    )
    day, week = [["p-1", "closed", 2.0]], ["p-old", "p-1"]
    # The plot begins a day ago, since there is an older run, or else with the first run of all.
    assert got == {"day": day, "week": week, "odd": 7, "begins": [-14, -48, -48]}


def test_view__has_all_shards_of_a_run_at_the_edge_of_the_period_or_none(site):
    """A run whose first shard began before the period is not in the plot: least of all as one that lost a shard."""
    got = ask(
        site,
        """
        edge = 10 * 60 - 24 * 60
        ran("e", edge - 1, {"a": "passed"}, shard="0/2", run_id="e")
        ran("e", edge + 1, {"a": "passed"}, shard="1/2", run_id="e")
        back(60, gate="e")
        ran("e", 1, {"a": "passed"})
        told(past=[[each.id, each.mark] for each in statistics.view("e", {"days": "1"}).past])
        """,
    )
    assert got == {"past": [["e-1", "passed"]]}


@pytest.mark.parametrize("settings", ["USE_TZ = False", "USE_TZ = True"])
def test_times__are_the_same_whatever_the_project_keeps(tmp_path, settings):
    """Since when a gate stands, and when a run was, is right in a project without time zones in its database."""
    site = recorded.new_site(tmp_path / "site", f'{settings}\nTIME_ZONE = "Asia/Kathmandu"\n')
    got = ask(
        site,
        """
        ran("tz", 0, {"a": "failed"})
        view = statistics.view("tz", {"days": "1"})
        told(since=(view.card.since - BEGAN).total_seconds(), past=(view.past[0].started_at - BEGAN).total_seconds(),
             trend=[each.duration for each in view.card.trend])
        """,
    )
    assert got == {"since": 0, "past": 0, "trend": [1.0]}
