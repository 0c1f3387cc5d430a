"""Measures checks that a policy declares, beside blackbox_exporter asking the same URLs.

Alone: `python bench/checks.py`.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

import figures
import measure
import projects
from figures import WAIT, WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS_WITHIN = 30
_NAMES = ("prometheus-blackbox-exporter", "blackbox_exporter")  # Debian's, and its own
_MODULE = json.dumps({"modules": {"http": {"prober": "http", "timeout": "5s", "http": {"valid_status_codes": [200]}}}})
# A server of its own, in few lines, so that what it computes does not come to what is measured.
_SERVER = f"""\
import asyncio

ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 2\\r\\n\\r\\nok"


async def answer(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\\r\\n\\r\\n")
            await asyncio.sleep({WAIT})
            writer.write(ANSWER)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def serve():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print("address=127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
"""


def blackbox() -> str | None:
    """Return the path of blackbox_exporter; None where it is not installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def table(folder: Path, python: Path, count: int, runs: int) -> figures.Table:
    """Compare checks of a server that waits with the ideal, and with blackbox_exporter where that is installed."""
    project = projects.generate(folder, python, "")
    with (project / "benched" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write('INSTALLED_APPS += ["django_probe.contrib.checks"]\n')
    (project / "server.py").write_text(_SERVER, encoding="utf-8")
    with _serving(project, (str(python), "server.py")) as port:
        urls = [f"http://127.0.0.1:{port}/{number}" for number in range(count)]
        checks = {f"c{number}": {"http": url, "status": 200} for number, url in enumerate(urls)}
        policy = {"checks": checks, "gates": {"deploy": {"probes": ["checks"]}}}
        (project / "probes.yaml").write_text(json.dumps(policy), encoding="utf-8")  # YAML as well
        taken = _measured(project, python, urls, runs)
    ideal = count * WAIT / WORKERS
    median = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return figures.Table(
        f"{count:,} checks of a server that waits {WAIT * 1000:g} ms, --parallel {WORKERS}: median of {runs} runs",
        (
            figures.Figure("ideal", ideal, "s"),
            *(figures.Figure(name, seconds, "s") for name, seconds in median.items()),
            figures.at_least("ideal / checks", 100 * ideal / median["checks"], "%", 85),
            *(
                figures.at_most(f"checks / {peer}", median["checks"] / median[peer], "", 1)
                for peer in median
                if peer == "blackbox_exporter"
            ),
        ),
        taken,
    )


def _measured(project: Path, python: Path, urls: list[str], runs: int) -> dict[str, list[float]]:
    """Return the seconds of each run: of the checks, of the command around them, and of the peer."""
    options = ("--policy", "probes.yaml", "--gate", "deploy", "--parallel", str(WORKERS), "--json", "checks.json")
    command = measure.Command("checks", (str(python), "manage.py", "probe", *options), project, len(urls))
    taken: dict[str, list[float]] = {"checks": [], "the command that runs them, from its start to its end": []}
    exporter = blackbox()
    for counts in measure.turns(runs):
        run = {"the command that runs them, from its start to its end": measure.measure(command).seconds}
        run["checks"] = _between(project / "checks.json", len(urls))
        if exporter:
            run["blackbox_exporter"] = _asked(project, exporter, urls)
        for name, seconds in run.items() if counts else ():
            taken.setdefault(name, []).append(seconds)
    return taken


def _between(report: Path, count: int) -> float:
    """Return the seconds from the start of the first check to the end of the last one."""
    results = json.loads(report.read_text(encoding="utf-8"))["results"]
    if len(results) != count:
        raise measure.BenchError(f"checks: {len(results)} results, {count} expected")
    starts = [datetime.fromisoformat(result["started_at"]).timestamp() for result in results]
    ends = [start + result["duration"] for start, result in zip(starts, results, strict=True)]
    return max(ends) - min(starts)


def _asked(folder: Path, exporter: str, urls: list[str]) -> float:
    """Return the seconds from the first question to the last answer of an exporter that runs already."""
    (folder / "blackbox.yml").write_text(_MODULE, encoding="utf-8")
    line = (exporter, "--config.file", "blackbox.yml", "--web.listen-address", "127.0.0.1:0")
    with _serving(folder, line) as port, ThreadPoolExecutor(WORKERS) as threads:
        own = local()

        def ask(url: str) -> bool:
            if not hasattr(own, "connection"):
                own.connection = HTTPConnection("127.0.0.1", port, timeout=_STARTS_WITHIN)
            own.connection.request("GET", f"/probe?module=http&target={url}")
            return b"\nprobe_success 1\n" in own.connection.getresponse().read()

        start = time.perf_counter()
        succeeded = list(threads.map(ask, urls))
        seconds = time.perf_counter() - start
    if not all(succeeded):
        raise measure.BenchError(f"blackbox_exporter: {succeeded.count(False)} of {len(urls)} probes failed")
    return seconds


@contextmanager
def _serving(folder: Path, line: tuple[str, ...]) -> Iterator[int]:
    """Start a server that says where it listens, and yield its port. Raise BenchError if it does not start."""
    log = folder / "listening.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(line, cwd=folder, env=measure.environment({}), stdout=output, stderr=output) as server,
    ):
        try:
            give_up = time.monotonic() + _STARTS_WITHIN
            while not (found := re.search(r"address=127\.0\.0\.1:(\d+)", told := log.read_text(encoding="utf-8"))):
                if server.poll() is not None or time.monotonic() > give_up:
                    raise measure.BenchError(f"{line[0]} does not start\n{told}")
                time.sleep(0.02)
            yield int(found[1])
        finally:
            server.terminate()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as scratch:
        try:
            print(figures.render(table(Path(scratch) / "checks", Path(sys.executable), 200, 7)))
        except measure.BenchError as error:
            sys.exit(f"bench: {error}")
