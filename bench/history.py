"""Measures the history: pages over a month, writing a long record, many POSTs at once; SQLite and PostgreSQL.

Alone: `python bench/history.py`.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import figures
import measure
import projects
import serving

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import MissingError, find, postgresql  # noqa: E402  (they are not on the path)

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 30 * 24 * 12  # a month of a gate that runs every five minutes
FEW = 20
PROBES = 200
RESULTS = 10_000
POSTS = 16
WAIT = 4  # seconds that the run which the POSTs start takes: all of them come during it
_ENDS_WITHIN = 60
_TOKEN = "bench-0123456789-abcdefgh"
_ACCEPTED, _GOES_ON = 202, 409

_SETTINGS = f"""
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS += ["django_probe.history"]
MIDDLEWARE.append("benched.queries.counted")
PROBE_POLICY = BASE_DIR / "probe.yaml"
PROBE_TOKENS = ["start:{_TOKEN}"]
PROBE_HISTORY_DAYS = 40  # nothing that is measured is too old
"""
_POLICY = "gates: {periodic: {}, deploy: {}}\n"
_URLS = """\
from django.urls import include, path

urlpatterns = [path("probe/", include("django_probe.urls"))]
"""
_QUERIES = """\
from django.db import connection


def counted(get_response):
    def answer(request):
        queries = []

        def count(execute, *told):
            queries.append(told)
            return execute(*told)

        with connection.execute_wrapper(count):
            response = get_response(request)
        response.headers["X-Queries"] = str(len(queries))
        return response

    return answer
"""
_PRELUDE = """\
import json, sys, time
from datetime import UTC, datetime, timedelta
import django
django.setup()
from django.db import connection
from django_probe.history.storage import store
from django_probe.history.models import Result, Run
from django_probe.results import Outcome, ProbeResult, ProbeRun
"""
# The rows as the store would write them; one run of 50 failed, in one of the probes in turn.
_FILL = """
first, last, total, probes = map(int, sys.argv[1:])
now = datetime.now(UTC)
def row(number):
    began = now - timedelta(minutes=5 * (total - number))
    failed = int(number % 50 == 0)
    counts = {**dict.fromkeys(Outcome, 0), Outcome.PASSED: probes - failed, Outcome.FAILED: failed}
    return Run(run_id=f"run-{number}", gate="periodic", release="v1", host="cronjob", trigger="cronjob",
               started_at=began, heartbeat_at=began + timedelta(seconds=20), finished_at=began + timedelta(seconds=20),
               total=probes, done=probes, problems=failed, selected=probes, exit_code=failed, counts=counts,
               reason="1 blocking probe did not pass" if failed else "every blocking probe passed")
begin = Run.objects.order_by("pk").values_list("pk", flat=True).last() or 0
Run.objects.bulk_create(map(row, range(first, last)), batch_size=500)
with connection.cursor() as cursor:
    cursor.execute('''
        WITH RECURSIVE probe(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM probe WHERE n < %s - 1)
        INSERT INTO probe_history_result
            (run_id, label, outcome, blocking, started_at, duration, attempts, message, details, output, tags)
        SELECT run.id, 'shop.TestShop' || (n / 10) || '.test_does_what_it_should_' || n,
            CASE WHEN exit_code = 1 AND n = run.id / 50 %% %s THEN 'failed' ELSE 'passed' END,
            true, started_at, 0.05 + (run.id + n) %% 7 * 0.01, 1,
            CASE WHEN exit_code = 1 AND n = run.id / 50 %% %s THEN '402 != 200' ELSE '' END, '', '', '[]'
        FROM probe_history_run AS run CROSS JOIN probe WHERE run.id > %s''', [probes, probes, probes, begin])
    if connection.vendor == "postgresql":
        cursor.execute("VACUUM ANALYZE")  # as its autovacuum does
print(json.dumps(Result.objects.count()))
"""
_WRITE = """
turns, many = map(int, sys.argv[1:])
now = datetime.now(UTC)
details = "Traceback (most recent call last):\\n" + 10 * "  a line of a traceback, as long as lines of it are\\n"
def result(number):
    failed = number % 100 == 0
    return ProbeResult(f"shop.TestShop{number // 10}.test_does_what_it_should_{number}",
                       Outcome.FAILED if failed else Outcome.PASSED, started_at=now, duration=0.05,
                       message="402 != 200" if failed else "", details=details if failed else "")
results = tuple(map(result, range(many)))
taken = []
for turn in range(turns):
    run = ProbeRun(f"long-{turn}", "deploy", now, now, many, results)
    began = time.perf_counter()
    store.finish(store.begin(run, trigger="bench", labels=(), narrowed=False), run)
    taken.append(time.perf_counter() - began)
print(json.dumps(taken))
"""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its seconds, its queries, its bytes."""

    seconds: float
    queries: int
    size: int


@dataclass(frozen=True, slots=True)
class Site:
    """A project with a history."""

    folder: Path
    python: Path

    def script(self, code: str, *arguments: object) -> object:
        """Run a script in it, and return the JSON that it printed. Raise BenchError if it fails."""
        done = subprocess.run(
            [str(self.python), "-c", _PRELUDE + code, *map(str, arguments)],
            cwd=self.folder,
            env=measure.environment({"DJANGO_SETTINGS_MODULE": "benched.settings"}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise measure.BenchError(f"a script failed:\n{done.stderr}")
        return json.loads(done.stdout)


def tables(folder: Path, python: Path, count: int, long: int, runs: int) -> Iterator[figures.Table]:
    """Measure on SQLite and on PostgreSQL. Raise MissingError if that is not installed."""
    yield _table("SQLite", _site(folder / "sqlite", python, ""), count, long, runs)
    find("postgres")
    with postgresql() as server:
        database = f'DATABASES["default"] = {server.settings("postgres")!r}\n'
        yield _table("PostgreSQL", _site(folder / "postgresql", python, database), count, long, runs)


def _site(folder: Path, python: Path, database: str) -> Site:
    project = projects.generate(folder, python, projects.module(2, waiting=True))
    with (project / "benched" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(_SETTINGS + database)
    (project / "benched" / "urls.py").write_text(_URLS, encoding="utf-8")
    (project / "benched" / "queries.py").write_text(_QUERIES, encoding="utf-8")
    (project / "probe.yaml").write_text(_POLICY, encoding="utf-8")
    migrate = [str(python), "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=project, env=measure.environment({}), check=True)
    return Site(project, python)


def _table(name: str, site: Site, count: int, long: int, runs: int) -> figures.Table:
    few = min(FEW, count)
    with serving.served(site.folder, site.python, "--workers", "2", "--threads", "8", BENCH_WAIT=str(WAIT / 2)) as port:
        site.script(_FILL, 0, few, count, PROBES)
        short = {path: _page(port, path) for path in ("/probe/", "/probe/gates/periodic/")}
        results = site.script(_FILL, few, count, count, PROBES)
        taken = {path: [_page(port, path) for _ in range(runs + 1)][1:] for path in short}  # the first warms up
        started = _post_at_once(port)
    written = site.script(_WRITE, max(1, runs // 2), long)
    status, gate = (1000 * statistics.median(page.seconds for page in pages) for pages in taken.values())
    queries = max(pages[-1].queries - short[path].queries for path, pages in taken.items())
    return figures.Table(
        f"the history on {name}: {count:,} runs, {results:,} results; median of {runs} requests",
        (
            figures.at_most(f"{name}: status page", status, "ms", 300),
            figures.at_most(f"{name}: a gate's page", gate, "ms", 600),
            figures.at_most(f"{name}: queries more than over {few} runs", queries, "", 0),
            figures.at_most(f"{name}: a run of {long:,} results written", statistics.median(written), "s", 2),
            figures.at_most(f"{name}: runs that {POSTS} POSTs at once started", started, "", 1),
        ),
        {"few": [*short.values()], **taken, "written": written},
    )


def _page(port: int, path: str) -> Page:
    began = time.perf_counter()
    status, body, headers = _ask(port, "GET", path, "text/html")
    seconds = time.perf_counter() - began
    if status != http.client.OK:
        raise measure.BenchError(f"{path}: {status}\n{body.decode(errors='replace')}")
    return Page(seconds, int(headers["X-Queries"]), len(body))


def _post_at_once(port: int) -> int:
    """Send the POSTs, return how many runs they started. Raise BenchError unless each names the run under way."""

    def post(_: int) -> tuple[int, bytes, http.client.HTTPMessage]:
        return _ask(port, "POST", "/probe/gates/deploy/", "application/json")

    with ThreadPoolExecutor(POSTS) as pool:
        answers = list(pool.map(post, range(POSTS)))
    if not all(status in (_ACCEPTED, _GOES_ON) for status, _, _ in answers):
        raise measure.BenchError(f"POST: {answers}")
    runs = {headers["Location"] for _, _, headers in answers}
    for run in runs:
        _await_end(port, run)
    return max(len(runs), sum(status == _ACCEPTED for status, _, _ in answers))


def _await_end(port: int, run: str) -> None:
    give_up = time.monotonic() + _ENDS_WITHIN
    while (said := json.loads(_ask(port, "GET", run, "application/json")[1]))["state"] == "running":
        if time.monotonic() > give_up:
            raise measure.BenchError(f"{run} did not end")
        time.sleep(0.5)
    if not said["passed"]:
        raise measure.BenchError(f"{run}: {said}")


def _ask(port: int, method: str, path: str, accept: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers={"Accept": accept, "Authorization": f"Bearer {_TOKEN}"})
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as scratch:
        try:
            for table in tables(Path(scratch), Path(sys.executable), RUNS, RESULTS, 7):
                print(figures.render(table), flush=True)
        except (MissingError, measure.BenchError) as error:
            sys.exit(f"bench: {error}")
