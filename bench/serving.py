"""Serves a project with gunicorn on a free port, to be measured."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STARTS_WITHIN = 30


@contextmanager
def served(
    project: Path, python: Path, *options: str, application: str = "benched.wsgi", **environment: str
) -> Iterator[int]:
    """Serve the project and yield the port. Raise BenchError if the server does not start."""
    log = project / "server.log"
    line = [str(python), "-m", "gunicorn", "--bind", "127.0.0.1:0", *options, application]
    own = measure.environment({"HOME": str(project), **environment})  # where gunicorn keeps a socket
    with (
        log.open("wb") as output,
        subprocess.Popen(line, cwd=project, env=own, stdout=output, stderr=output) as server,
    ):
        try:
            yield _port(server, log)
        finally:
            server.terminate()


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    give_up = time.monotonic() + _STARTS_WITHIN
    while True:
        told = log.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", told):
            return int(found[1])
        if server.poll() is not None or time.monotonic() > give_up:
            raise measure.BenchError(f"gunicorn does not start\n{told}")
        time.sleep(0.02)
