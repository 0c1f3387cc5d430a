"""Measures `ready/` under gunicorn: beside a plain view and a peer with the same checks; while a probe hangs."""

from __future__ import annotations

import http.client
import re
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import figures
import measure
import projects
import serving

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = 2
CONNECTIONS = 8
TIMEOUT = 2.0  # seconds that a probe of the gate has where one hangs
EVERY = 1.0  # seconds between two rounds where a probe hangs
PAUSE = 0.02  # seconds between two requests where a probe hangs

PLAIN = "a plain view"
VIEW = "ready/, by the URLs"
MIDDLEWARE = "ready/, by ProbeMiddleware"
PEER = "django-health-check"

_SETTINGS = """
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
MIDDLEWARE.insert(0, "django_probe.middleware.ProbeMiddleware")
PROBE_POLICY = BASE_DIR / "probe.yaml"
"""
_PEER_SETTINGS = """
INSTALLED_APPS += ["health_check"]
"""
# ProbeMiddleware has /probe/; /view/ passes through all of the project's middleware, as /plain/ does.
_URLS = """\
from django.http import HttpResponse
from django.urls import include, path


def plain(request):
    return HttpResponse("ok\\n", content_type="text/plain")


urlpatterns = [path("plain/", plain), path("view/", include("django_probe.urls"))]
"""
_PEER_URLS = """
from health_check.views import HealthCheckView

checks = ["health_check.checks.Cache", "health_check.checks.Database"]
urlpatterns.append(path("health/", HealthCheckView.as_view(checks=checks)))
"""
_CHECKS = """\
import unittest
import uuid

from django.core.cache import cache
from django.db import connection
from django.test import tag


@tag("ready")
class TestReady(unittest.TestCase):
    def test_cache(self):
        key = uuid.uuid4().hex
        cache.set(key, "works", 5)
        self.assertEqual(cache.get(key), "works")

    def test_database(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            self.assertEqual(cursor.fetchone(), (1,))
"""
_HANGING = """\
import time
import unittest
from pathlib import Path

from django.test import tag

HANG = Path(__file__).parent / "hang"


@tag("ready")
class TestReady(unittest.TestCase):
    def test_hangs_when_told(self):
        if HANG.exists():
            until = time.monotonic() + float(HANG.read_text())
            HANG.unlink()
            while time.monotonic() < until:
                pass
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk measured for one URL: requests a second, and the seconds in which 99 of 100 were answered."""

    rate: float
    p99: float


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer while a probe hangs: when it was asked for, and how long it took, in seconds; and its status."""

    at: float
    seconds: float
    status: int


def wrk() -> str:
    """Return the program that sends the requests. Raise BenchError if it is not installed."""
    if found := shutil.which("wrk"):
        return found
    raise measure.BenchError("wrk is not installed (Debian: apt-get install wrk)")


def rates(folder: Path, python: Path, seconds: int, runs: int, *, peers: bool) -> figures.Table:
    """Compare `ready/` with a plain view of the same project, and with the peer."""
    paths = {PLAIN: "/plain/", VIEW: "/view/ready/", MIDDLEWARE: "/probe/ready/"}
    if peers:
        paths[PEER] = "/health/"  # its answer to kubelet, which accepts anything
    policy = "gates: {ready: {tags: [ready], timeout: 60s}}\n"  # nothing hangs here, whatever else the machine does
    taken: dict[str, list[Load]] = {name: [] for name in paths}
    project = _project(folder, python, _CHECKS, policy, peers=peers)
    with serving.served(project, python, "--workers", str(WORKERS)) as port:
        _until_loaded(port, paths[VIEW], 30)
        for counts in measure.turns(runs):
            for name, path in paths.items():
                measured = load(port, path, seconds)
                if counts:
                    taken[name].append(measured)
    rate = {name: [load.rate for load in loads] for name, loads in taken.items()}
    p99 = {name: [load.p99 for load in loads] for name, loads in taken.items()}
    ours = (VIEW, MIDDLEWARE)
    return figures.Table(
        f"ready/ under gunicorn, {WORKERS} sync workers, {CONNECTIONS} connections: median of {runs} alternating runs",
        (
            *(figures.Figure(f"{name}, requests a second", statistics.median(rate[name]), "") for name in paths),
            *(figures.Figure(f"{name}, p99", statistics.median(p99[name]) * 1000, "ms") for name in paths),
            *(figures.at_least(f"{name} / {PLAIN}", ratio(rate[name], rate[PLAIN]), "", 0.85) for name in ours),
            *(figures.at_most(f"p99: {name} / {PLAIN}", ratio(p99[name], p99[PLAIN]), "", 1.5) for name in ours),
            *(figures.at_least(f"{name} / {PEER}", ratio(rate[name], rate[PEER]), "", 6) for name in ours if peers),
        ),
        taken,
    )


def ratio(values: list[float], others: list[float]) -> float:
    """Return the median of the ratios of each run: measurements that are near in time share the noise."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))


def hang(folder: Path, python: Path, seconds: float) -> figures.Table:
    """Have a probe compute for some time without a pause, and return the answers meanwhile."""
    policy = f"gates: {{ready: {{tags: [ready], timeout: {TIMEOUT:g}s, every: {EVERY:g}s}}}}\n"
    project = _project(folder, python, _HANGING, policy, peers=False)
    with serving.served(project, python) as port:
        _until(port, 200, 10)
        told = project / "shop" / "hang"
        told.write_text(str(seconds), encoding="utf-8")
        while told.exists():
            time.sleep(0.001)
        began = time.perf_counter()
        closed = _until(port, 503, TIMEOUT + 10)
        opened = _until(port, 200, seconds + 10)
    slowest = max(reply.seconds for reply in (*closed, *opened))
    late = closed[-1].at - began - TIMEOUT
    rounds = (opened[-1].at - began - seconds) / EVERY
    return figures.Table(
        f"ready/ while a probe computes for {seconds:g} s: {len(closed) + len(opened)} answers, one sync worker",
        (
            figures.at_most("the slowest answer", slowest * 1000, "ms", 50),
            figures.at_most("503 after the probe's timeout", late * 1000, "ms", 100),
            figures.at_most("rounds from its end to ready", rounds, "", 2),
        ),
        {"until 503": closed, "until ready again": opened},
    )


def _project(folder: Path, python: Path, probes: str, policy: str, *, peers: bool) -> Path:
    project = projects.generate(folder, python, probes)
    with (project / "benched" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(_SETTINGS + (_PEER_SETTINGS if peers else ""))
    (project / "benched" / "urls.py").write_text(_URLS + (_PEER_URLS if peers else ""), encoding="utf-8")
    (project / "probe.yaml").write_text(policy, encoding="utf-8")
    return project


def load(port: int, path: str, seconds: int) -> Load:
    """Ask for a path as often as the server can answer. Raise BenchError unless there are answers, all successes."""
    line = [wrk(), "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s", "--latency"]
    done = subprocess.run([*line, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=False)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    if not (rate and p99 and float(rate[1])) or "Non-2xx" in done.stdout:
        raise measure.BenchError(f"{path}: not every answer was a success\n{done.stdout}{done.stderr}")
    return Load(float(rate[1]), float(p99[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1}[p99[2]])


def _until_loaded(port: int, path: str, within: float) -> None:
    """Ask until every answer of a second is a success: then each worker has had its first round."""
    give_up = time.monotonic() + within
    while True:
        try:
            load(port, path, 1)
        except measure.BenchError:
            if time.monotonic() > give_up:
                raise
        else:
            return


def _until(port: int, status: int, within: float) -> list[Reply]:
    """Ask until the status is this; return all replies. Raise BenchError if it never is."""
    replies: list[Reply] = []
    give_up = time.monotonic() + within
    while not replies or replies[-1].status != status:
        if time.monotonic() > give_up:
            raise measure.BenchError(f"/probe/ready/ was not {status} within {within:g} s")
        time.sleep(PAUSE)
        replies.append(_ask(port))
    return replies


def _ask(port: int) -> Reply:
    at = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/probe/ready/")
        status = connection.getresponse().status
    finally:
        connection.close()
    return Reply(at, time.perf_counter() - at, status)
