"""What is older than settings.PROBE_HISTORY_DAYS goes, a few runs at a time."""

from __future__ import annotations

from tests.history.recorded import ask, new_site, probe

FILL = """
now = datetime.now(UTC)
for number in range({count}):
    began = now - timedelta(days={days}, minutes=number)
    result = ProbeResult("shop.T.test", Outcome.PASSED)
    run = ProbeRun(f"{days}-days-{{number}}", "deploy", began, began, 1, (result,))
    store.finish(store.begin(run, trigger="", labels=(), narrowed=False), run)
"""
LEFT = "told(runs=sorted(Run.objects.values_list('run_id', flat=True)), results=Result.objects.count())"


def test_old_runs__go_after_a_run_and_the_young_stay(tmp_path):
    """The next run of any gate takes the old ones and their results away; what is younger than the limit stays."""
    site = new_site(tmp_path / "site", "PROBE_HISTORY_DAYS = 7\n")
    ask(site, FILL.format(count=45, days=8) + FILL.format(count=3, days=6) + "told()")
    probe(site, 0, "--gate", "other", PROBE_RUN_ID="today")
    got = ask(site, LEFT)
    assert got["runs"] == ["6-days-0", "6-days-1", "6-days-2", "today"]
    assert got["results"] == 4


def test_old_runs__go_but_for_how_each_gate_stands(tmp_path):
    """The last verdict of a gate stays however old it is, all its shards; not a part, nor one that is only older."""
    site = new_site(tmp_path / "site")
    got = ask(
        site,
        """
        from django_probe.history.storage.retention import prune
        def ran(run_id, gate, days, shard=None, narrowed=False, ends=True):
            began = datetime.now(UTC) - timedelta(days=days)
            run = ProbeRun(run_id, gate, began, began, 1, (ProbeResult("shop.T.test", Outcome.PASSED),), shard=shard)
            key = store.begin(run, trigger="", labels=(), narrowed=narrowed)
            if ends:
                store.finish(key, run)
        ran("older", "quiet", 60)
        for shard in ("0/2", "1/2"):
            ran("stands", "quiet", 50, shard=shard)
        ran("part", "quiet", 40, narrowed=True)
        ran("goes on", "quiet", 0, ends=False)
        ran("first", "busy", 50)
        ran("second", "busy", 1)
        prune()
        told(runs=sorted(Run.objects.values_list("run_id", "shard")), stands=runs.verdict("quiet").id)
        """.replace("\n        ", "\n"),
    )
    assert got["runs"] == [["goes on", ""], ["second", ""], ["stands", "0/2"], ["stands", "1/2"]]
    assert got["stands"] == "stands"


def test_old_runs__go_in_small_transactions(tmp_path):
    """No statement takes more than a few runs: who else writes waits for none of it for long."""
    site = new_site(tmp_path / "site")
    got = ask(
        site,
        FILL.format(count=45, days=31)
        + """
        from django.test.utils import CaptureQueriesContext
        from django_probe.history.storage.retention import prune
        with CaptureQueriesContext(connection) as queries:
            prune()
        deleted = [each["sql"] for each in queries if 'DELETE FROM "probe_history_run"' in each["sql"]]
        told(left=Run.objects.count(), most=max(each.count(",") + 1 for each in deleted), many=len(deleted))
        """.replace("\n        ", "\n"),
    )
    assert got["left"] == 1  # how the gate stands
    assert got["many"] >= 3
    assert got["most"] <= 20


def test_old_runs__that_cannot_be_deleted_are_one_warning_that_says_so(tmp_path):
    """The run is kept all the same, with its verdict, and the warning names the setting that is wrong."""
    site = new_site(tmp_path / "site")
    site.configure("PROBE_POLICY = BASE_DIR / 'probe.yaml'\nPROBE_HISTORY_DAYS = 'abc'\n")
    done = probe(site, 0, "--gate", "deploy", PROBE_RUN_ID="kept")
    (warning,) = [line for line in done.err.splitlines() if line.startswith("history:")]
    assert warning.startswith("history: written, but runs older than PROBE_HISTORY_DAYS were not deleted: ")
    assert "'abc'" in warning
    assert ask(site, LEFT)["runs"] == ["kept"]
