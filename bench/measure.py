"""Runs commands in turn; measures their wall time and the peak memory of their own process."""

from __future__ import annotations

import os
import re
import select
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAMPLE_MS = 5
_LIMIT = 120  # seconds: far beyond any of the commands, so that one that hangs ends the bench
_TAIL = 2000


class BenchError(Exception):
    """A command that was to be measured did not do its work, so its figure would mean nothing."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line in a project's folder; `reports` matches the JUnit files that it writes, if any."""

    name: str
    line: tuple[str, ...]
    folder: Path
    cases: int = 0
    reports: str = ""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took: seconds on the wall, and the bytes that its own process held at most."""

    seconds: float
    peak: int


def alternate(commands: Iterable[Command], runs: int) -> dict[str, list[Run]]:
    """Run all commands in turn, `runs` times after the turn that warms up; return a name's runs in order."""
    taken: dict[str, list[Run]] = {}
    commands = list(commands)
    for turn, counts in enumerate(turns(runs)):
        for command in commands:
            run = measure(command)
            if counts:
                taken.setdefault(command.name, []).append(run)
            if turn == 0:  # some write files of another name in each run
                check_reports(command)
    return taken


def turns(runs: int) -> list[bool]:
    """Return for each turn whether it counts: the first warms up, unless there is to be one run alone.

    A single run shows that a measurement works, as the tests want to see; its figures are worth little anyway.
    """
    return [True] if runs == 1 else [False, *[True] * runs]


def measure(command: Command) -> Run:
    """Run a command once. Raise BenchError with the end of its output if it hangs or fails."""
    log = command.folder / "command.log"
    with log.open("wb") as output:
        start = time.perf_counter()
        with subprocess.Popen(
            command.line,
            cwd=command.folder,
            env=environment(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process:
            peak = _watch(process)
            seconds = time.perf_counter() - start
    if process.returncode:
        told = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
        raise BenchError(f"{command.name}: exit code {process.returncode}\n{told}")
    return Run(seconds, peak)


def unshared(command: Command) -> int:
    """Run a command, and return the bytes that its own process held at most and shared with no other.

    A process that forks shares with the new one what neither of them changes: this is what it adds to the machine.
    """
    most = 0
    with subprocess.Popen(
        command.line,
        cwd=command.folder,
        env=environment(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        limit = time.monotonic() + _LIMIT
        while process.poll() is None:
            if time.monotonic() > limit:
                process.kill()
            try:
                memory = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            except OSError:  # it is just ending
                memory = ""
            private = re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", memory, re.MULTILINE)
            most = max(most, sum(map(int, private)) * 1024)
            time.sleep(_SAMPLE_MS / 1000)
    if process.returncode:
        raise BenchError(f"{command.name}: exit code {process.returncode}")
    return most


def environment(own: dict[str, str]) -> dict[str, str]:
    """Return the environment for measured commands: this one without what would influence them, and `own`."""
    foreign = ("DATABASE_URL", "DJANGO_", "PROBE_", "PYTEST_", "PYTHON")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(foreign)}, **own}


def _watch(process: subprocess.Popen[bytes]) -> int:
    """Wait until a child has ended, and kill it after the limit; return the peak of its memory in bytes.

    The resource usage from `wait4` would count the children that it waited for, so the kernel's own
    high-water mark of this one process (`VmHWM`, proc(5)) is read while it runs.
    """
    peak = 0
    limit = time.monotonic() + _LIMIT
    handle = os.pidfd_open(process.pid)
    try:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        while not ended.poll(_SAMPLE_MS):
            if time.monotonic() > limit:
                process.kill()
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
            # A process that is just ending has no memory any more.
            if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
                peak = int(found[1]) * 1024
    finally:
        os.close(handle)
    return peak


def check_reports(command: Command) -> None:
    """Raise BenchError unless the JUnit files hold as many cases as there were to run."""
    if not command.reports:
        return
    found = sum(1 for path in command.folder.glob(command.reports) for _ in ET.parse(path).iter("testcase"))
    if found != command.cases:
        raise BenchError(f"{command.name}: {found} cases in {command.reports}, {command.cases} expected")


def seconds(runs: Iterable[Run]) -> float:
    """Return the median wall time."""
    return statistics.median(run.seconds for run in runs)


def peak(runs: Iterable[Run]) -> float:
    """Return the median of the peaks, in bytes."""
    return statistics.median(run.peak for run in runs)
