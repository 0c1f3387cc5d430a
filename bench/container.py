"""Measures the image: a gate in a container beside the same command outside, the server's start, memory, size.

Needs what tests/container needs: root, with podman and its companions installed. Alone: `python bench/container.py`.
"""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import figures
import measure

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.container.images import MissingError, base, image, inspect, tool  # noqa: E402  (they are not on the path)

# As strict as a restricted pod without a volume.
STRICT = ("--read-only", "--read-only-tmpfs=false", "--user=10001", "--memory=256m", "--cap-drop=ALL")
_STARTS_WITHIN = 20

# The memory that the kernel counts for the container, by the files of cgroup version 2 or 1.
_MEMORY = "cat /sys/fs/cgroup/memory.current /sys/fs/cgroup/memory/memory.usage_in_bytes 2>/dev/null; true"


def table(folder: Path, python: Path, runs: int) -> figures.Table:
    """Measure; MissingError where this machine cannot build or run the image."""
    name = image()
    outside = _outside(folder, python)
    taken: dict[str, list[float]] = {}
    for counts in measure.turns(runs):
        figures_of_turn = {
            "gate outside": measure.measure(outside).seconds,
            **_gate(name),
            **_server(name),
        }
        for key, value in figures_of_turn.items():
            if counts:
                taken.setdefault(key, []).append(value)
    median = {key: statistics.median(values) for key, values in taken.items()}
    size = (inspect(name)["Size"] - inspect(base())["Size"]) / figures.MEGABYTE
    return figures.Table(
        f"the image: median of {runs} alternating runs",
        (
            figures.Figure("gate outside", median["gate outside"], "s"),
            figures.Figure("gate in a container, from its start to its end", median["gate"], "s"),
            figures.Figure("the same with podman's own work", median["gate and podman"], "s"),
            figures.at_most("gate in a container / outside", median["gate"] / median["gate outside"], "", 1.5),
            figures.at_most("server ready, from its container's start", median["ready"], "s", 2),
            figures.at_most("idle server with one worker", median["memory"], "MB", 90),
            figures.at_most("image on top of its base", size, "MB", 80),
        ),
        taken,
    )


def _outside(folder: Path, python: Path) -> measure.Command:
    """Return the same gate as a command of this machine, on an embedded database with its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    manage = (str(python), str(ROOT / "deploy" / "manage.py"))
    environment = {"DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}"}
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env={**os.environ, **environment}, check=True)
    return measure.Command("gate outside", (*manage, "probe", "--gate", "deploy"), folder, environment=environment)


def _gate(name: str) -> dict[str, float]:
    began = time.perf_counter()
    container = tool("podman", "run", "--detach", *STRICT, name, "gate", "deploy").stdout.strip()
    try:
        code = int(tool("podman", "wait", "--interval", "10ms", container).stdout)
        whole = time.perf_counter() - began
        state = inspect(container)["State"]
    finally:
        tool("podman", "rm", "--force", container)
    if code:
        raise measure.BenchError(f"gate in a container: exit code {code}")
    return {"gate": _time(state["FinishedAt"]) - _time(state["StartedAt"]), "gate and podman": whole}


def _server(name: str) -> dict[str, float]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    publish = f"--publish=127.0.0.1:{port}:8000"
    container = tool("podman", "run", "--detach", *STRICT, publish, name, "serve").stdout.strip()
    try:
        limit = time.monotonic() + _STARTS_WITHIN
        while not _is_ready(port):
            if time.monotonic() > limit:
                raise measure.BenchError(f"server in a container: not ready after {_STARTS_WITHIN} s")
            time.sleep(0.01)
        ready = time.time() - _time(inspect(container)["State"]["StartedAt"])
        time.sleep(1)
        memory = int(tool("podman", "exec", container, "sh", "-c", _MEMORY).stdout.split()[0])
    finally:
        tool("podman", "rm", "--force", "--time", "0", container)
    return {"ready": ready, "memory": memory / figures.MEGABYTE}


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/probe/ready/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as scratch:
        try:
            print(figures.render(table(Path(scratch), Path(sys.executable), 5)))
        except (MissingError, measure.BenchError) as error:
            sys.exit(f"bench: {error}")
