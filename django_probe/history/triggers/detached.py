"""Runs a command and keeps its exit code to itself: `python -I -S detached.py COMMAND [ARG ...]`. Not imported.

The command survives the web process that started it, and process 1 inherits it then. If that is gunicorn 25 or older,
it takes an orphan that exits with 3 or 4, as a gate may, for a worker that could not boot, and stops.
SIGTERM is passed on to the command: `shutdown.py` sends it when the server ends.
"""

import os
import signal
import sys

if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until there is somebody to pass it on to
    if pid := os.fork():
        signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(pid, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.waitpid(pid, 0)
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  (a list of arguments, no shell)
