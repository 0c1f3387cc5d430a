"""What the tests of the engine share: reading records, watching files and processes of a run that goes on."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.patience import wait_for


def by_label(record):
    """Return the results of a record by what their labels end in: the tests keep it unique."""
    named = {result["label"].rpartition(".")[2]: result for result in record["results"]}
    assert len(named) == len(record["results"]), "a label is there twice"
    return named


def outcomes(record):
    """Return the outcome of each probe by its method's name."""
    return {name: result["outcome"] for name, result in by_label(record).items()}


def text_of(path):
    """Wait until a file has a whole line of text, and give it."""
    return wait_for(lambda: path.exists() and path.read_text().endswith("\n") and path.read_text().strip(), path)


def state_of(pid):
    """Return the letter that the kernel gives for what a process does, as S for one that waits; X for none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def is_alive(pid):
    """Return whether a process runs; one that only waits to be reaped does not."""
    return state_of(pid) not in "ZX"


def children(pid):
    """Return the pids of a process's children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(stat.parent.name))
        except OSError:
            continue  # it ended while we looked
    return found


class Started:
    """`manage.py probe` that goes on, with a record to come."""

    def __init__(self, project, *arguments, env=None):
        self._record = project.path / "record.json"
        self.process = project.start("probe", *arguments, "--json", str(self._record), env=env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def signal(self, number):
        """Send a signal to the command, and begin to count the seconds of `end`."""
        self._signalled = time.monotonic()
        self.process.send_signal(number)

    def end(self):
        """Wait for the command's end; give its exit code, its record, and the seconds since the signal."""
        self.process.communicate(timeout=90)
        seconds = time.monotonic() - self._signalled
        return self.process.returncode, json.loads(self._record.read_text()), seconds
