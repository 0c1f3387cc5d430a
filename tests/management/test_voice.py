"""Standard error that is closed, full or broken: no exit code changes, and a report that goes there is lost aloud."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import warm

STARTS = {"manage.py": ("manage.py",), "django-probe": ("-m", "django_probe")}
BROKEN = ("closed", "full", "broken")

# Label and options of a run, and its exit code.
RUNS = {
    "passes, in this process": (["fine", "--parallel", "0"], 0),
    "unknown label": (["nowhere"], 2),
    "undelivered": (["fine", "--junit", "/dev/full"], 4),
    "reported to standard error": (["fine", "--json", "/dev/stderr"], 4),
}


def ends(site, start, arguments, how):
    """Run the command with a standard error that is no use, and return its exit code.

    Only where that is closed does Python start otherwise, so only then it starts from nothing.
    """
    command = [sys.executable, *STARTS[start], "probe", *arguments]
    if how == "closed":
        return subprocess.run(
            ["sh", "-c", 'exec "$0" "$@" 2>&-', *command],
            cwd=site.path,
            env=site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=90,
            check=False,
        ).returncode
    with open(os.devnull, "wb") as nothing, unheard(how) as errors:  # noqa: PTH123 (no path of ours)
        started = warm.start(
            command, cwd=site.path, env=site.environment(), output=nothing.fileno(), errors=errors.fileno()
        )
        return started.wait(90)


def unheard(how):
    """Return a file that takes nothing: one on a disk that is full, or a pipe that nobody reads."""
    if how == "full":
        return open("/dev/full", "wb", buffering=0)  # noqa: PTH123 (no path of ours; the caller closes it)
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "wb", buffering=0)  # noqa: PTH123 (a descriptor; the caller closes it)


def codes(site, start, how, runs):
    """Return the exit codes of these runs, by name."""
    with ThreadPoolExecutor(2) as pool:
        ended = pool.map(lambda run: ends(site, start, run[0], how), runs.values())
        return dict(zip(runs, ended, strict=True))


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("how", BROKEN)
def test_exit_code__is_what_it_is_where_somebody_listens(site, start, how):
    """That nobody can hear the command is no verdict; a report that was to be heard is undelivered, as on stdout."""
    assert codes(site, start, how, RUNS) == {name: code for name, (_, code) in RUNS.items()}


@pytest.mark.parametrize("start", STARTS)
def test_report__to_standard_output_that_was_closed_is_exit_code_4_by_any_name(site, start):
    """`>&-` with /dev/stdout is as with -: the run goes on, and the report is lost."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" >&-', sys.executable, *STARTS[start], "probe", "fine", "--json", "/dev/stdout"],
        cwd=site.path,
        env=site.environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=90,
        check=False,
    )
    assert done.returncode == 4
    assert b"--json /dev/stdout: could not be delivered: standard output is closed" in done.stderr
