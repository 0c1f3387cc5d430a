"""Real web servers for tests: gunicorn, uvicorn and runserver, serving a project on a free port."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests import warm
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Project

    Process = subprocess.Popen[bytes] | warm.Started

URLS = """\
import os
import pathlib
import threading
import time

from django.http import HttpResponse
from django.urls import include, path


def pid(request):
    return HttpResponse(f"{os.getpid()} {sum(t.name == 'django-probe-ready' for t in threading.enumerate())}")


def slow(request):
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse("slow")


def held(request):
    pathlib.Path("held").touch()
    while not pathlib.Path("released").exists():
        time.sleep(0.02)
    return HttpResponse("released")


urlpatterns = [
    path("probe/", include("django_probe.urls")), path("pid", pid), path("slow", slow), path("held", held)
]
"""
ASGI = """\
from django.core.asgi import get_asgi_application

application = get_asgi_application()
"""
MIDDLEWARE = 'MIDDLEWARE = ["django_probe.middleware.ProbeMiddleware"]\n'
LOGGING = """\
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
"""


class Answer(NamedTuple):
    """What a server answered, and how many seconds that took."""

    status: int
    body: str
    headers: http.client.HTTPMessage
    seconds: float

    @property
    def said(self) -> tuple[int, str]:
        """The status, and the text without the end of its line."""
        return self.status, self.body.removesuffix("\n")


@dataclass
class WebServer:
    """A server that runs."""

    port: int
    process: Process
    log_file: Path

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Send one request on a connection of its own, as kubelet does."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): each for name, each in headers.items()})
            response = connection.getresponse()
            body = response.read().decode()
        finally:
            connection.close()
        return Answer(response.status, body, response.headers, time.perf_counter() - began)

    def ready(self) -> tuple[int, str]:
        """Ask whether it is ready."""
        return self.ask("/probe/ready/").said

    def at_once(self, count: int, path: str = "/probe/ready/") -> list[Answer]:
        """Send many requests at the same time."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(self.ask, [path] * count))

    def until(self, said: tuple[int, str], within: float = PATIENCE) -> list[Answer]:
        """Ask 20 times a second until the answer is this; give all the answers."""
        answers = [self.ask("/probe/ready/")]
        give_up = time.monotonic() + within
        while answers[-1].said != said:
            assert time.monotonic() < give_up, f"{answers[-1].said}, not {said}\n{self.log}"
            time.sleep(0.05)
            answers.append(self.ask("/probe/ready/"))
        return answers

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")


def site(project: Project, *, middleware: str = MIDDLEWARE, policy: str | None = None) -> Project:
    """Return a project the URLs under /probe/, the middleware, and a policy."""
    project.write("site_urls.py", URLS)
    if policy is not None:
        project.write("probe.yaml", policy)
        project.configure('PROBE_POLICY = BASE_DIR / "probe.yaml"\n')
    project.configure(middleware + LOGGING)
    project.write(
        "asgi.py", "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"
    )
    return project


@contextmanager
def gunicorn(project: Project, *options: str, env: dict[str, str] | None = None) -> Iterator[WebServer]:
    """Serve with gunicorn; one sync worker unless the options say otherwise."""
    line = ["gunicorn", "--bind", "127.0.0.1:0", *options, "django.core.wsgi:get_wsgi_application()"]
    with _running(project, ["-m", *line], r"Listening at: http://127\.0\.0\.1:(\d+)", env) as server:
        yield server


@contextmanager
def uvicorn(project: Project) -> Iterator[WebServer]:
    """Serve with uvicorn, one process."""
    line = ["uvicorn", "--port", "0", "--lifespan", "off", "asgi:application"]
    with _running(project, ["-m", *line], r"running on http://127\.0\.0\.1:(\d+)") as server:
        yield server


@contextmanager
def runserver(project: Project) -> Iterator[WebServer]:
    """Serve with Django's own server for development, which starts itself anew when a file changes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = ["manage.py", "runserver", "--skip-checks", str(port)]
    with _running(project, line, rf"development server at http://127\.0\.0\.1:({port})") as server:
        yield server


@contextmanager
def _running(
    project: Project, line: list[str], listening: str, env: dict[str, str] | None = None
) -> Iterator[WebServer]:
    log = project.path / "server.log"
    # gunicorn keeps a socket in the home directory
    own = {"HOME": str(project.path), "DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONUNBUFFERED": "1"}
    environment = project.environment({**own, **(env or {})})
    environment["PYTHONPATH"] += f":{project.path}"
    with log.open("wb") as output:
        start = warm.start_cold if project.cold else warm.start
        process = start([sys.executable, *line], cwd=project.path, env=environment, output=output.fileno())
    try:
        found = _wait(lambda: re.search(listening, log.read_text(encoding="utf-8", errors="replace")), process, log)
        server = WebServer(int(found[1]), process, log)
        _wait(lambda: _answers(server), process, log)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(there: Callable[[], object], process: Process, log: Path) -> object:
    give_up = time.monotonic() + PATIENCE
    while not (found := there()):
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        assert time.monotonic() < give_up, log.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.02)
    return found


def _answers(server: WebServer) -> bool:
    try:
        return bool(server.ask("/probe/live/"))
    except OSError:
        return False
