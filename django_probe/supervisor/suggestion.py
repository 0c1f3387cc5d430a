"""`django-probe suggest`: `manage.py probe_suggest` with a standard output that has the policy alone.

What settings print comes before the command begins, and may come without a buffer. So the application is a process of
its own, all that it prints goes to standard error, and the command writes the policy into memory that both share.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from django_probe.errors import UsageError
from django_probe.execution.system import linux
from django_probe.process import handshake
from django_probe.reports.delivery import streams
from django_probe.reports.delivery.files import pour, settle
from django_probe.results import ExitCode
from django_probe.supervisor import application
from django_probe.supervisor.process import be

if TYPE_CHECKING:
    from collections.abc import Sequence

PROG: Final = "django-probe suggest"
_TELLS: Final = {"-h", "--help", "--version"}


def suggest(arguments: Sequence[str]) -> int:
    """Run `manage.py probe_suggest` with these arguments in a process of its own, and return the exit code."""
    try:
        if not linux.AVAILABLE:
            raise UsageError("it needs Linux; run it in the container")
        found = application.find(_settings(arguments))
    except UsageError as error:
        return _complain(str(error), ExitCode.USAGE)
    closed = streams.fill()
    settle(sys.stdout)
    policy = os.memfd_create("policy")
    parent = os.getpid()
    pid = linux.fork()
    if pid == 0:
        linux.die_with_parent(parent)
        os.dup2(2, 1)
        os.environ[handshake.SUGGESTION] = str(policy)
        be(found, ["probe_suggest", *arguments])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command, too, which then ends
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = os.pread(policy, os.fstat(policy).st_size, 0)
    if code < 0:
        return _complain(f"the application was killed by {signal.Signals(-code).name}", ExitCode.CLOSED)
    if not text and code == 0 and _TELLS.isdisjoint(arguments):
        return _complain("the application ended before the command began: look for what ends Python", ExitCode.CLOSED)
    try:
        pour(None if 1 in closed else sys.stdout, text)
    except (OSError, ValueError) as error:
        return _complain(f"could not be delivered: {getattr(error, 'strerror', None) or error}", ExitCode.UNDELIVERED)
    return code


def _settings(arguments: Sequence[str]) -> str | None:
    """Return what the option `--settings` names, None where it is not there."""
    for number, each in enumerate(arguments):
        if each == "--settings":
            return next(iter(arguments[number + 1 :]), None)
        if each.startswith("--settings="):
            return each.partition("=")[2]
    return None


def _complain(sentence: str, code: ExitCode) -> ExitCode:
    streams.say(f"{PROG}: {sentence}")
    return code
