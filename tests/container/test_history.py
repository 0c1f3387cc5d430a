"""A server with a history on a real PostgreSQL, in strict containers, by the commands of docs/image.md."""

from __future__ import annotations

import json
import re
import shlex
import time
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.container.images import ROOT
from tests.container.test_server import PSS
from tests.deploy.visitors import Visitor
from tests.documents import blocks
from tests.servers import postgresql

TOKEN = "t" * 32
SUPERUSER = {
    "DJANGO_SUPERUSER_USERNAME": "ann",
    "DJANGO_SUPERUSER_EMAIL": "ann@shop.example",
    "DJANGO_SUPERUSER_PASSWORD": "correct horse",
}


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL with a database for the history."""
    with postgresql() as running:
        with running.connect() as connection:
            connection.execute("CREATE DATABASE probe")
        yield running


def shown():
    """Return the arguments of each container of the page, from behind the image's name."""
    (block,) = [block for block in blocks(ROOT / "docs" / "image.md") if block.kind == "history"]
    lines = [shlex.split(line) for line in re.findall(r"^\$ (docker .*)$", block.text, re.MULTILINE)]
    return [line[line.index("django-probe") + 1 :] for line in lines]


def post(port, path):
    """Start a run with a token, and give the status and the record of the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=40)
    with closing(connection):
        connection.request("POST", path, headers={"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_history__from_the_first_table_to_a_run_over_http(container, server, free_port, tell):
    """Migrate, make a user, run a gate; then the server shows that run to who logs in, and runs the gate itself."""
    migrate, make_user, gate, serve = shown()
    url = {"PROBE_HISTORY_DATABASE_URL": f"postgres://tester@127.0.0.1:{server.port}/probe"}
    network = ("--network=host",)
    for arguments, more in (
        (migrate, {}),
        ([*make_user, "--noinput"], SUPERUSER),
        (gate, {"PROBE_TRIGGER": "cronjob"}),
    ):
        done = container.run(*arguments, options=network, **url, **more)
        assert done.returncode == 0, done.stderr
    with server.connect("probe") as connection:
        rows = connection.execute("SELECT gate, trigger, exit_code FROM probe_history_run").fetchall()
    assert rows == [("deploy", "cronjob", 0)]
    web = {"WEB_BIND": f"127.0.0.1:{free_port}", "SECRET_KEY": "k" * 50, "PROBE_TOKENS": f"start:{TOKEN}"}
    with container.start(*serve, options=network, **url, **web) as running:
        running.await_line("Listening at")
        visitor = Visitor(free_port)
        assert visitor.log_in().status == 302
        page = visitor.get("/probe/gates/deploy/")
        assert page.status == 200
        assert visitor.get("/static/admin/css/base.css").status == 200
        kilobytes = int(running.execute("python", "-c", PSS))
        tell("server with a history, idle with one worker, PSS with the Python that asks", f"{kilobytes / 1000:.0f} MB")
        began = time.monotonic()
        status, record = post(free_port, "/probe/gates/deploy/?wait=25s")
        tell("gate over HTTP, from the request to the verdict", f"{time.monotonic() - began:.2f} s")
        assert (status, record["passed"]) == (200, True), running.logs()
    assert kilobytes * 1024 < 100_000_000
