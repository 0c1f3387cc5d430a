"""The server in a container that is as strict as a restricted pod."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from textwrap import dedent

import pytest

from tests.container.images import inspect
from tests.patience import PATIENCE

GRACE = 30  # seconds, as Kubernetes has it
KUBELET = {"Host": "10.1.2.3:8000", "Accept": "*/*", "User-Agent": "kube-probe/1.36"}

# Settings and URLs of a team: a page that says when it is asked and answers when it may, and one that says whether it
# came by https.
SETTINGS = """\
from deploy.settings import *
ROOT_URLCONF = "team_urls"
ALLOWED_HOSTS = ["*"]
"""
URLS = """\
import sys, time
from pathlib import Path
from django.http import HttpResponse
from django.urls import path
def slow(request):
    print("slow/ is asked", file=sys.stderr, flush=True)
    while not Path("/team/released").exists():
        time.sleep(0.02)
    return HttpResponse("done")
urlpatterns = [path("slow/", slow), path("scheme/", lambda request: HttpResponse(request.scheme))]
"""

# Prints the kilobytes of memory that all processes of a container share among them.
PSS = (
    "import pathlib, re\nprint(sum(int(re.search(r'^Pss: +(\\d+)', p.read_text(), re.M)[1]) for p in "
    "pathlib.Path('/proc').glob('[0-9]*/smaps_rollup')))"
)

# What is left of a program that nobody waits for: PID 1 gets its exit status.
ORPHANS = "for code in 3 4 3 4; do (sleep 0.2; exit $code) & done"


def ask(port, path, timeout=10.0, **headers):
    """Return the status and the body of an answer; None where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@contextmanager
def serving(container, path="/probe/ready/", options=(), **variables):
    """Run a server until the block ends; give it, its port, and the time at which it first answered with 200."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    publish = f"--publish=127.0.0.1:{port}:8000"
    with container.start("serve", options=(publish, *options), **variables) as running:
        limit = time.monotonic() + PATIENCE
        while (answer := ask(port, path, 1, **KUBELET)) is None or answer[0] != 200:
            assert time.monotonic() < limit, (answer, running.logs())
            time.sleep(0.02)
        yield running, port, time.time()


@pytest.fixture
def team(tmp_path):
    """Options that put a team's settings and URLs into a container."""
    folder = tmp_path / "team"
    folder.mkdir(mode=0o755)
    (folder / "team_settings.py").write_text(dedent(SETTINGS), encoding="utf-8")
    (folder / "team_urls.py").write_text(dedent(URLS), encoding="utf-8")
    return (
        f"--volume={folder}:/team:ro", "--env=PYTHONPATH=/app:/team", "--env=DJANGO_SETTINGS_MODULE=team_settings",
    )  # fmt: skip


def test_start__ready_for_kubelet(container, tell):
    """Kubelet, which names an address as Host, gets 200 from ready/ and live/; bench/container.py measures how soon."""
    with serving(container) as (running, port, ready):
        started = datetime.fromisoformat(inspect(running.name)["State"]["StartedAt"]).timestamp()
        assert ask(port, "/probe/live/", **KUBELET)[0] == 200
    tell("server ready, after its container's start", f"{ready - started:.2f} s")


def test_memory__idle_with_one_worker_is_under_90_megabytes(container, tell):
    """The shares of all processes of the container in what they hold of memory."""
    with serving(container) as (running, _, _):
        kilobytes = int(running.execute("python", "-c", PSS))
    tell("server idle with one worker, PSS with the Python that asks", f"{kilobytes / 1000:.0f} MB")
    assert kilobytes * 1024 < 90_000_000


def test_workers__are_as_many_as_the_cpu_limit_says(container):
    """The limit of the container, not the CPUs of the machine."""
    for limit, workers in (("0.5", "1"), ("1.5", "2")):
        done = container.run("serve", "--print-config", options=(f"--cpus={limit}",))
        assert f"workers = {workers}" in [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_stop__a_request_is_answered_and_the_grace_period_is_kept(container, team, tmp_path, tell):
    """SIGTERM: what was asked before is answered, an idle connection does not hold the server, the exit code is 0."""
    with serving(container, "/scheme/", team) as (running, port, _):
        idle = http.client.HTTPConnection("127.0.0.1", port)
        idle.request("GET", "/scheme/")
        idle.getresponse().read()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(ask(port, "/slow/", PATIENCE)))
        asking.start()
        running.await_line("slow/ is asked")
        running.signal("TERM")
        running.await_line("Handling signal: term")
        assert answers == []
        (tmp_path / "team" / "released").touch()
        began = time.monotonic()
        code = running.wait(GRACE)
        took = time.monotonic() - began
        asking.join()
        idle.close()
    tell("server stopped, after its last request was answered", f"{took:.2f} s")
    assert (code, answers) == (0, [(200, "done")])
    assert took < 10


def test_orphans__that_exit_with_our_codes_do_not_stop_the_server(container):
    """PID 1 is an init: gunicorn in its place would take 3 and 4 for workers that could not boot."""
    with serving(container) as (running, port, _):
        running.execute("sh", "-c", ORPHANS)
        time.sleep(1)
        assert ask(port, "/probe/live/", **KUBELET)[0] == 200
        assert running.execute("cat", "/proc/1/comm").strip() == "tini"
        zombies = "grep -l '^State:.Z' /proc/[0-9]*/status || true"
        assert running.execute("sh", "-c", zombies) == ""


def test_log__is_json_and_has_no_questions_of_kubelets(container):
    """One object a line, of gunicorn and of requests with the path that was asked; nothing of ready/ and live/."""
    with serving(container, WEB_ACCESS_LOG="on") as (running, port, _):
        ask(port, "/probe/live/", **KUBELET)
        ask(port, "/nothing/?a=%22", **{**KUBELET, "User-Agent": 'a "quote\t'})
        running.await_line('"/nothing/"')
        lines = [json.loads(line) for line in running.logs().splitlines()]
    (line,) = [line for line in lines if line["logger"] == "gunicorn.access"]
    assert (line["method"], line["path"], line["query"], line["agent"]) == ("GET", "/nothing/", "a=%22", 'a "quote')
    assert line["status"] >= 400
    assert datetime.fromisoformat(line["time"]).tzinfo


def test_forwarded_headers__are_believed_from_trusted_addresses_alone(container, team):
    """Anybody could say that a request came by https."""
    forwarded = {"X-Forwarded-Proto": "https"}
    with serving(container, "/scheme/", team) as (_, port, _):
        assert ask(port, "/scheme/", **forwarded) == (200, "http")
    with serving(container, "/scheme/", team, FORWARDED_ALLOW_IPS="10.0.0.0/8") as (_, port, _):
        assert ask(port, "/scheme/", **forwarded) == (200, "https")


def test_configuration__a_file_that_is_mounted_over_ours_is_the_one_that_is_read(container, tmp_path):
    """Bytecode of the image does not stand in for a source that is another one by now."""
    own = tmp_path / "gunicorn.conf.py"
    own.write_text("threads = 23\n", encoding="utf-8")
    own.chmod(0o644)
    done = container.run("serve", "--print-config", options=(f"--volume={own}:/app/deploy/gunicorn.conf.py:ro",))
    assert "threads = 23" in [" ".join(line.split()) for line in done.stdout.splitlines()], done.stderr
