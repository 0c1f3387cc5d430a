"""What is left of a command that is killed from outside: nothing in the process groups of its workers."""

from __future__ import annotations

import signal
import subprocess
import sys

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


GUARDED = """
import os, signal, subprocess, sys, time
from django_probe.execution.judge.processes.guardian import Guardian
from django_probe.execution.system import linux

leader = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; read line; exit 0"], start_new_session=True,
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(int(leader.stdout.readline()), flush=True)
guardian = Guardian()
guardian.watch(leader.pid)
{act}
"""
OVER = """
guardian.start()
(started,) = linux.children() - {leader.pid}
guardian.over()
leader.stdin.close()
# The judge reaps a leader no sooner than it has seen to the group by itself.
print(os.waitstatus_to_exitcode(os.waitpid(started, 0)[1]), leader.wait(), flush=True)
"""
KILLED = """
guardian.start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def guarded(act):
    """Run an act of a judge; return what it printed, the process that is left in a group first."""
    done = subprocess.run(
        [sys.executable, "-c", GUARDED.format(act=act)], check=False, stdout=subprocess.PIPE, text=True, timeout=60
    )
    return [*map(int, done.stdout.split())]


def test_when_all_is_over_it_ends_the_group_of_a_leader_that_ended_and_then_itself():
    """Nobody has to kill it; what the leader left in its group is gone."""
    left, *codes = guarded(OVER)
    assert codes == [0, 0]
    wait_for(lambda: not is_alive(left), "the process to end")


def test_a_judge_that_is_killed_before_the_guardian_heard_anything_leaves_nothing():
    """What it said before is still in the pipe."""
    (left,) = guarded(KILLED)
    wait_for(lambda: not is_alive(left), "the process to end")
