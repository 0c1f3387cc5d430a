"""What `/probe/` answers where the history is kept: to anybody, whatever they send, and never with a redirect."""

from __future__ import annotations

import http.client
import json
import re
import socket

import pytest
from junitparser import JUnitXml

from tests.history.serving import START, VIEW, Caller, new_site, sessions, with_token
from tests.patience import LOADED
from tests.projects import migrated, python
from tests.webservers import gunicorn, uvicorn

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
FLAGGER = json.dumps(
    {
        "name": "podinfo",
        "namespace": "test",
        "phase": "Progressing",
        "checksum": "85d557f47b",
        "buildId": "1",
        "type": "rollout",
        "failedChecks": 0,
        "metadata": {"test": "all", "token": "16688eb5e9f289f1991c"},
    }
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with three runs: one that passed, one that closed its gate, one that was of a part of a gate."""
    made = migrated(new_site(tmp_path_factory.mktemp("views")))
    made.sessions = sessions(made)
    env = {"PROBE_RUN_ID": "open", "PROBE_RELEASE": "v42", "PROBE_TRIGGER": "hook"}
    done, made.record_of_open = made.record("--gate", "deploy", env=env)
    assert done.code == 0
    made.write("shop/broken", "pay")
    done, made.record_of_closed = made.record("--gate", "checkout", env={"PROBE_RUN_ID": "shut/ $2"})
    assert done.code == 1
    assert made.probe("--gate", "checkout", "shop.TestCheckout.test_ship", env={"PROBE_RUN_ID": "part"}).code == 0
    (made.path / "shop/broken").unlink()
    return made


@pytest.fixture(scope="module", params=[gunicorn, uvicorn], ids=["gunicorn", "uvicorn"])
def either(request, site):
    """The site, served by WSGI and by ASGI."""
    with request.param(site) as server:
        yield server


@pytest.fixture(scope="module")
def server(site):
    """The site, served by gunicorn."""
    with gunicorn(site, "--threads", "4") as running:
        yield running


def who(server, site, name):
    """Return somebody who asks: a token's bearer, a user, or the anonymous."""
    tokens = {"view token": VIEW, "start token": START, "wrong token": "wrong-0123456789-abcdefghi"}
    if name in tokens:
        return with_token(server, tokens[name])
    cookie = site.sessions.get(name)
    return Caller(server, {"Cookie": f"sessionid={cookie}"} if cookie else {})


GATE, RUN = "gates/deploy/", "runs/open/"
TO_SEE = [GATE, RUN, "metrics/", "openapi.json"]


@pytest.mark.parametrize(
    ("name", "seen", "started"),
    [
        ("anonymous", 401, 401),
        ("nobody", 403, 403),
        ("viewer", 200, 403),
        ("starter", 200, 403),  # without a CSRF token
        ("view token", 200, 403),
        ("start token", 200, 415),  # and what it sent is refused
    ],
)
def test_everything__is_for_those_who_may(either, site, name, seen, started):
    """Whoever may not is told so in one sentence, the same for what is there and for what is not."""
    caller = who(either, site, name)

    for path in [*TO_SEE, GATE[:-1], RUN[:-1], "metrics"]:
        answer = caller.get(path)
        assert answer.status == seen, (path, answer)
        assert answer.headers["Location"] is None
        if seen != 200:
            assert answer.headers["Content-Type"] == JSON
            assert set(json.loads(answer.body)) == {"error"}
            assert caller.get("gates/shipping/").said == caller.get("runs/none/").said == answer.said
            assert ("WWW-Authenticate" in answer.headers) == (seen == 401)
    for path in (GATE, "gates/shipping/"):
        if started != 415 or path == GATE:
            assert caller.ask("POST", path, "a", Content_Type="text/plain").status == started, path


def test_wrong_token__is_401_for_what_is_there_and_for_what_is_not(either, site):
    """Whoever guesses learns nothing, and is told to wait after ten guesses."""
    caller = who(either, site, "wrong token")
    answers = [caller.get(path) for path in (GATE, "gates/shipping/", RUN, "runs/none/")] + [caller.post(GATE)]
    assert len({(answer.status, answer.body, answer.headers["WWW-Authenticate"]) for answer in answers}) == 1
    assert answers[0].status == 401


REFUSED = {
    "an unknown gate": ("POST", "gates/shipping/", b"", {}, 404, "there is no gate shipping"),
    "the gate of web processes": ("POST", "gates/ready/", b"", {}, 404, "there is no gate ready"),
    "an unknown run": ("GET", "runs/nothing/", None, {}, 404, "there is no run of that id"),
    "a NUL": ("GET", "runs/a%00b/", None, {}, 404, "there is nothing of that name"),
    "labels outside": (
        "POST",
        "gates/stock/",
        b"labels=shop.TestCheckout",
        {},
        400,
        "selects nothing in the gate stock",
    ),
    "a label among others": ("POST", GATE, b"labels=shop.TestStock+shop.TestNone", {}, 400, "shop.TestNone"),
    "an unknown app": ("POST", GATE, b"labels=payments", {}, 400, "payments"),
    "an option": ("POST", GATE, b"labels=--database-access%3Dread-write", {}, 400, "is not a label"),
    "a short option": ("POST", GATE, b"labels=shop+-kpay", {}, 400, "'-kpay' is not a label"),
    "a path": ("POST", GATE, b"labels=..%2Fshop", {}, 400, "is not a label"),
    "an unknown field": ("POST", GATE, b"policy=other.yaml", {}, 400, "'policy' is no field here"),
    "a field of the command": ("POST", GATE, b"labels=shop&timeout=1h", {}, 400, "'timeout' is no field here"),
    "an unknown key": ("POST", GATE, b'{"database_access": "read-write"}', {"Content_Type": JSON}, 400, "no field"),
    "a label that is none": ("POST", GATE, b'{"labels": [1]}', {"Content_Type": JSON}, 400, "labels: expected a text"),
    "no object": ("POST", GATE, b'["shop"]', {"Content_Type": JSON}, 400, "the body has to be a JSON object"),
    "no JSON": ("POST", GATE, b"{", {"Content_Type": JSON}, 400, "the body is not JSON"),
    "deep JSON": ("POST", GATE, b"[" * 60_000, {"Content_Type": JSON}, 400, "the body is not JSON"),
    "half a surrogate": ("POST", GATE, rb'{"failed_of": "\ud800"}', {"Content_Type": JSON}, 400, "there is no run"),
    "a broken multipart": ("POST", GATE, b"x", {"Content_Type": "multipart/form-data"}, 400, "not what its Content-T"),
    "another charset": (
        "POST",
        GATE,
        b"x",
        {"Content_Type": f"{FORM}; charset=latin-1"},
        400,
        "not what its Content-T",
    ),
    "many fields": ("POST", GATE, b"&".join([b"labels=a"] * 2000), {}, 413, "the body has too much in it"),
    "much": ("POST", GATE, b"labels=" + b"a" * 65536, {}, 413, "the body may have 64 KiB"),
    "two runs": ("POST", GATE, b"failed_of=a&failed_of=b", {}, 400, "give one run"),
    "both": ("POST", GATE, b"failed_of=open&labels=shop", {}, 400, "no labels beside it"),
    "no such run": ("POST", GATE, b"failed_of=none", {}, 400, "failed_of: there is no run none"),
    "a run of another gate": ("POST", GATE, b"failed_of=part", {}, 400, "is one of the gate checkout"),
    "a run that passed": ("POST", GATE, b"failed_of=open", {}, 400, "nothing failed in the run open"),
    "labels in the URL": ("POST", f"{GATE}?labels=shop", b"", {}, 400, "labels and failed_of belong in the body"),
    "a wait that is none": ("POST", f"{GATE}?wait=abc", b"", {}, 400, "wait: expected a duration"),
    "an empty wait": ("POST", f"{GATE}?wait=", b"", {}, 400, "wait: expected a duration"),
    "a long wait": ("POST", f"{GATE}?wait=26s", b"", {}, 400, "wait: 25s is the most"),
    "an odd status": ("POST", f"{GATE}?fail_status=999", b"", {}, 400, "fail_status: expected one of 200, 424, 503"),
    "an odd status to see": ("GET", f"{GATE}?fail_status=999", None, {}, 400, "fail_status: expected one of"),
    "an odd format": ("POST", f"{GATE}?format=yaml", b"", {}, 400, "format: expected one of json, html, junit"),
    "an odd format to see": ("GET", f"{RUN}?format=yaml", None, {}, 400, "json, html, junit, markdown, got 'yaml'"),
    "an odd type": ("GET", GATE, None, {"Accept": "image/png"}, 406, "Accept: there is application/json, text/html"),
    "PUT": ("PUT", GATE, b"", {}, 405, "method not allowed"),
    "DELETE of a run": ("DELETE", RUN, None, {}, 405, "method not allowed"),
    "POST to a run": ("POST", RUN, b"", {}, 405, "method not allowed"),
    "POST of metrics": ("POST", "metrics/", b"", {}, 405, "method not allowed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_request__that_cannot_be_is_refused_in_one_sentence(server, what):
    """The status says whose mistake it is, the sentence which; a browser gets a page of it, and nothing is started."""
    method, path, body, headers, status, sentence = REFUSED[what]
    if method == "POST" and "Content_Type" not in headers:
        headers = {**headers, "Content_Type": FORM}
    answer = with_token(server).ask(method, path, body, **headers)

    assert (answer.status, answer.headers["Content-Type"]) == (status, JSON), answer
    said = json.loads(answer.body)
    assert set(said) == {"error"}
    assert sentence in said["error"]
    assert len(said["error"]) < 400
    assert "\n" not in said["error"]
    assert "Traceback" not in answer.body
    assert (answer.headers["Allow"] is not None) == (status == 405)


def test_refusals__have_started_nothing_and_are_pages_for_a_browser(site, server):
    """After all of them the history has no run of theirs."""
    page = with_token(server).ask("POST", f"{GATE}?wait=abc", Accept="text/html")
    assert (page.status, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "ait: expected a duration" in page.body
    started = """
    from django_probe.history.models import Run
    print([run.gate for run in Run.objects.filter(trigger="http") if run.gate != "stock" or run.labels])
    """
    assert python(site, started).out == "[]\n", "but for those that other tests start"


def test_body__of_unknown_length_is_refused(either):
    """A chunked body would be taken for none, and all of the gate would run instead of what was asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", either.port, timeout=30)
    connection.request(
        "POST",
        f"/probe/{GATE}",
        iter([b"labels=shop.TestStock"]),
        {"Authorization": f"Bearer {START}", "Content-Type": FORM, "Transfer-Encoding": "chunked"},
        encode_chunked=True,
    )
    response = connection.getresponse()
    assert (response.status, response.read()) == (411, b'{"error": "say how long the body is, in Content-Length"}\n')
    connection.close()


def raw(port, text):
    """Send these bytes; give all that comes back, head and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text.encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.decode().split("\r\n\r\n", 1)


@pytest.mark.parametrize("path", [GATE, RUN, "runs/none/", "", "metrics/"])
@pytest.mark.parametrize("token", [VIEW, ""])
def test_head__has_no_body(either, path, token):
    """Whatever the answer would have been: a body where none may be would be taken for the next answer."""
    headers = f"Host: localhost\r\nConnection: close\r\nAccept: text/html\r\nAuthorization: Bearer {token}\r\n"
    headers = headers if token else headers.rpartition("Authorization")[0]
    _, body = raw(either.port, f"HEAD /probe/{path} HTTP/1.1\r\n{headers}\r\n")
    assert body == ""


def test_body__of_who_may_not_is_not_waited_for(server):
    """A stranger who announces a body and sends none does not keep a thread."""
    answer = Caller(server).ask("POST", GATE, Content_Length="999")
    assert (answer.status, answer.seconds < LOADED) == (401, True)


def test_run__as_json_is_what_the_command_wrote(either, site):
    """The record that a person has as a file and the one that HTTP gives are the same, and some keys are added."""
    for run_id, path, record in (
        ("open", RUN, site.record_of_open),
        ("shut/ $2", "runs/shut%2F%20%242/", site.record_of_closed),
    ):
        answer = with_token(either, VIEW).get(path)
        found = json.loads(answer.body)
        names = ("state", "trigger", "started_by", "labels", "failed_of", "narrowed")
        added = {name: found.pop(name) for name in names}
        assert (answer.status, found) == (200, record)
        trigger = "hook" if run_id == "open" else None
        of_none = {"started_by": None, "labels": [], "failed_of": None, "narrowed": False}
        assert added == {"state": "finished", "trigger": trigger, **of_none}
        assert list(record) == list(found)


def test_gate__says_how_it_stands_in_every_format(either):
    """Closed is 503, or what the asker takes for it, whatever the format; a run of a part changes nothing."""
    view = with_token(either, VIEW)
    for form, content_type in (("json", JSON), ("junit", "application/xml"), ("html", "text/html")):
        for gate, status in (("deploy", 200), ("checkout", 503)):
            answer = view.get(f"gates/{gate}/?format={form}")
            assert (answer.status, answer.headers["Content-Type"]) == (status, f"{content_type}; charset=utf-8")
            assert view.get(f"gates/{gate}/", Accept=content_type).body == answer.body or form == "html"
        assert view.get(f"gates/checkout/?format={form}&fail_status=424").status == 424
        assert view.get(f"gates/checkout/?format={form}&fail_status=200").status == 200
        assert view.get(f"runs/shut%2F%20%242/?format={form}").status == 200, "that run is there, and it failed"
        assert view.get(f"gates/idle/?format={form}").status == 404, "it never ran"
    assert json.loads(view.get("gates/checkout/").body)["id"] == "shut/ $2"
    assert json.loads(view.get("gates/idle/").body) == {"error": "the gate idle never ran"}
    assert view.get(RUN, Accept="text/html;q=0.1, text/markdown").body.startswith("#")


def test_junit__can_be_read_and_agrees(server):
    """A reader that is not ours finds the failure that closed the gate."""
    suites = JUnitXml.fromstring(with_token(server, VIEW).get("gates/checkout/?format=junit").body.encode())
    (failed,) = [case for suite in suites for case in suite if case.result]
    suites.update_statistics()
    assert (suites.tests, suites.failures, suites.errors) == (2, 1, 0)
    assert (failed.classname, failed.name) == ("shop.TestCheckout", "test_pay")
    assert "402 is not 200" in failed.result[0].message


def test_answers__may_be_kept_and_are_asked_for_again(server):
    """An ETag makes a 304 of what did not change, for GET and HEAD; a closed gate is told anew each time."""
    view = with_token(server, VIEW)
    for path in (GATE, RUN, f"{RUN}?format=junit", "openapi.json"):
        first = view.get(path)
        again = view.get(path, If_None_Match=first.headers["ETag"])
        assert (again.status, again.body) == (304, ""), path
        assert view.get(path, If_None_Match='"another"').said == first.said
        head = view.ask("HEAD", path)
        assert (head.status, head.body, head.headers["ETag"]) == (200, "", first.headers["ETag"])
        assert head.headers["Content-Length"] == str(len(first.body.encode()))
        assert {"Accept", "Authorization", "Cookie"} <= set(re.split(", ?", first.headers["Vary"]))
    closed = view.get("gates/checkout/")
    assert (closed.status, closed.headers["ETag"]) == (503, None)
    assert view.ask("HEAD", "gates/checkout/").said == (503, "")


@pytest.mark.parametrize("path", ["", "live", "live/", "ready", "ready/"])
def test_anonymous__learn_ready_or_not_and_nothing_else(either, site, path):
    """One line, for every kind of Accept and with every wrong credential; no name of a gate or a probe."""
    for name in ("anonymous", "nobody"):
        caller = who(either, site, name)
        for accept in ("*/*", "text/html", JSON, ""):
            answer = caller.get(path, Accept=accept)
            assert answer.said == (200, "live" if "live" in path else "ready: no probes"), (name, accept)
            assert answer.headers["Content-Type"].startswith("text/plain")


def test_index__is_the_status_page_where_it_is_asked_for_by_one_who_may(either, site):
    """Accept has to name text/html: kubelet's `*/*` and a script's JSON get the line, as everybody did before."""
    for name in ("viewer", "starter", "view token"):
        caller = who(either, site, name)
        page = caller.get("", Accept="text/html,*/*;q=0.8")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "checkout" in page.body
        assert "Accept" in page.headers["Vary"]
        for accept in ("*/*", JSON):
            assert caller.get("", Accept=accept).said == (200, "ready: no probes")
    assert (
        Caller(either, root="").get("/probe/", Accept="text/html", Cookie="sessionid=forged").body.startswith("ready")
    )


def test_page__is_one_that_no_cache_keeps_and_no_other_script_runs_in(server, site):
    """Pages of history are a visitor's own, and what a probe printed is not run."""
    for path in ("", GATE, RUN):
        page = who(server, site, "viewer").get(path, Accept="text/html")
        assert page.status == 200, path
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_user__starts_a_run_by_the_form_of_a_page(server, site):
    """With the token of the form, and without it not."""
    starter = who(server, site, "starter")
    form = starter.get("/form/")
    cookie = f"{starter.headers['Cookie']}; csrftoken={form.headers['Set-Cookie'].partition(';')[0].partition('=')[2]}"
    caller = Caller(server, {"Cookie": cookie, "Content-Type": FORM, "Accept": "text/html"})

    refused = caller.ask("POST", "gates/stock/", "csrfmiddlewaretoken=" + "x" * 64)
    started = caller.ask("POST", "gates/stock/", f"csrfmiddlewaretoken={form.body}")

    assert refused.status == 403
    assert (started.status, started.headers["Location"][:12]) == (202, "/probe/runs/")
    assert started.headers["Location"] in started.body
    assert with_token(server).ended(started)["passed"] is True


def test_flagger__opens_a_gate_by_what_it_posts(either):
    """Its body is its own business: the whole gate runs, and the answer is the verdict."""
    answer = with_token(either).ask("POST", "gates/stock?wait=25s", FLAGGER, Content_Type=JSON)
    found = json.loads(answer.body)
    assert (answer.status, found["passed"], found["trigger"], found["labels"]) == (200, True, "http", [])


WALLED = """
from django.conf import settings
from django.test import Client
first = ["django_probe.middleware.ProbeMiddleware", "django.middleware.security.SecurityMiddleware"]
settings.MIDDLEWARE = first + settings.MIDDLEWARE
settings.SECURE_SSL_REDIRECT = True
settings.ALLOWED_HOSTS = ["shop.example"]
for slash in ("", "/"):
    for name in ("", "/live", "/ready"):
        answer = Client(headers={"host": "10.1.2.3:8000", "accept": "text/html"}).get(f"/probe{name}{slash}")
        print(answer.status_code, answer.content.decode().strip())
print(Client(headers={"host": "shop.example"}).get("/probe/gates/deploy/").status_code)
"""


def test_middleware__answers_before_a_redirect_to_https(site):
    """By an address, without https, with or without the slash; what is behind the wall stays there."""
    done = python(site, WALLED)
    ready = "200 ready: no probes"
    assert done.out.splitlines() == [ready, "200 live", ready] * 2 + ["301"], done.err
