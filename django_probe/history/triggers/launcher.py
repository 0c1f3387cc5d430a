"""Starts a gate over HTTP: the same command in a process of its own, judged in the same place.

The run has the credentials, the network and the environment of the web process that started it. It outlives that
process, but not its container.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from django_probe.history.storage import store
from django_probe.history.storage.summaries import RunKey
from django_probe.policy.gates import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DETACHED: Final = Path(__file__).with_name("detached.py")
# What a Job tells its own process: where its termination message goes, what its log is to hold.
_OF_OTHERS: Final = ("PROBE_TERMINATION_LOG", "PROBE_REPORT_SINK", "PROBE_RUN_ID", "PROBE_TRIGGER")


class LaunchError(Exception):
    """The run could not be started; the message is one line for whoever asked for it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run: `labels` of the gate, or the whole gate. A run that is `narrowed` is no verdict of the gate.

    What is in `require` must not skip. `by` is the user or the token that asked for it.
    """

    gate: str
    labels: tuple[str, ...] = ()
    rerun_of: str = ""
    narrowed: bool = False
    require: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """What became of an order: its run or, if the gate is `busy`, the run that is under way."""

    run: RunKey
    busy: bool

    @property
    def word(self) -> str:
        """What became of it, for a log."""
        return "busy" if self.busy else "started"


def launch(order: Order) -> Launch:
    """Start a run of a gate unless one is under way. Raise LaunchError where no process can be started."""
    run_id = secrets.token_hex(16)
    known = {"by": order.by, "rerun_of": order.rerun_of}
    holder = store.prepare(order.gate, run_id, order.labels, **known, narrowed=order.narrowed)
    if holder is not None:
        return Launch(holder, busy=True)
    required = [f"--require={label}" for label in order.require]
    command = probe_command(order.gate, "--verbosity", "0", *required, "--", *order.labels)
    environment = {**probe_environment(), "PROBE_RUN_ID": run_id, "PROBE_TRIGGER": store.HTTP}
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_DETACHED), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # its log is where this process logs
            start_new_session=True,  # a signal to this process's group does not end the run
        )
    except OSError as error:
        sentence = f"the run could not be started: {type(error).__name__}"
        store.refuse(run_id, sentence)
        raise LaunchError(sentence) from error
    with suppress(RuntimeError):  # no thread can be started: process 1 has to reap it
        threading.Thread(target=process.wait, name="probe-reaper", daemon=True).start()
    return Launch(RunKey(run_id, order.gate, narrowed=order.narrowed), busy=False)


def probe_command(gate: str, *arguments: str) -> Sequence[str]:
    """Return the command line of `django-probe probe` for a gate, with the settings of this process.

    It uses the manage.py of the working directory where there is one, and needs none.
    """
    # -P: the working directory is on the path if it is on this process's, and else not.
    which = [] if gate == DEFAULT else ["--gate", gate]  # which need not be in a policy file
    settings_module = ["--settings", str(settings.SETTINGS_MODULE)]
    return [sys.executable, "-P", "-m", "django_probe", "probe", *settings_module, *which, *arguments]


def probe_environment() -> Mapping[str, str]:
    """Return the environment in which that command finds this process's settings and modules."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_OTHERS}
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 (a text is wanted)
    return {**kept, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": str(settings.SETTINGS_MODULE)}
