"""What is left of a command that is killed from outside: nothing in the process groups of its workers."""

from __future__ import annotations

import signal

import pytest

from tests.execution.running import Started, is_alive, text_of
from tests.patience import wait_for

IMPORTS = """
import os, subprocess, unittest, time
from pathlib import Path

def started(name):
    child = subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 600; sleep 600"])
    Path(name).write_text(f"{child.pid}\\n")
"""
PROBES = """
class TestStarts(unittest.TestCase):
    def test_a_process(self):
        started("of-a-probe")
        time.sleep(600)

    def test_a_fork(self):
        if os.fork() == 0:
            if os.fork() == 0:
                Path("of-a-fork").write_text(f"{os.getpid()}\\n")
            time.sleep(600)
        time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_what_a_run_started_ends_with_a_command_that_is_killed(project, number):
    """What probes started, forks of forks, and what an import started."""
    project.app("shop", f"{IMPORTS}\nstarted('of-an-import')\n{PROBES}")
    with Started(project, "--parallel", "2") as run:
        started = [int(text_of(project.path / name)) for name in ("of-an-import", "of-a-probe", "of-a-fork")]
        run.signal(number)
        run.process.communicate(timeout=60)
    assert run.process.returncode == -number
    wait_for(lambda: not any(map(is_alive, started)), "the processes to end")
