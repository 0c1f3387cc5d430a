"""Measures the image's server while hundreds of slow clients stand before it, and what its way of reading costs.

Alone: `python bench/clients.py`.
"""

from __future__ import annotations

import http.client
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import figures
import measure
import readiness
import serving

ROOT = Path(__file__).resolve().parent.parent

CLIENTS = 500
ROUNDS = 10
_HEAD = b"Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
KINDS = {
    "half a head": b"GET /probe/live/ HTTP/1.1\r\nHost: localhost\r\nX: ",
    "half a body": b"POST /accounts/login/ HTTP/1.1\r\n" + _HEAD + b"Content-Length: 90\r\n\r\nuser",
    "nothing": b"",
}
KUBELETS = ("/probe/live/", "/probe/ready/")
PAGE = "/accounts/login/"
WORKERS = {"the image's server": (), "gthread": ("--worker-class", "gthread")}
_STARTS_WITHIN = 20


def table(folder: Path, python: Path, seconds: int, runs: int) -> figures.Table:
    """Measure the slowest answers beside slow clients, and the rate of `ready/` beside gunicorn's own threads."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {  # with a history there are pages, and the log-in to them
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "PROBE_HISTORY_DATABASE_URL": f"sqlite:///{folder / 'history.sqlite3'}",
        "WEB_ACCESS_LOG": "none",
    }
    manage = [str(python), str(ROOT / "deploy" / "manage.py"), "migrate", "--database", "history", "--verbosity", "0"]
    subprocess.run(manage, env=measure.environment(environment), check=True)
    options = ("--config", str(ROOT / "deploy" / "gunicorn.conf.py"), "--workers", "1")
    taken: dict[str, list[float]] = {f"{path}, {kind}": [] for kind in KINDS for path in (*KUBELETS, PAGE)}
    with ExitStack() as stack:
        ports = {}
        for name, own in WORKERS.items():
            place = folder / name.replace(" ", "-")
            place.mkdir()
            served = serving.served(place, python, *options, *own, application="deploy.wsgi", **environment)
            ports[name] = stack.enter_context(served)
        for port in ports.values():
            _until_ready(port)
        rates: dict[str, list[float]] = {name: [] for name in ports}
        for counts in measure.turns(runs):
            for name, port in ports.items():
                rate = readiness.load(port, "/probe/ready/", seconds).rate
                if counts:
                    rates[name].append(rate)
        for kind, sent in KINDS.items():
            _stand_before(ports["the image's server"], kind, sent, taken)
    kubelets = max(max(taken[f"{path}, {kind}"]) for kind in KINDS for path in KUBELETS)
    page = max(max(taken[f"{PAGE}, {kind}"]) for kind in KINDS)
    ours, theirs = rates.values()
    return figures.Table(
        f"the image's server, {CLIENTS} slow clients of {len(KINDS)} kinds; median of {runs} alternating runs",
        (
            figures.at_most("live/ and ready/, the slowest answer", kubelets * 1000, "ms", 100),
            figures.at_most("the log-in page, the slowest answer", page * 1000, "ms", 1000),
            figures.Figure("ready/, requests a second", statistics.median(ours), ""),
            figures.Figure("of what gunicorn's own threads answer", readiness.ratio(ours, theirs), ""),
        ),
        {**taken, **rates},
    )


def _stand_before(port: int, kind: str, sent: bytes, taken: dict[str, list[float]]) -> None:
    """Ask for each path some times while the clients stand there. Raise BenchError if one was sent away."""
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CLIENTS)]
        for client in clients:
            client.sendall(sent)
        for _ in range(ROUNDS):
            for path in (*KUBELETS, PAGE):
                taken[f"{path}, {kind}"].append(_ask(port, path))
        for client in clients:
            client.setblocking(False)  # noqa: FBT003 (as sockets have it)
            try:
                got = client.recv(1)
            except BlockingIOError:
                continue
            raise measure.BenchError(f"{kind}: a client got {got!r} while it was to stand there")


def _ask(port: int, path: str) -> float:
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status != http.client.OK:
        raise measure.BenchError(f"{path}: {status}")
    return time.perf_counter() - began


def _until_ready(port: int) -> None:
    give_up = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            _ask(port, "/probe/ready/")
        except measure.BenchError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as scratch:
        try:
            print(figures.render(table(Path(scratch), Path(sys.executable), 2, 7)))
        except measure.BenchError as error:
            sys.exit(f"bench: {error}")
