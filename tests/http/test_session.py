"""A session asks as one visitor, says what it asked, and gives nothing away."""

from __future__ import annotations

import gc
import itertools
import sys
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_probe.http import JsonError, NoAnswerError, Session, release
from tests.http.conftest import Clock, page

MOVED = b"302 Found"


def head(request):
    """Return the first line of a request, and its headers by their names in lower case."""
    first, *lines = request.partition("\r\n\r\n")[0].split("\r\n")
    return first, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_request__is_sent_as_written(serve):
    """Parameters, forms, JSON, bodies and headers are sent as they are given, after the base."""
    server = serve(page())
    with Session(f"{server.url}/api/", headers={"X-All": "a"}) as http:
        http.get("/?a=1#part", params={"b": ["x y", 2]})
        http.post("/form", data={"a": "b c", "n": 1})
        http.put("/json", json={"a": None}, headers={"X-One": "b"})
        http.patch("/raw", data=b"\0\1", headers={"Content-Type": "application/x"})
        http.delete("/")
        http.request("purge", "/")
        assert http.head("/").body == b""

    first, headers = head(server.asked[0])
    assert (first, headers["x-all"], headers["user-agent"]) == ("GET /api/?a=1&b=x+y&b=2 HTTP/1.1", "a", "django-probe")
    form, sent, raw = server.asked[1:4]
    assert form.endswith("\r\n\r\na=b+c&n=1")
    assert head(form)[1]["content-type"] == "application/x-www-form-urlencoded"
    assert sent.endswith('\r\n\r\n{"a": null}')
    assert [head(sent)[1][name] for name in ("content-type", "x-one", "x-all")] == ["application/json", "b", "a"]
    assert raw.endswith("\r\n\r\n\0\1")
    assert [each.split()[0] for each in server.asked[4:]] == ["DELETE", "PURGE", "HEAD"]


def test_cookies__are_the_visitors(serve):
    """A cookie that came is sent from then on, and a redirect is followed, or not."""
    moved = page(b"", b"Location: /account", b"Set-Cookie: session=open; Path=/", status=MOVED)
    server = serve(moved, page(b"Welcome"), moved)
    with Session(server.url) as http:
        first = http.post("/login", data={"user": "probe"})
        second = http.get("/login", follow=False)

    assert (first.text, first.url, first.asked) == ("Welcome", f"{server.url}/account", f"GET {server.url}/account")
    assert (second.status, second.headers["location"]) == (302, "/account")
    assert server.asked[1].startswith("GET /account ")
    assert [head(each)[1].get("cookie") for each in server.asked] == [None, "session=open", "session=open"]


def test_cookies__that_nobody_can_read(serve):
    """A cookie that cannot be read is none: no warning is given of it, and the others are kept."""
    sent = [b"Set-Cookie: a=b; expires=Wed, 21 Ocu 2026 07:28:00 GMT", b"Set-Cookie: c=d", b"Set-Cookie: =;\xff"]
    server = serve(page(b"", *sent))
    with Session(server.url) as http:
        http.get("/")
        http.get("/")

    assert head(server.asked[1])[1]["cookie"] == "c=d"


def test_credentials__stay_with_their_server(serve):
    """What is meant for one server goes to no other: neither by a redirect, nor by a URL of another one."""
    other = serve(page())
    port = other.url.rpartition(":")[2]
    server = serve(
        page(b"", b"Location: /again", status=MOVED), page(b"", b"Location: " + other.url.encode(), status=MOVED)
    )
    base = server.url.replace("//", "//probe:open-sesame@")
    with Session(base, headers={"X-Api-Key": "key-4711"}) as http:
        http.get("/", headers={"Authorization": "Bearer tok-4711"})
        http.get(f"http://localhost:{port}/")

    assert [head(each)[1].get("authorization") for each in server.asked] == ["Bearer tok-4711"] * 2
    assert [head(each)[1].get("x-api-key") for each in server.asked] == ["key-4711"] * 2
    for each in other.asked:
        assert not {"authorization", "x-api-key", "cookie"} & head(each)[1].keys()


def test_headers__of_a_session_without_a_base(serve, monkeypatch):
    """Nobody knows which server the headers of a session are for where it has no base: that is an error."""
    monkeypatch.setattr(release, "setting", lambda _name: None)
    server = serve(page())

    with Session(headers={"X-Api-Key": "key-4711"}) as http, pytest.raises(ImproperlyConfigured) as raised:
        http.get(server.url)

    assert str(raised.value).startswith("headers of a session go to the server of its base alone, and it has none: ")
    assert server.asked == []


def test_body__stays_with_its_server(serve):
    """A redirect that would take a form along to another server is not followed."""
    other = serve(page())
    server = serve(page(b"", b"Location: " + other.url.encode() + b"/?token=abc", status=b"307 T"))

    with Session(server.url) as http, pytest.raises(NoAnswerError) as raised:
        http.post("/", data={"password": "open-sesame"})

    said = f"POST {server.url}/: it redirects to {other.url}/, another server, to which no body is sent on"
    assert (str(raised.value), other.asked) == (said, [])


def test_connection__that_was_closed_meanwhile(serve):
    """Where the server closed a connection that is used again, a GET is asked again; a POST gets a new one."""
    from tests.http import conftest  # noqa: PLC0415 (a helper, not a fixture)

    def answer_once(connection):
        connection.sendall(page())
        conftest._request(connection)

    server = serve(answer_once)
    with Session(server.url) as http:
        assert [http.get("/").status for _ in range(3)] == [200] * 3
        assert [http.post("/").status for _ in range(2)] == [200] * 2
    assert [each.split()[0] for each in server.asked] == ["GET", "GET", "GET", "POST", "POST"]


def test_session__is_shared_by_threads(serve):
    """Threads ask at the same time, each gets its own answer, and nothing stays open."""
    server = serve(page(b"x" * 100_000))
    lengths = []
    with Session(server.url) as http:
        threads = [threading.Thread(target=lambda: lengths.append(len(http.get("/").body))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    gc.collect()  # a socket that is still open would warn, which is an error here

    assert lengths == [100_000] * 12
    with pytest.raises(ValueError, match="the session is closed"):
        http.get("/")


def test_session__threads_hear_of_their_own_failures(serve):
    """A request that fails while others are answered, and given cookies, has its own error."""
    cookies = itertools.count()
    server = serve(lambda connection: connection.sendall(page(b"", b"Set-Cookie: n%d=cookie" % next(cookies))))
    raised = []

    def ask(http):
        for _ in range(20):
            http.get("/")
            try:
                http.get("http://127.0.0.1:1/")
            except Exception as error:  # noqa: BLE001 (which it is, is the question)
                raised.append(type(error))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with Session(server.url) as http:
            threads = [threading.Thread(target=ask, args=[http]) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert raised == [NoAnswerError] * 120


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"headers": {"X-A": "first-4711\nsecond"}},
            "header 'X-A': it takes one line of Latin-1",
        ),
        ({"headers": {"X A": "b"}}, "header 'X A': "),
        ({"data": {}, "json": {}}, "data and json: a request has one body"),
        ({"timeout": "soon"}, "expected a duration such as"),
        ({"json": float("nan")}, "Out of range float values"),
    ],
)
def test_request__that_cannot_be_sent(serve, options, said):
    """What HTTP does not have is a ValueError, without what was given, and nothing is sent."""
    server = serve(page())

    with Session(server.url) as http, pytest.raises(ValueError, match=said) as raised:
        http.get("/", **options)

    assert (server.asked, "4711" in str(raised.value)) == ([], False)


@pytest.mark.parametrize(
    "base", ["shop.example", "ftp://shop.example", "http://", "http://shop.example:port", "http://shop.example/?a", ""]
)
def test_base__that_is_no_url(base):
    """A base that is no URL is refused when the session is made."""
    with pytest.raises(ValueError, match=r"^expected "):
        Session(base)


def test_evidence__has_no_secrets(serve):
    """What was asked and what came is shown without what is secret by its name, and without what was sent as such."""
    body = (
        b'{"token": "tok-of-answer", "echo": "open sesame/4711 Bearer bearer-4711", "bidi": "\xe2\x80\xae\x1b[31m"}\n'
    )
    server = serve(page(body + b"\0", b"Set-Cookie: session=cookie-4711", b"Server: a\xad\x07"))
    error = ZeroDivisionError()
    with Session(server.url.replace("//", "//probe:p%40ss-4711@")) as http:
        http.get("/", params={"api_key": "key-4711", "page": 1}, headers={"Authorization": "Bearer bearer-4711"})
        http.post("/", data={"password": "open sesame/4711", "n": 1}, headers={"X-Session-Token": "x-4711"})
        http.post("/", json={"card": {"secret": "json-4711"}, "n": 1})
        http.explain(error)

    (note,) = error.__notes__
    assert not any(secret in note for secret in ("4711", "tok-of-answer", "sesame"))
    assert note.startswith("\n")
    assert all(line.isprintable() for line in note.splitlines())
    assert f"GET {server.url}/?api_key=********&page=1\n\ncame: status 200, {len(body) + 1} bytes\n" in note
    assert "\ntimes: DNS " in note
    assert r'"bidi": "\u202e\x1b[31m"}' in note
    assert "\n  set-cookie: session=********\n" in note
    assert r"  server: a\xad\x07" in note
    form = "-H 'X-Session-Token: ********' --data-urlencode 'password=********' --data-urlencode n=1"
    assert f"\n  curl -sSi -L {form} {server.url}/\n" in note
    assert """--data-raw '{"card": {"secret": "********"}, "n": 1}'""" in note


def test_evidence__knows_what_was_sent_long_ago(serve):
    """An answer may repeat a secret that is no longer in a request that is shown, or a cookie that is replaced."""
    cookies = [page(b"", b"Set-Cookie: id=cookie-%d-4711" % number) for number in (1, 2)]
    server = serve(*cookies, page(b"open-sesame, tok-4711, cookie-1-4711; Tea"))
    with Session(server.url) as http:
        http.post("/", data={"password": ["open-sesame"]})
        http.post("/", data="token=tok-4711")
        for _ in range(11):
            answer = http.get("/")
        shown = http.evidence()

    assert "open-sesame" in answer.text
    assert shown.count("  ********, ********, ********; Tea\n") == 10


def test_evidence__is_bounded(serve):
    """The last ten requests are shown, and of a body the beginning, whose last word the record can see is cut."""
    server = serve(page(b"y" * 10_000))
    with Session(server.url) as http:
        for number in range(12):
            http.get(f"/{number}")
        shown = http.evidence()

    assert shown.startswith("2 earlier requests are left out\nGET ")
    assert shown.count("came: status 200") == 10
    assert shown.count(f"the first 500 characters of the body:\n  {'y' * 500} [truncated]...\n") == 10


def test_headers__that_come_twice(serve):
    """A header has any case, and all its values; JSON that could be read in two ways is none."""
    server = serve(page(b'{"status": "down", "status": "ok"}', b"Vary: Accept", b"X-A: b", b"vary: Cookie", b"X-A: b"))
    with Session(server.url) as http:
        answer = http.get("/")

    assert (answer.headers["VARY"], answer.headers.all("Vary")) == ("Accept, Cookie", ("Accept", "Cookie"))
    assert (answer.headers.get("x-none"), "x-a" in answer.headers) == (None, True)
    with pytest.raises(JsonError, match="the member 'status' stands twice in one object"):
        answer.json()


def test_release__that_does_not_come(serve, monkeypatch):
    """A session that waits in vain says so in one line, and below it what came last; it waits once."""
    server = serve(page(b"old", b"X-Release: v41"))
    monkeypatch.setattr(release, "of_the_run", lambda: release.Release("X-Release", "v42"))
    monkeypatch.setattr(release, "_PAUSE", 30.0)
    monkeypatch.setattr(release, "time", Clock())

    with Session(server.url, release=True) as http:
        with pytest.raises(AssertionError) as raised:
            http.get("/orders")
        with pytest.raises(AssertionError) as again:
            http.get("/stock")

    assert (str(again.value), len(server.asked)) == (str(raised.value), 2)

    head_line, _, rest = str(raised.value).partition("\n")
    said = "it is from 'v41' by X-Release, not from 'v42'; waited 50 s for 10 good answers in a row, asked 2 times"
    assert head_line == f"GET {server.url}: {said}"
    assert "came: status 200, 3 bytes" in rest
    assert f"curl -sSi -L {server.url}" in rest
