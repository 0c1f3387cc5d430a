"""The checks that ask no URL: ports, certificates, databases, views and programs."""

from __future__ import annotations

import re
import socket
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.kinds import tcp, view
from django_probe.policy.declared.check import Check

URLS = """
from django.http import JsonResponse, StreamingHttpResponse
from django.urls import path


def home(request):
    return JsonResponse({"host": request.get_host(), "form": request.POST.dict(), "key": request.headers.get("X-Key")})


def broken(request):
    raise LookupError("the shelf is gone")


def endless(request):
    return StreamingHttpResponse(iter(lambda: "Teapot " * 1000, ""))


urlpatterns = [path(f"{view.__name__}/", view, name=view.__name__) for view in (home, broken, endless)]
"""
CHECKS = """
port: {tcp: "127.0.0.1:${SHOP_PORT}", within: 30s}
closed: {tcp: "127.0.0.1:CLOSED"}
lasts: {tls: "127.0.0.1:SECURE", valid_for: 1h}
ends: {tls: "127.0.0.1:SECURE", valid_for: 21d}
bare: {tls: "127.0.0.1:${SHOP_PORT}"}
count: {sql: "SELECT count(*) FROM django_content_type WHERE model LIKE '%'", expect: "> 0"}
value: {sql: "SELECT 'up', 3", expect: down}
row: {sql: "SELECT 1 WHERE 1 = 0", expect: 1}
write: {sql: "DELETE FROM django_content_type"}
wrong: {sql: "SELEC 1"}
endless: {sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", timeout: 1s}
home: {view: home, form: {a: 1}, send: {X-Key: b}, json: {host: shop.example, "form.a": "1", key: b}}
other: {view: home, status: 201, contains: Teapot}
broken: {view: broken}
lines: {view: home, send: {X-Key: "${TWO_LINES}"}}
stream: {view: endless, contains: Teapot}
"true": {command: ["true"]}
three: {command: [sh, -c, "echo 'hello there'; exit 3"], status: [0, 3], contains: hello, matches: "there$"}
"false": {command: ["false"], contains: x}
much: {command: [sh, -c, "yes | head -c 1500000; echo end"], contains: end}
absent: {command: [no-such-program, "a b"]}
told: {command: [sh, -c, "echo $1 $3; exit 1", "KEY_FILE=one-4711 x", --password=two-4711, --token, three-4711]}
leaves: {command: [sh, -c, "sleep 60 & echo hi"], timeout: 2s}
hangs: {command: [sleep, "60"], timeout: 1s}
"""


@pytest.fixture(scope="module")
def results(checked, shop, secure_shop):
    """One run of all of them, in a project with a database and two views."""
    checked.site.write("site_urls.py", URLS)
    checked.site.configure('ALLOWED_HOSTS = [".shop.example"]\n')
    assert checked.site.run("migrate").code == 0
    port, secure = (each.url.rpartition(":")[2] for each in (shop, secure_shop))
    checks = CHECKS.replace("SECURE", secure).replace("CLOSED", "1")
    return checked.run(checks, SHOP_PORT=port, TWO_LINES="a\nb")[1]


def test_kinds__as_expected(results):
    """What is as it was expected passes."""
    good = {"tcp.port", "tls.lasts", "sql.count", "view.home", "view.stream", "command.true", "command.three"}

    assert {label for label, each in results.items() if each["outcome"] == "passed"} == good


@pytest.mark.parametrize(
    ("label", "outcome", "said"),
    [
        ("tcp.closed", "failed", r"127.0.0.1:1: no connection to 127.0.0.1 port 1: Connection refused"),
        ("tls.ends", "failed", r"127.0.0.1:\d+: its certificate ends .* in \d\d hours, and has to last 21 days"),
        ("tls.bare", "failed", r"127.0.0.1:\d+: no TLS: .*"),
        ("sql.value", "failed", r'the first value is "up", not "down"'),
        ("sql.row", "failed", r"no row came, expected 1"),
        ("sql.write", "error", r"CheckError: checks.write.sql: the database guard refused a write; if it .*"),
        ("sql.wrong", "failed", r'OperationalError: near "SELEC": syntax error'),
        ("sql.endless", "timeout", r"timed out after 1 s .*, waiting for WITH RECURSIVE n.*"),
        ("view.other", "failed", r'GET /home/ \(home\): status 200, not 201; "Teapot" is not in it'),
        (
            "view.lines",
            "error",
            r"CheckError: checks.lines.send.X-Key: a header takes one line of characters of Latin-1",
        ),
        ("view.broken", "error", r"LookupError: the shelf is gone \(asked: GET /broken/\)"),
        ("command.false", "failed", r'false: it exited with 1, not 0; "x" is not in it'),
        ("command.much", "failed", r'sh -c .*: "end" is not in the part of it that was read'),
        ("command.absent", "failed", r"no-such-program 'a b': cannot be run: No such file or directory"),
        (
            "command.leaves",
            "timeout",
            r"timed out after 2 s .*, waiting for what sh -c .* started: it ended itself, .*",
        ),
        ("command.hangs", "timeout", r"timed out after 1 s .*, waiting for sleep 60"),
    ],
)
def test_kinds__difference_is_one_line(results, label, outcome, said):
    """What differs is one line; a database is as read-only as to any probe, and a program has the probe's time."""
    assert results[label]["outcome"] == outcome
    assert re.fullmatch(said, results[label]["message"])


def test_command__secrets_are_not_shown(results):
    """What a program is given under the name of a secret, and prints, is in no report: the line has the names."""
    told = results["command.told"]

    assert "'KEY_FILE=******** x' --password=******** --token ********: it exited with 1" in told["message"]
    assert "printed:\n--password=******** ********" in told["details"]
    assert "-4711" not in str(told)


def test_view__of_a_project_that_no_host_reaches(monkeypatch):
    """A view that nobody can ask, because the project answers no host, is an error that names the check."""

    def none():
        raise ImproperlyConfigured("ALLOWED_HOSTS is empty")

    monkeypatch.setattr(view, "path_of", lambda _name: "/home/")
    monkeypatch.setattr(view, "allowed_host", none)
    with pytest.raises(CheckError, match=r"^checks\.home\.view: ALLOWED_HOSTS is empty$"):
        view.run(Check("checks.home", "home", "view", "home"))


def test_tcp__taken_and_closed(monkeypatch):
    """A port that takes a connection and closes it, as a proxy does that has nobody behind it, is no open one."""
    monkeypatch.setattr(tcp, "_A_MOMENT", 60.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def drop():
            server.accept()[0].close()

        thread = threading.Thread(target=drop)
        thread.start()
        with pytest.raises(AssertionError, match=f"{address}: the connection was taken, and closed at once"):
            tcp.run(Check("checks.port", "port", "tcp", address))
        thread.join()
