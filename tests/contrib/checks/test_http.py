"""The checks over HTTP, against a real server with and without TLS."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress

import pytest

from django_probe.contrib.checks.exchange import release
from django_probe.contrib.checks.exchange.expectations import differences
from django_probe.contrib.checks.filling import Filling
from django_probe.details import parted
from django_probe.http import release as releases
from django_probe.http.release import Release
from django_probe.http.response import Headers, NoAnswerError, Question, Response
from django_probe.http.wire.asking import Browser
from django_probe.policy.declared.check import Check
from django_probe.terms import Wishes
from tests.http.conftest import Clock

CHECKS = """
home: {http: "SHOP/", status: 200, contains: Teapot, matches: "<h1>.* shop", headers: {content-type: "${SHOP_TYPE}/*"}}
moved: {http: /moved, base: "${SHOP_URL}", contains: Teapot}
stays: {http: "SHOP/moved", follow: false, status: 3xx, headers: {Location: /}}
sent: {http: "SHOP/login", form: {password: "${SHOP_PASSWORD}", n: 3}, follow: false, status: 302}
stock: {http: "SHOP/stock", json: {status: ok, "items[0].stock": "< 1", "length(items)": 1}}
lasts: {http: "SECURE/", valid_for: 1h}
private: {http: "SHOP/account", status: [401, 403]}
missing: {http: "SHOP/missing?token=abc&page=2"}
differs: {http: "SHOP/stock", json: {"items[0].stock": "> 0", status: ok, nothing: here}}
headers: {http: "SHOP/", headers: {content-type: "application/*", x-a: DENY}, contains: Coffee, matches: "^no"}
late: {http: "SHOP/slow", within: 100ms}
ends: {http: "SECURE/", valid_for: 14d}
plain: {http: "SHOP/", valid_for: 14d}
round: {http: "SHOP/round"}
nobody: {http: "http://nobody.invalid/"}
secret:
  http: SHOP/broken
  method: PUT
  send: {Authorization: "Bearer ${SHOP_TOKEN}", X-Key: abc, X-Auth: "${SHOP_BASIC}"}
  form: {a: "b c"}
written: {http: "SHOP/broken", send: {Authorization: "Bearer written-4711"}}
astray: {http: "SHOP/astray"}
leads: {http: "SHOP/astray?to=1", follow: false, status: 200}
odd: {http: "SHOP/odd", json: {a: 1}}
unset: {http: "${NOT_SET}/"}
no_base: {http: /, base: "${SHOP_TYPE}"}
lines: {http: "SHOP/", send: {X-A: "${SHOP_LINES}"}}
slash: {http: "http://probe:${SHOP_SLASH}@BARE/broken"}
no_path: {http: "SHOP/stock", json: {length(nothing): 1, "nothing.more": "!= 1"}}
"""


@pytest.fixture(scope="module")
def results(checked, shop, secure_shop):
    """One run of all that can differ, and what came of it."""
    return checked.run(
        CHECKS.replace("SHOP/", f"{shop.url}/").replace("SECURE", secure_shop.url).replace("BARE", shop.url[7:]),
        SHOP_URL=shop.url,
        SHOP_TYPE="text",
        SHOP_TOKEN="token-of-the-shop-4711",
        SHOP_BASIC="basic-of-the-shop-4711",
        SHOP_PASSWORD="open-sesame-4711",
        SHOP_LINES="first-4711\nsecond-4711",
        SHOP_SLASH="before-4711/after-4711",
    )


def test_http__as_expected(results, shop):
    """A check passes whose answer is as it expects it: by default below 400, after the redirects."""
    _, found = results

    good = {"home", "moved", "stays", "sent", "stock", "lasts", "private"}
    assert {label for label, each in found.items() if each["outcome"] == "passed"} == {f"http.{name}" for name in good}
    ((method, _, headers, body),) = shop.asked("/login")
    assert (method, body) == ("POST", "password=open-sesame-4711&n=3")
    assert headers["User-Agent"] == "django-probe"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", r"GET {url}/missing\?token=\*+&page=2: status 404, not below 400"),
        ("differs", r"GET {url}/stock: items\[0\].stock is 0, not > 0; nothing is null, not \"here\""),
        ("headers", r"GET {url}/: header content-type is 'text/html', not 'application/\*'; no header x-a, .*"),
        ("headers", r".*, expected 'DENY'; \"Coffee\" is not in it; nothing in it matches \"\^no\""),
        ("late", r"GET {url}/slow: it took \d+ ms, more than 100 ms"),
        ("ends", r"GET https://\S+/: its certificate ends \S+ \S+ UTC, in \d\d hours, and has to last 14 days"),
        ("plain", r"GET {url}/: it has no certificate: the answer came without TLS"),
        ("round", r"GET {url}/round: more than 10 redirects, the last to {url}/round"),
        ("astray", r"GET {url}/astray: it redirects to http://shop:99999999/, which is no URL: .*"),
        ("no_path", r"GET {url}/stock: length\(nothing\): .* received: \"null\"; expected 1; nothing.more is null, .*"),
        ("odd", r"GET {url}/odd: the body is no JSON: .*recursion.*"),
        ("nobody", r"GET http://nobody.invalid/: the name nobody.invalid was not found: .+"),
        ("secret", r"PUT {url}/broken: status 500, not below 400"),
    ],
)
def test_http__difference_is_one_line(results, shop, name, said):
    """What differs is one line: what was asked, and each thing that came otherwise."""
    result = results[1][f"http.{name}"]

    assert result["outcome"] == "failed"
    assert re.fullmatch(said.format(url=re.escape(shop.url)), result["message"])


def test_http__what_cannot_be_asked_is_an_error(results):
    """A missing or unfit variable is an error of its check, which names the key alone."""
    _, found = results

    assert {found[f"http.{name}"]["outcome"] for name in ("unset", "no_base", "lines")} == {"error"}
    assert "checks.unset.http: the environment has no NOT_SET" in found["http.unset"]["message"]
    assert "checks.no_base.base: expected http://HOST... or https://HOST..." in found["http.no_base"]["message"]
    assert parted(found["http.unset"]["details"])[0].strip() == ""
    assert "checks.lines.send.X-A: a header takes one line of characters" in found["http.lines"]["message"]
    assert found["http.slash"]["message"] == f"GET {found['http.slash']['title']}: status 500, not below 400"
    assert '{"echo": "Basic ********' in found["http.slash"]["details"]
    assert not any(part in str(found) for part in ("first-4711", "second-4711", "before-4711", "after-4711"))
    assert "location: http://shop:99999999/?token=********" in found["http.leads"]["details"]


@pytest.mark.parametrize(
    ("name", "came", "wanted", "said"),
    [
        ("X-Frame-Options", ["DENY", "ALLOWALL"], "deny", "'DENY' and 'ALLOWALL'"),
        ("Content-Type", ["text/html", "text/plain"], "text/html*", "'text/html' and 'text/plain'"),
        ("X-Frame-Options", ["DENY", "deny"], "DENY", ""),
        ("Vary", ["Accept", "Cookie"], "*cookie*", ""),
        ("Set-Cookie", ["a=b; Secure", "token=abc"], "x=*", "'a=********; Secure, token=********'"),
    ],
)
def test_headers__that_come_twice(name, came, wanted, said):
    """A header that came twice is judged each time, and a list as a whole; of a cookie the value is not told."""
    check = Check("checks.home", "home", "http", "http://shop.example/", {"headers": {name: wanted}})
    answer = Response(200, Headers([(name, each) for each in came]), b"")

    assert differences(check, answer, Filling()) == ([f"header {name} is {said}, not {wanted!r}"] if said else [])


def test_http__details(results, shop):
    """The details have what came, the beginning of the body, the times, the certificate, and the same for a shell."""
    _, found = results

    missing = found["http.missing"]["details"]
    assert re.search(r"came: status 404, 2100 bytes\n  server: \S+ \S+\n  content-type: text/html\n", missing)
    assert re.search(r"times: DNS \d+ ms, connect \d+ ms, first byte \d+ ms, whole \d+ ms\n", missing)
    assert "the first 500 characters of the body:\n  nothing of this name" in missing
    assert len(re.search(r"of the body:\n  (.*) \[truncated\]\.\.\.\n", missing)[1]) == 500
    assert f"curl -sSi -L '{shop.url}/missing?token=********&page=2'" in missing
    assert re.search(r"TLS \d+ ms.*\ncertificate: ends \S+ \S+ UTC, in \d\d hours\n", found["http.ends"]["details"])


def test_http__secrets_stay_names(results, checked):
    """A secret of the environment is in no report: the line for a shell has its name, the body of the answer a mask."""
    done, found = results

    details = found["http.secret"]["details"]
    assert (
        "curl -sSi -L -X PUT -H \"Authorization: Bearer ${SHOP_TOKEN}\" -H 'X-Key: ********' "
        "-H \"X-Auth: ${SHOP_BASIC}\" --data-urlencode 'a=b c'"
    ) in details
    assert '{"echo": "********' in details
    record = (checked.site.path / "record.json").read_text(encoding="utf-8")
    for secret in ("written-4711", "token-of-the-shop", "basic-of-the-shop", "open-sesame", "token=abc"):
        assert secret not in record + done.err + done.out


def test_http__body_that_drips():
    """A body that comes byte by byte has no more time than the answer has."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1000):
                    connection.sendall(b"x")
                    time.sleep(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with Browser() as browser, pytest.raises(NoAnswerError, match="no answer within 2 s"):
            browser.ask(Question(url, timeout=2))
        thread.join()


def test_release__waited_for(checked, shop):
    """A check with `release` passes after ten good answers of it in a row, each over a new connection."""
    check = f'new: {{http: "{shop.url}/of-the-release", release: true}}'
    before = shop.connections

    _, named = checked.run(check, PROBE_RELEASE="v41", PROBE_RELEASE_HEADER="X-Release")
    asked, connections = len(shop.asked("/of-the-release")), shop.connections - before
    _, unnamed = checked.run(check, PROBE_RELEASE="v41")
    _, none = checked.run(check, PROBE_RELEASE_HEADER="X-Release")

    assert named["http.new"]["outcome"] == "passed"
    assert asked == connections == 10
    assert len(shop.asked("/of-the-release")) == 10
    assert unnamed["http.new"]["outcome"] == none["http.new"]["outcome"] == "error"
    assert "checks.new.release: PROBE_RELEASE is not set, the release" in none["http.new"]["message"]
    assert "checks.new.release: PROBE_RELEASE_HEADER is not set" in unnamed["http.new"]["message"]


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        (
            "v42",
            "/",
            "it is from 'v41' by X-Release, not from 'v42'; waited 50 s for 10 good answers in a row, asked 2 ",
        ),
        ("v41", "/missing", "status 404, not below 400; 10 bad answers of this release in a row"),
    ],
)
def test_release__given_up(shop, monkeypatch, name, path, said):
    """Another release is waited out to the end of the check's time; bad answers of the release itself are a fact."""
    monkeypatch.setattr(releases, "_PAUSE", 30.0 if name == "v42" else 0.5)
    monkeypatch.setattr(releases, "time", Clock())
    check = Check("checks.new", "new", "http", f"{shop.url}{path}", {"release": True}, Wishes(timeout=60.0))

    with pytest.raises(AssertionError) as raised:
        release.wait(check, Filling(), Release("X-Release", name))

    assert str(raised.value).startswith(f"GET {shop.url}{path}: {said}")
    assert "the same by hand:" in str(raised.value)


def test_tls__unknown_certificate_refused(checked, secure_shop):
    """A certificate that nobody vouches for is a failure that says so."""
    _, found = checked.run(f'home: {{http: "{secure_shop.url}/"}}', SSL_CERT_FILE="/dev/null")

    assert "/: its certificate was refused: self-signed certificate" in found["http.home"]["message"]
