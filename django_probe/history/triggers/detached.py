"""Runs a command and keeps its exit code to itself: `python -I -S detached.py COMMAND [ARG ...]`. Not imported.

The command survives the web process that started it. Process 1 inherits what that leaves, and where it is a gunicorn
of a release up to 25, an orphan that exits with 3 or 4, as a gate may, is taken for a worker that could not boot.
"""

import os
import sys

if __name__ == "__main__":
    if pid := os.fork():
        os.waitpid(pid, 0)
        os._exit(0)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  (a list of arguments, no shell)
