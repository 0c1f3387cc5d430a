"""Python processes that start warm: forked from one that has imported Django, where a cold start would read it again.

The tests run thousands of commands, and two thirds of what a cold one costs is Python reading Django's modules. A warm
one is a process of its own too, with its own arguments, folder, environment, streams and end. It has imported nothing
of this project and knows no settings. Starts from nothing are tested where `Project.cold` is set, with every server, in
the image and in a cluster; `PROBE_TESTS_COLD=1` makes every start of the tests cold.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Sequence

PARENT = Path(__file__).with_name("warm_parent.py")
ROOT = PARENT.parent.parent
OWN = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
"""What the parent has in its environment of what Python reads there when it starts, and never again."""

_READ_AT_START = ("PYTHON", "LC_", "LANG")
_STRICT = ["-W", "error"]


def run(
    command: Sequence[object], *, cwd: Path, env: dict[str, str], timeout: float = 90
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line of this Python and return how it ended; it starts warm where that makes no difference.

    Its standard input is empty. Raise `subprocess.TimeoutExpired` where it has not ended after `timeout` seconds.
    """
    line = [str(part) for part in command]
    understood = understand(line) if may_be_warm(env) else None
    if understood is None:
        return cold(line, cwd=cwd, env=env, timeout=timeout)
    return _parent().run(line, {**understood, "cwd": str(cwd), "env": env}, timeout)


def cold(
    command: Sequence[object], *, cwd: Path, env: dict[str, str], timeout: float = 90
) -> subprocess.CompletedProcess[bytes]:
    """Do what `run` does with a Python that starts from nothing."""
    return subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
    )


def understand(line: list[str]) -> dict[str, object] | None:
    """Return the script or the code of a command line, and its arguments; None where it asks for anything else."""
    executable, *rest = line
    if strict := rest[:2] == _STRICT:
        rest = rest[2:]
    if executable != sys.executable or not rest or (rest[0].startswith("-") and rest[0] != "-c"):
        return None
    if rest[0] == "-c":
        return {"code": rest[1], "argv": ["-c", *rest[2:]], "strict": strict}
    return {"script": rest[0], "argv": rest, "strict": strict}


def may_be_warm(env: dict[str, str]) -> bool:
    """Return whether Python would start in this environment as the parent did."""
    if os.environ.get("PROBE_TESTS_COLD") == "1" or not hasattr(os, "pidfd_open"):
        return False
    return all(
        value == OWN.get(name, os.environ.get(name)) for name, value in env.items() if name.startswith(_READ_AT_START)
    )


class _Parent:
    """The process that has imported Django. A request is one message with the four descriptors of the command."""

    def __init__(self) -> None:
        self._requests, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with other:
            self._process = subprocess.Popen(
                [sys.executable, PARENT], env={**kept, **OWN}, stdin=other, stdout=subprocess.DEVNULL, cwd=ROOT
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End the process: it ends when nobody can ask any more."""
        self._requests.close()
        self._process.wait()

    def run(self, line: list[str], request: dict, timeout: float) -> subprocess.CompletedProcess[bytes]:
        """Return how a command ended."""
        theirs, ours = [os.open(os.devnull, os.O_RDONLY)], []
        for _ in ("standard output", "standard error", "its pid and how it ends"):
            read, write = os.pipe()
            theirs.append(write)
            ours.append(open(read, "rb", buffering=0))  # noqa: PTH123, SIM115  (a descriptor, closed below)
        try:
            try:
                socket.send_fds(self._requests, [json.dumps(request).encode()], theirs)
            finally:
                for descriptor in theirs:
                    os.close(descriptor)
            out, err, told = read_all(ours, line, timeout)
        finally:
            for file in ours:
                file.close()
        assert told.count(b"\n") == 2, f"{PARENT} is gone; what it wrote stands before this"
        _, code = told.split()
        return subprocess.CompletedProcess(line, int(code), out, err)


def read_all(files: list[BinaryIO], line: list[str], timeout: float) -> list[bytes]:
    """Return what comes out of pipes until all are closed; the last one tells the pid that a timeout kills."""
    got = {file: bytearray() for file in files}
    until = time.monotonic() + timeout
    with selectors.DefaultSelector() as waiting:
        for file in files:
            waiting.register(file, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(0, until - time.monotonic()))
            if not ready and time.monotonic() >= until:
                os.kill(int(got[files[-1]].split()[0]), signal.SIGKILL)
                files[-1].read()  # until it has ended
                raise subprocess.TimeoutExpired(line, timeout, bytes(got[files[0]]), bytes(got[files[1]]))
            for key, _ in ready:
                if part := os.read(key.fd, 1 << 16):
                    got[key.fileobj] += part
                else:
                    waiting.unregister(key.fileobj)
    return [bytes(each) for each in got.values()]


_starting = threading.Lock()


def _parent() -> _Parent:
    """Return the one parent of this process's commands, started when it is first asked for."""
    with _starting:
        return _made()


@cache
def _made() -> _Parent:
    return _Parent()
