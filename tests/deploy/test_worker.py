"""deploy/worker.py: what the container's server does with clients that are slow, or want to be."""

from __future__ import annotations

import http.client
import os
import re
import resource
import select
import socket
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT, Deployment, with_history
from tests.deploy.test_gunicorn_conf import gunicorn
from tests.deploy.visitors import serving
from tests.patience import PATIENCE, wait_for

HEAD = b"Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
LIVE = b"GET /probe/live/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
SCRIPT = "/static/admin/js/vendor/xregexp/xregexp.js"
ANSWERED = re.compile(rb"HTTP/1\.1 (\d+)")

# What each client sends, and whether it gets something for it while it stands there.
CLIENTS = {
    "half a head": (b"GET /probe/live/ HTTP/1.1\r\nHost: localhost\r\nX: ", False),
    "half a body": (b"POST /accounts/login/ HTTP/1.1\r\n" + HEAD + b"Content-Length: 90\r\n\r\nuser", False),
    "nothing": (b"", False),
    "half a TLS hello": (bytes.fromhex("1603010200010001fc0303"), False),
    "a request and half of the next": (LIVE + LIVE[:30], True),
    "a request, and keeps the connection": (LIVE, True),
}
ONE_BYTE_MORE = ("half a head", "half a body")

# Gunicorn with other bounds than those of deploy/worker.py, and then as `python -m gunicorn`.
BOUNDED = """
import sys
sys.path.insert(0, {root!r})
import deploy.worker
for bound, value in {bounds!r}.items():
    setattr(deploy.worker, bound, value)
from gunicorn.app.wsgiapp import run
run()
"""
TEAM_SETTINGS = """
from deploy.settings import *
ROOT_URLCONF = "team_urls"
"""
TEAM_URLS = """
import pathlib
import time

from django.http import HttpResponse
from django.urls import include, path

HERE = pathlib.Path(__file__).parent


def held(request):
    (HERE / "held").touch()
    while not (HERE / "released").exists():
        time.sleep(0.02)
    return HttpResponse("released")


urlpatterns = [path("probe/", include("django_probe.urls")), path("held/", held)]
"""


@pytest.fixture(scope="module", autouse=True)
def _room_for_sockets():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield the port of the container's server with a history."""
    with serving(with_history(Deployment(tmp_path_factory.mktemp("deployment")))) as (port, _):
        wait_for(lambda: ask(port, "/probe/ready/") == 200, "the first round of ready/")
        yield port


def bounded(**bounds):
    """Return how Python becomes gunicorn with these bounds."""
    return ("-c", BOUNDED.format(root=str(ROOT), bounds=bounds))


@contextmanager
def standing(port, count, sent):
    """Connect clients that send this and no more, until the block ends."""
    clients = []
    try:
        for _ in range(count):
            clients.append(socket.create_connection(("127.0.0.1", port), PATIENCE))
            clients[-1].sendall(sent)
        yield clients
    finally:
        for client in clients:
            client.close()


def ask(port, path, method="GET", body=None, **headers):
    """Return the status of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def is_closed(client):
    """Return whether the server has closed the connection without a word."""
    if not _readable(client):
        return False
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def _readable(client):
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0))


def talk(port, sent, answers=1):
    """Send this, and return all that comes until so many answers have begun and the last is whole."""
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as client:
        client.sendall(sent)
        said = b""
        while len(ANSWERED.findall(said)) < answers or b"\r\n\r\n" not in said.rpartition(b"HTTP/1.1 ")[2]:
            data = client.recv(65536)
            assert data, said
            said += data
        return said


@pytest.mark.parametrize(("sent", "answered"), CLIENTS.values(), ids=CLIENTS)
def test_slow_clients__others_are_answered_while_they_stand(server, request, sent, answered):
    """With 8, 64 and 500 of them, kubelet has its answers and people their pages; nobody has been dropped for that."""
    clients = []
    with ExitStack() as stack:
        for more in (8, 56, 436):
            clients += stack.enter_context(standing(server, more, sent))
            for path in ("/probe/live/", "/probe/ready/", "/accounts/login/"):
                assert ask(server, path) == 200
            if request.node.callspec.id in ONE_BYTE_MORE:
                for client in clients:
                    client.sendall(b"x")
                assert ask(server, "/probe/live/") == 200
        if answered:
            assert {client.recv(15) for client in clients} == {b"HTTP/1.1 200 OK"}
        else:
            assert not any(map(_readable, clients))


def test_slow_clients__who_does_not_close_after_the_last_answer_keeps_nobody(server):
    """Gunicorn itself would wait 2 s for each of them, one after the other, and do nothing else meanwhile."""
    with standing(server, 100, LIVE.replace(b"HTTP/1.1", b"HTTP/1.0")) as clients:
        assert ask(server, "/accounts/login/") == 200
        for client in clients:
            wait_for(lambda client=client: _readable(client), "an answer")
        assert ask(server, "/probe/ready/") == 200


def test_slow_clients__an_answer_that_is_not_taken_keeps_no_thread(server):
    """Twice as many as there are threads ask for more than the kernel holds; at last they get every byte of it."""
    one = talk(server, b"HEAD " + SCRIPT.encode() + b" HTTP/1.1\r\n" + HEAD + b"\r\n")
    size, times = int(re.search(rb"(?i)content-length: (\d+)", one)[1]), 80
    asked = (b"GET " + SCRIPT.encode() + b" HTTP/1.1\r\n" + HEAD + b"\r\n") * (times - 1)
    asked += b"GET " + SCRIPT.encode() + b" HTTP/1.1\r\nConnection: close\r\n" + HEAD + b"\r\n"
    with standing(server, 16, asked) as clients:
        for path in ("/probe/live/", "/probe/ready/", "/accounts/login/"):
            assert ask(server, path) == 200
        said = b""
        while data := clients[0].recv(1 << 20):
            said += data
    assert len(ANSWERED.findall(said)) == times
    assert len(said) > size * times


def test_requests__sent_at_once_are_answered_one_by_one(server):
    """Pipelined requests, one with a body, have their answers in their order."""
    post = b"POST /probe/ready/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\na=b&c"
    said = talk(server, LIVE + post + LIVE.replace(b"live", b"none") + LIVE, answers=4)
    assert ANSWERED.findall(said) == [b"200", b"405", b"404", b"200"]


def test_requests__byte_by_byte_is_as_good_as_at_once(server):
    """However a head and a body come, the view has all of it."""
    with closing(socket.create_connection(("127.0.0.1", server), PATIENCE)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST /probe/live/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na=b" + LIVE:
            client.sendall(bytes([byte]))
        said = b""
        while len(ANSWERED.findall(said)) < 2:
            said += client.recv(65536)
        assert ANSWERED.findall(said) == [b"405", b"200"]


def test_requests__a_client_that_asks_first_is_told_to_go_on(server):
    """`Expect: 100-continue`: 100 before the body is there, then the answer."""
    head = b"POST /probe/live/ HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", server), PATIENCE)) as client:
        client.sendall(head)
        assert client.recv(65536).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"a=b")
        said = b""
        while b"405" not in ANSWERED.findall(said):
            said += client.recv(65536)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /probe/live/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", b"413"),
        (b"POST /probe/live/ HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"413"),
        (b"POST /probe/live/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET /probe/live/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000, b"431"),
        (b"GET /probe/live/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 5_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET /probe/live/ HTTP/1.1\nHost: a\n\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
    ],
    ids=["body", "digits", "no-length", "endless-head", "field", "line", "bare-line-feeds", "two-lengths"],
)
def test_requests__what_no_thread_should_have_is_refused_at_once(server, sent, status):
    """The refusal comes without the rest of the request, and the connection ends."""
    said = talk(server, sent)
    assert ANSWERED.findall(said) == [status]
    assert b"connection: close" in said.lower()


def test_dawdlers__are_dropped_when_their_time_is_over(deployment):
    """Half a head, half a body, nothing, an idle connection, an answer that nobody takes: each has its bound."""
    bounds = {"REQUEST_WITHIN": 1, "TAKES_WITHIN": 1}
    script = b"GET " + SCRIPT.encode() + b" HTTP/1.1\r\n" + HEAD + b"\r\n"
    with (
        serving(with_history(deployment), "--keep-alive", "1", start=bounded(**bounds)) as (port, _),
        standing(port, 1, CLIENTS["half a head"][0]) as heads,
        standing(port, 1, CLIENTS["half a body"][0]) as bodies,
        standing(port, 1, b"") as silent,
        standing(port, 1, LIVE) as idle,
        standing(port, 1, script * 80) as deaf,
    ):
        assert idle[0].recv(15) == b"HTTP/1.1 200 OK"
        while idle[0].recv(65536):
            pass
        for client in (*heads, *bodies, *silent):
            wait_for(lambda client=client: is_closed(client), "the end of who dawdles")
        (worker,) = _children(_parent_of(port, deployment))
        wait_for(lambda: not _connections(worker), "the end of who takes no answer")
        assert deaf


def _parent_of(port, deployment):
    log = (deployment.path / "server.log").read_text(encoding="utf-8")
    return re.search(rf"Listening at: http://127\.0\.0\.1:{port} \((\d+)\)", log)[1]


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def _connections(pid):
    """Return the sockets of a process that are connected over TCP."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    connected = {f"socket:[{row[9]}]" for row in rows if row[3] == "01"}
    return [link for link in map(_link, Path(f"/proc/{pid}/fd").iterdir()) if link in connected]


def _link(path):
    try:
        return str(path.readlink())
    except OSError:  # it was closed meanwhile
        return ""


def test_room__the_longest_wait_ends_for_who_comes(deployment):
    """At the limit of connections, and at that of memory, new requests are answered as before."""
    half = b"POST /probe/live/ HTTP/1.1\r\n" + HEAD + b"Content-Length: 500000\r\n\r\n"
    with serving(deployment, "--worker-connections", "20", start=bounded(MOST_HELD=1_000_000)) as (port, _):
        with standing(port, 60, CLIENTS["half a head"][0]) as clients:
            assert ask(port, "/probe/live/") == 200
            wait_for(lambda: is_closed(clients[0]), "the end of the longest wait")
            assert not _readable(clients[-1])
        with standing(port, 3, half + b"x" * 400_000) as clients:
            wait_for(lambda: any(map(is_closed, clients)), "the end of one that holds too much")
            assert ask(port, "/probe/live/") == 200


def test_kubelet__has_its_answers_while_every_thread_is_busy(deployment):
    """One thread, and a view that holds it: live/ and ready/ come from threads of their own."""
    deployment.write("team_settings.py", TEAM_SETTINGS)
    deployment.write("team_urls.py", TEAM_URLS)
    own = {"DJANGO_SETTINGS_MODULE": "team_settings", "PYTHONPATH": f"{deployment.path}:{ROOT}", "WEB_THREADS": "1"}
    with serving(deployment, **own) as (port, _), standing(port, 1, LIVE.replace(b"probe/live", b"held")) as clients:
        wait_for((deployment.path / "held").exists, "the view")
        assert [ask(port, path) for path in ("/probe/live/", "/probe/live/?a")] == [200, 200]
        assert ask(port, "/probe/ready/") in (200, 503)
        assert not _readable(clients[0])
        (deployment.path / "released").touch()
        assert clients[0].recv(15) == b"HTTP/1.1 200 OK"


def test_stop__no_client_that_stands_there_holds_the_server(deployment):
    """SIGTERM ends it long before its grace, with half requests and idle connections open; `serving` waits for that."""
    with (
        serving(deployment, WEB_GRACEFUL_TIMEOUT="600") as (port, _),
        standing(port, 5, CLIENTS["half a head"][0]),
        standing(port, 5, b""),
        standing(port, 5, LIVE) as idle,
    ):
        assert idle[-1].recv(15) == b"HTTP/1.1 200 OK"
        pid = int(_parent_of(port, deployment))
        os.kill(pid, 15)
        for client in idle:
            while client.recv(65536):
                pass


@pytest.mark.parametrize("option", [("--proxy-protocol", "v1"), ("--certfile", __file__), ("--protocol", "uwsgi")])
def test_options__what_it_does_not_speak_is_one_line_and_exit_code_2(option):
    """The line names the worker that does."""
    done = gunicorn("--bind", "127.0.0.1:0", *option)
    assert done.returncode == 2, done.stderr
    assert "--worker-class gthread" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
