"""The process that tests/warm.py forks commands from: it imports what they share, then forks one for each request.

Standard input is the socket of the requests. It has one thread, as a process that forks should.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import json
import os
import resource
import runpy
import selectors
import socket
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from types import ModuleType

# What nearly every command imports, or a process that it forks. None of it reads the settings or the environment, and
# none of it is a project's. (gunicorn's own modules do read the environment: the defaults of its settings.)
IMPORTED = (
    "ctypes",
    "django.contrib.auth.hashers",
    "django.contrib.auth.password_validation",
    "django.core.checks",
    "django.core.mail",
    "django.core.management.base",
    "django.core.management.commands",
    "django.core.management.commands.migrate",
    "django.core.servers.basehttp",
    "django.core.wsgi",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.db.migrations",
    "django.db.models",
    "django.db.models.sql.compiler",
    "django.forms",
    "django.http",
    "django.middleware.common",
    "django.middleware.csrf",
    "django.template.defaulttags",
    "django.template.loader_tags",
    "django.templatetags.i18n",
    "django.urls",
    "django.utils.translation",
    "django.views.debug",
    "django_probe.apps",
    "django_probe.execution.judge.judge",
    "django_probe.execution.loading.discovery",
    "django_probe.execution.worker.loader",
    "django_probe.execution.worker.worker",
    "django_probe.management.commands.probe",
    "django_probe.policy.file",
    "django_probe.reports.junit",
    "importlib.metadata",
    "importlib.resources",
    "junit_xml",
    "logging.config",
    "platform",
    "unittest.async_case",
    "unittest.mock",
    "xml.dom.minidom",
    "yaml",
    "zipfile",
)
IF_INSTALLED = ("jinja2",)  # what django.test imports so
MESSAGE = 1 << 20


class Forks:
    """The commands that run, and what is told of their ends."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ)

    def next(self) -> dict | None:
        """Fork a process for each request. Return the request in that process, and None when no more can come."""
        while True:
            for key, _ in self._selector.select():
                if key.data:
                    self._ended(key.fd, *key.data)
                    continue
                message, streams, _, _ = socket.recv_fds(self._requests, MESSAGE, 4)
                if not message:
                    return None
                if request := self._fork(message, streams):
                    return request

    def _fork(self, message: bytes, streams: list[int]) -> dict | None:
        *standard, told = streams
        pid = os.fork()
        if pid == 0:
            for number, descriptor in enumerate(standard):
                os.dup2(descriptor, number)
            self._close()
            for descriptor in streams:
                os.close(descriptor)
            return json.loads(message)
        for descriptor in standard:
            os.close(descriptor)
        os.write(told, b"%d\n" % pid)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, told))
        return None

    def _ended(self, descriptor: int, pid: int, told: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        with suppress(BrokenPipeError):  # nobody waits for it any more
            os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(told)

    def _close(self) -> None:
        """Close what a command has no business with."""
        for key in list(self._selector.get_map().values()):
            if key.data:
                os.close(key.fd)
                os.close(key.data[1])
        self._selector.close()
        self._requests.close()


def execute(request: dict) -> None:
    """Be the command of a request, as if Python had just started with it."""
    if request.get("session"):
        os.setsid()
    resource.setrlimit(resource.RLIMIT_NOFILE, tuple(request["files"]))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["argv"]
    sys.path[2:2] = os.environ.get("PYTHONPATH", "").split(os.pathsep)[1:]
    if os.environ.get("PYTHONUNBUFFERED"):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)
    if request["strict"]:
        sys.warnoptions.append("error")
        warnings.simplefilter("error")
    if module := request.get("module"):
        sys.path[0] = request["cwd"]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = ModuleType("__main__")
    if script := request.get("script"):
        main.__file__ = os.path.abspath(script)  # noqa: PTH100  (as Python does: a Path would take links out)
        sys.path[0] = str(Path(script).resolve().parent)
        code = compile(Path(script).read_bytes(), script, "exec", dont_inherit=True)
    else:
        sys.path[0] = ""
        code = compile(request["code"], "<string>", "exec", dont_inherit=True)
    exec(code, main.__dict__)


def end(code: int) -> None:
    """End as Python does, but leave the modules as they are: taking them down copies all memory shared with the parent.

    Return, and leave the end to Python, where the last of what is printed cannot be written.
    """
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


def main() -> None:
    """Import what is shared, and fork; in a fork, be the command."""
    for name in IMPORTED:
        importlib.import_module(name)
    for name in filter(importlib.util.find_spec, IF_INSTALLED):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    # Descriptor 0 becomes the standard input of each command.
    request = Forks(socket.socket(fileno=os.dup(0))).next()
    if request is None:
        return
    code = 0
    try:
        execute(request)
    except SystemExit as ending:
        code = ending.code or 0
        if not isinstance(code, int):
            raise
    # Where warnings are errors, what the modules held is let go: that it was not closed is such an error.
    if not request["strict"]:
        end(code & 0xFF)
    sys.exit(code)


if __name__ == "__main__":
    main()
