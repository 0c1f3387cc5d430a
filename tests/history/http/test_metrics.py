"""What Prometheus reads of the gates, and what a real one makes of it."""

from __future__ import annotations

import subprocess
from itertools import dropwhile, takewhile

import pytest
import yaml

from tests import documents
from tests.conftest import ROOT
from tests.helm.charts import render
from tests.helm.tools import UnavailableError
from tests.history.recorded import ask, new_site, probe
from tests.installed import needed
from tests.prometheus import prometheus
from tests.webservers import gunicorn

PAGE = ROOT / "docs" / "metrics.md"
TOKEN = "metrics-0123456789-abcdef"
# Prometheus asks each pod by its address, which no project has in ALLOWED_HOSTS.
SETTINGS = f"""
PROBE_TOKENS = ["view:{TOKEN}"]
ALLOWED_HOSTS = ["shop.example"]
SECURE_SSL_REDIRECT = True
MIDDLEWARE = [
    "django_probe.middleware.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
"""
URLS = """\
from django.urls import include, path

urlpatterns = [path("probe/", include("django_probe.urls"))]
"""
# Writes the runs that the tests tell of: `run("a", "deploy", PASSED, age=60)`.
WRITE = """
from prometheus_client.parser import text_string_to_metric_families

NOW = datetime.now(UTC)
NEXT = iter(range(100_000))

def run(gate, *outcomes, id=None, shard=None, narrowed=False, silent=0, took=2.0):
    id = id or f"run-{next(NEXT)}"
    results = tuple(ProbeResult(f"shop.T.test_{n}", outcome) for n, outcome in enumerate(outcomes))
    record = ProbeRun(id, gate, NOW - timedelta(seconds=60 + took), NOW - timedelta(seconds=60), len(results), results,
                      shard=shard)
    key = store.begin(record, trigger="", labels=(), narrowed=narrowed)
    if outcomes:
        store.finish(key, record)
    if silent:
        back(silent, pk=key)

def samples(accept=""):
    families = text_string_to_metric_families(metrics.exposition(accept)[0].decode())
    return {" ".join([each.name.removeprefix("django_probe_"), *each.labels.values()]): each.value
            for family in families for each in family.samples}

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
"""


@pytest.fixture
def site(tmp_path):
    """A site with an empty history."""
    return new_site(tmp_path / "site")


def test_gate__is_told_by_its_latest_whole_run(kept):
    """Verdict, end, duration and outcomes are those of the latest run that ended; nothing else moves them."""
    got = ask(
        kept,
        WRITE
        + """
run("told", FAILED)
run("told", PASSED, PASSED, Outcome.EXPECTED_FAILURE, SKIPPED, took=7.5)
run("told", FAILED, narrowed=True)
run("told")  # goes on
run("never judged")
told(samples=samples(), at=(NOW - timedelta(seconds=60)).timestamp())
""",
    )
    samples = {name: value for name, value in got["samples"].items() if "told" in name or "judged" in name}
    counts = {"passed": 2, "failed": 0, "error": 0, "timeout": 0, "skipped": 1, "expected_failure": 1, "not_run": 0}
    assert samples == {
        "gate_passed told": 1,
        "gate_last_run_timestamp_seconds told": pytest.approx(got["at"], abs=0.01),
        "gate_duration_seconds told": pytest.approx(7.5),
        "gate_consecutive_failures told": 0,
        "gate_flaky_total told": 0,
        "notices_undelivered told": 0,
        **{f"gate_results told {outcome}": count for outcome, count in counts.items()},
    }


def test_flaky__are_counted_once_and_never_fall(kept):
    """Passes after a problem count in every run and shard, once each; that old runs are deleted changes nothing."""
    got = ask(
        kept,
        WRITE
        + """
retried = ProbeResult("shop.T.test_flaky", PASSED, attempts=2)
def finished(gate, *results, **more):
    record = ProbeRun(f"flaky-{next(NEXT)}", gate, NOW, NOW, len(results), results, **more)
    key = store.begin(record, trigger="", labels=(), narrowed=False)
    for _ in range(2):  # the answer to the first may have been lost
        store.finish(key, record)

finished("wavers", retried, ProbeResult("shop.T.test_b", FAILED, attempts=2), ProbeResult("shop.T.test_c", PASSED))
finished("wavers", retried, retried, shard="0/2")
finished("wavers", ProbeResult("shop.T.test_c", PASSED))
finished("steady", ProbeResult("shop.T.test_c", PASSED))
before = samples()
Run.objects.filter(gate="wavers").order_by("pk").first().delete()
told(before=before, after=samples(), text=metrics.exposition("")[0].decode())
""",
    )
    for when in ("before", "after"):
        assert (got[when]["gate_flaky_total wavers"], got[when].get("gate_flaky_total steady")) == (3, 0)
    assert "# TYPE django_probe_gate_flaky_total counter" in got["text"]


def test_results__are_those_of_the_record_where_nobody_reported(kept):
    """A run that was lost, and shards that nobody heard of, are errors in the metric, the summary and the record."""
    got = ask(
        kept,
        WRITE
        + """
run("silent", silent=31)
run("shards", PASSED, FAILED, shard="0/4", id="s", silent=31)
run("shards", shard="2/4", id="s", silent=31)
told(samples=samples(), counts={gate: [found.counts, records.of(found).counts]
                                for gate in ("silent", "shards") if (found := runs.verdict(gate))})
""",
    )
    for gate, errors in (("silent", 1), ("shards", 3)):
        of_summary, of_record = got["counts"][gate]
        of_metric = {outcome: got["samples"][f"gate_results {gate} {outcome}"] for outcome in of_record}
        assert of_summary == of_record == of_metric
        assert of_record["error"] == errors


def test_consecutive_failures__are_whole_runs_since_the_last_that_passed(kept):
    """A run counts once whatever its shards are; lost ones and missing shards count, narrowed ones not."""
    got = ask(
        kept,
        WRITE
        + """
run("failing", FAILED)
run("failing", PASSED, id="good", shard="0/2")
run("failing", PASSED, id="good", shard="1/2")
said = []
def look():
    here = samples()
    said.append([here["gate_passed failing"], here["gate_consecutive_failures failing"]])
look()
run("failing", PASSED, id="bad", shard="0/2")
run("failing", FAILED, id="bad", shard="1/2")
look()
run("failing", silent=31)
look()
run("failing", PASSED, id="missing", shard="0/2", silent=31)
look()
run("failing", PASSED, narrowed=True)
run("failing")
look()
run("failing", FAILED, id="again")
look()
run("failing", PASSED, id="again")  # a second attempt takes the place of the first
look()
told(said=said)
""",
    )
    assert got["said"] == [[1, 0], [0, 1], [0, 2], [0, 3], [0, 3], [0, 4], [1, 0]]


def test_queries__do_not_grow_with_the_runs(site):
    """The history of a gate that never passed is asked as often when it is long as when it is short."""
    got = ask(
        site,
        WRITE
        + """
from django.test.utils import CaptureQueriesContext
def queries():
    with CaptureQueriesContext(connection) as context:
        failures = samples()["gate_consecutive_failures deploy"]
    return [failures, len(context)]
for _ in range(3):
    run("deploy", FAILED)
short = queries()
Run.objects.bulk_create(
    Run(run_id=f"old-{n}", gate="deploy", exit_code=1, started_at=NOW, heartbeat_at=NOW, finished_at=NOW)
    for n in range(2000)
)
told(short=short, long=queries())
""",
    )
    assert got["short"][0] == 3
    assert got["long"] == [2003, got["short"][1]]


def test_probes__are_told_where_it_is_asked_for(site):
    """A sample of each probe is many: PROBE_METRICS_PER_PROBE asks for them; what was skipped has none."""
    run = WRITE + 'run("deploy", PASSED, FAILED, SKIPPED)\ntold(samples=samples())\n'
    assert not [name for name in ask(site, run)["samples"] if name.startswith("probe_")]
    site.configure("PROBE_METRICS_PER_PROBE = True\n")
    told = ask(site, WRITE + "told(samples=samples())")["samples"]
    assert {name: value for name, value in told.items() if name.startswith("probe_")} == {
        "probe_passed deploy shop.T.test_0": 1,
        "probe_passed deploy shop.T.test_1": 0,
    }


def test_formats__are_those_that_accept_asks_for(site):
    """OpenMetrics for Prometheus, which names it; else the text format, also where Accept is no sense."""
    promtool = needed("promtool", "prometheus")
    site.configure("PROBE_METRICS_PER_PROBE = True\n")
    ours = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    accepts = [
        ours,
        "",
        "*/*",
        "text/html",
        "text/plain;version=zero",
        "application/openmetrics-text;version=x.y",
        ";,=",
    ]
    got = ask(
        site,
        WRITE
        + f"""
run("deploy", PASSED, FAILED)
run("a gate \\"with\\\\ everything\\n", PASSED)
got = [metrics.exposition(accept) for accept in {accepts!r}]
told(types=[each[1].partition(";")[0] for each in got], open=got[0][0].decode(), plain=got[1][0].decode())
""",
    )
    assert got["types"] == ["application/openmetrics-text", *["text/plain"] * 6]
    assert got["open"].endswith("# EOF\n")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=got["plain"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_library__that_is_missing_is_named(site):
    """Without the extra the error says what to install."""
    site.write("prometheus_client.py", "raise ImportError(\"No module named 'prometheus_client'\", name=__name__)\n")
    got = ask(
        site,
        """
        try:
            metrics.exposition("")
        except metrics.MissingLibraryError as error:
            told(said=str(error))
        """,
    )
    assert got["said"] == (
        "metrics: No module named 'prometheus_client': install django-probe-gate with its extra \"metrics\""
    )


def shown(kind):
    """Return the block of this kind in docs/metrics.md, as what YAML it is."""
    (found,) = [block.text for block in documents.blocks(PAGE) if block.kind == kind]
    return yaml.safe_load(found)


def rows(heading):
    """Return the cells of the first table under a heading of docs/metrics.md, without its head."""
    lines = iter(PAGE.read_text(encoding="utf-8").split(f"{heading}\n")[1].splitlines())
    table = list(takewhile(lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), lines)))
    return [[cell.strip(" `") for cell in line.strip("|").replace("\\|", "\0").split("|")] for line in table[2:]]


def chart_rules():
    """Return the groups of alerts that the chart renders."""
    try:
        rendered = render({"prometheusRule": {"enabled": True}})
    except UnavailableError as error:
        pytest.skip(str(error))
    return rendered.kind("PrometheusRule")["spec"]["groups"]


def test_page__names_every_metric(site):
    """docs/metrics.md has each metric with its labels, and no other."""
    site.configure("PROBE_METRICS_PER_PROBE = True\n")
    got = ask(
        site,
        WRITE
        + """
run("deploy", PASSED)
families = list(text_string_to_metric_families(metrics.exposition("")[0].decode()))
told(metrics=sorted([each.samples[0].name, ", ".join(each.samples[0].labels)] for each in families))
""",
    )
    assert got["metrics"] == sorted([name, labels.replace("`", "")] for name, labels, _ in rows("# Metrics and alerts"))


def test_alerts__of_a_real_prometheus(tmp_path):
    """It scrapes gunicorn as docs/metrics.md shows; the alerts there and the chart's fire while a gate is closed."""
    needed("prometheus")
    groups = [*chart_rules(), *yaml.safe_load(yaml.safe_dump(shown("rules")).replace("periodic", "deploy"))["groups"]]
    site = new_site(tmp_path / "site", SETTINGS + "PROBE_METRICS_PER_PROBE = True\n")
    site.write("site_urls.py", URLS)
    for _ in range(3):
        probe(site, 1, BROKEN="1")
    (scrape,) = shown("scrape")["scrape_configs"]
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    scrape["authorization"]["credentials_file"] = str(tmp_path / "token")
    with gunicorn(site) as server:
        assert server.ask("/probe/metrics/", Authorization=f"Bearer {TOKEN}x").status == 401
        scrape["static_configs"] = [{"targets": [f"127.0.0.1:{server.port}"], "labels": {"namespace": "prod"}}]
        with prometheus(tmp_path, {**scrape, "scrape_interval": "1s"}, {"groups": groups}) as running:
            fired = ["DjangoProbeGateFailing deploy", "GateClosed deploy", "GateKeepsFailing deploy"]
            running.until(lambda: running.firing() == fired)
            for _, query in rows("## Panels for Grafana"):
                assert running.query(query.replace("\0", "|")), query
            probe(site, 0)
            running.until(lambda: running.firing() == [])
            (passed,) = running.query("django_probe_gate_passed")
            assert (passed["metric"]["gate"], passed["value"][1]) == ("deploy", "1")
            (age,) = running.query("time() - django_probe_gate_last_run_timestamp_seconds")
            assert 0 <= float(age["value"][1]) < 20
