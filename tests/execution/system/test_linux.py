"""The end of what a process left: children of its own, and orphans that it adopted."""

from __future__ import annotations

import subprocess
import sys

from tests.execution.running import is_alive
from tests.patience import wait_for

LEFT = """
import os, subprocess
from django_probe.execution.system import linux

kept = subprocess.Popen(["sleep", "600"])
linux.adopt_orphans(True)
stubborn = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; sleep 600; true"], stdout=subprocess.PIPE)
stubborn.stdout.readline()
orphan = subprocess.Popen(["sh", "-c", "setsid sleep 600 & echo $!"], stdout=subprocess.PIPE)
pids = [stubborn.pid, int(orphan.stdout.readline())]
linux.end_children({kept.pid}, 30.0)
print(*pids, kept.pid, kept.poll(), *(linux.children() - {kept.pid}))
kept.kill()
"""


def test_end_children_kills_and_reaps_all_but_those_that_are_kept():
    """One that is deaf to SIGTERM, and one that left its session and its parent."""
    done = subprocess.run([sys.executable, "-c", LEFT], check=False, capture_output=True, text=True, timeout=60)
    stubborn, orphan, _kept, code, *rest = done.stdout.split()
    assert (code, rest) == ("None", []), done.stderr
    wait_for(lambda: not is_alive(int(stubborn)) and not is_alive(int(orphan)), "the processes to end")
