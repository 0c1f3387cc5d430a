"""Python processes that start warm: forked from one that has imported Django and the engine, not read them again.

The tests run thousands of commands, and most of what a cold one costs is Python reading modules. A warm one is a
process of its own too, with its own arguments, folder, environment, streams and end. It knows no settings, and nothing
of a project. What it cannot show is what a project does before it imports the engine: a test about that sets
`Project.cold`. What a server starts, what the documents show in a shell, and the image start from nothing anyway. The
web servers' own tests, and those where a supervised project changes something before it imports the engine, do so on
the newer end of the version range. `PROBE_TESTS_COLD=1` makes every start of the tests cold.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.started import Started, read_into

if TYPE_CHECKING:
    from collections.abc import Sequence

PARENT = Path(__file__).with_name("warm_parent.py")
ROOT = PARENT.parent.parent
OWN = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
"""What the parent has in its environment of what Python reads there when it starts, and never again."""

_READ_AT_START = ("PYTHON", "LC_", "LANG")
_STRICT = ["-W", "error"]
_MAY_COME_FIRST = ("-c", "-m")
_MODULES = (["gunicorn"], ["django_probe"])


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
    return _parent().run(line, {**understood, **_inherited(), "cwd": str(cwd), "env": env}, timeout)


def start(
    command: Sequence[object], *, cwd: Path, env: dict[str, str], output: int, errors: int | None = None
) -> Started | subprocess.Popen[bytes]:
    """Start what `run` runs, in a session of its own; the caller waits for it.

    All its output goes to the descriptor `output`, or standard error to one of its own.
    """
    errors = output if errors is None else errors
    line = [str(part) for part in command]
    understood = understand(line) if may_be_warm(env) else None
    if understood is None:
        return start_cold(line, cwd=cwd, env=env, output=output, errors=errors)
    request = {**understood, **_inherited(), "cwd": str(cwd), "env": env, "session": True}
    return _parent().start(request, output, errors)


def piped(
    command: Sequence[object], *, cwd: Path, env: dict[str, str], stdout: int | None = None, stderr: int | None = None
) -> Started | subprocess.Popen[bytes]:
    """Start what `run` runs, in a session of its own; the caller reads what it writes from pipes.

    What it writes goes to the descriptors that are given in place of a pipe.
    """
    line = [str(part) for part in command]
    given = {"stdout": stdout, "stderr": stderr}
    understood = understand(line) if may_be_warm(env) else None
    if understood is None:
        streams = {name: subprocess.PIPE if each is None else each for name, each in given.items()}
        return subprocess.Popen(line, cwd=cwd, env=env, stdin=subprocess.DEVNULL, start_new_session=True, **streams)
    pipes = {name: os.pipe() for name, each in given.items() if each is None}
    output, errors = (pipes[name][1] if each is None else each for name, each in given.items())
    request = {**understood, **_inherited(), "cwd": str(cwd), "env": env, "session": True}
    try:
        started = _parent().start(request, output, errors)
    finally:
        for _, write in pipes.values():
            os.close(write)
    for name, (read, _) in pipes.items():
        setattr(started, name, open(read, "rb", buffering=0))  # noqa: PTH123, SIM115  (a descriptor, which its end closes)
    return started


def start_cold(
    command: Sequence[object], *, cwd: Path, env: dict[str, str], output: int, errors: int | None = None
) -> subprocess.Popen[bytes]:
    """Do what `start` does with a Python that starts from nothing."""
    errors = output if errors is None else errors
    return subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
    )


def cold(
    command: Sequence[object], *, cwd: Path, env: dict[str, str], timeout: float = 90
) -> subprocess.CompletedProcess[bytes]:
    """Do what `run` does with a Python that starts from nothing."""
    return subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
    )


def _inherited() -> dict[str, object]:
    """Return what a command takes over from who starts it, and a test may have changed: how many files may be open."""
    return {"files": resource.getrlimit(resource.RLIMIT_NOFILE)}


def understand(line: list[str]) -> dict[str, object] | None:
    """Return the script or the code of a command line, and its arguments; None where it asks for anything else."""
    executable, *rest = line
    if strict := rest[:2] == _STRICT:
        rest = rest[2:]
    if executable != sys.executable or not rest or (rest[0].startswith("-") and rest[0] not in _MAY_COME_FIRST):
        return None
    if rest[0] == "-m":
        return {"module": rest[1], "argv": rest[1:], "strict": strict} if rest[1:2] in _MODULES else None
    if rest[0] == "-c":
        return {"code": rest[1], "argv": ["-c", *rest[2:]], "strict": strict}
    return {"script": rest[0], "argv": rest, "strict": strict}


NEWER_END = sys.version_info >= (3, 13)
"""Whether this is the newer end of the version range: what is tested cold is so there, for no version changes that."""


def may_be_warm(env: dict[str, str]) -> bool:
    """Return whether Python would start in this environment as the parent did."""
    if os.environ.get("PROBE_TESTS_COLD") == "1" or not hasattr(os, "pidfd_open"):
        return False
    known = {**os.environ, **OWN}
    same = {name: value for name, value in env.items() if name.startswith(_READ_AT_START)}
    same.pop("PYTHONUNBUFFERED", None)  # what it asks for can be had later, as more folders can
    folders = same.pop("PYTHONPATH", OWN["PYTHONPATH"]).split(os.pathsep)
    return folders[0] == OWN["PYTHONPATH"] and all(value == known.get(name) for name, value in same.items())


class _Parent:
    """The process that has imported what is shared. A request is a message with the four descriptors of the command."""

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

    def start(self, request: dict, output: int, errors: int) -> Started:
        """Return a command that runs."""
        told, write = os.pipe()
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 (no path of ours)
            try:
                socket.send_fds(
                    self._requests, [json.dumps(request).encode()], [nothing.fileno(), output, errors, write]
                )
            finally:
                os.close(write)
        return Started(open(told, "rb", buffering=0))  # noqa: PTH123  (a descriptor, which it closes)

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
            got = {file: bytearray() for file in ours}
            in_time = read_into(got, timeout)
            out, err, told = map(bytes, got.values())
            if not in_time:
                with suppress(ProcessLookupError):
                    os.kill(int(told.split()[0]), signal.SIGKILL)
                ours[-1].read()  # until it has ended
                raise subprocess.TimeoutExpired(line, timeout, out, err)
        finally:
            for file in ours:
                file.close()
        assert told.count(b"\n") == 2, f"{PARENT} is gone; what it wrote stands before this"
        _, code = told.split()
        return subprocess.CompletedProcess(line, int(code), out, err)


_starting = threading.Lock()


def _parent() -> _Parent:
    """Return the one parent of this process's commands, started when it is first asked for."""
    with _starting:
        return _made()


@cache
def _made() -> _Parent:
    return _Parent()
