"""Signals reach the supervisor also where a thread of its process would take them."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

TAKES = """
import os, signal, sys, threading, time
from django_probe.supervisor.process import PASSED_ON
from django_probe.supervisor.signals import Signals

if sys.argv[1] == "thread":
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signals = Signals([*PASSED_ON, signal.SIGCHLD])
wanted = {*PASSED_ON, signal.SIGCHLD}
for number in wanted:
    os.kill(os.getpid(), number)
came = set()
while came < wanted:
    came |= {number for number, _ in signals.come()}
    time.sleep(0.001)
signals.restore()
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
os._exit(7)
"""


def test_signals__that_another_thread_would_take():
    """Each is noticed, whoever gets it; afterwards everything is as it was."""
    for threads in ("alone", "thread"):
        done = subprocess.run(
            [sys.executable, "-c", TAKES, threads], cwd=ROOT, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 7, (threads, done.stderr)
