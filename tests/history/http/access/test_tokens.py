"""Tokens: which count, how a rotated one reaches a running server, and how often a wrong one may be tried."""

from __future__ import annotations

import base64
import http.client
import itertools
import os
import subprocess
import time
from textwrap import dedent

import pytest
import yaml

from django_probe.history.http.access.attempts import MOST_ADDRESSES, Attempts
from tests import documents
from tests.conftest import ROOT
from tests.installed import needed
from tests.patience import PATIENCE
from tests.projects import new_project, python
from tests.webservers import LOGGING, gunicorn

VIEW, START, ROTATED = "view-0123456789-abcdefgh", "start-0123456789-abcdefg", "rotated-0123456789-abcde"
WRONG = "wrong-0123456789-abcdefg"
SHORT = "short-0123456789-abcdef"
OF_CI = "of-ci-0123456789-abcdefgh"
NAMED = "named-0123456789-abcdefg"  # comes as a user name only, which gunicorn logs
URLS = """\
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_probe.history.http.access.access import Denied, admit
from django_probe.history.visitors import Scope


@csrf_exempt
def runs(request):
    try:
        asking = admit(request, Scope.START if request.method == "POST" else Scope.VIEW)
    except Denied as denied:
        return HttpResponse(denied.sentence, status=denied.status, headers=denied.headers)
    return HttpResponse(f"{asking.name} {'+'.join(sorted(asking.scopes))}")


urlpatterns = [path("runs/", runs)]
"""
NO_START = 'This token may not start runs: its scope is not "start".'
NOT_ACCEPTED = "The Authorization header holds no token that is accepted here."


def new_site(folder, settings):
    """Make a project whose `/runs/` is seen with the scope view, and posted to with the scope start."""
    made = new_project(folder / "site")
    made.write("site_urls.py", URLS)
    made.configure(f'INSTALLED_APPS += ["django_probe.history"]\n{LOGGING}{dedent(settings)}')
    return made


def ask(server, address, authorization=None, method="GET", path="/runs/"):
    """Ask from an address of one's own, so that no test's failures are counted with another's."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(address, 0))
    headers = {} if authorization is None else {"Authorization": authorization}
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    said = response.status, response.read().decode(), response.headers
    connection.close()
    return said


def basic(user, password):
    """Return the header that Go's HTTP client, or curl, makes of `http://user:password@host/`."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    """A folder as kubelet mounts a Secret: `tokens` leads through `..data`, which is swapped whole."""
    folder = tmp_path_factory.mktemp("secret")
    (folder / "tokens").symlink_to("..data/tokens")
    return folder


def rotate(mounted, version, text):
    """Do what kubelet does when the Secret has changed."""
    (mounted / version).mkdir()
    (mounted / version / "tokens").write_text(text, encoding="utf-8")
    (mounted / "..data_tmp").symlink_to(version)
    os.replace(mounted / "..data_tmp", mounted / "..data")  # noqa: PTH105 (a rename, as kubelet's)


@pytest.fixture(scope="module")
def server(tmp_path_factory, mounted):
    """Gunicorn, preloaded and with threads; one token in the settings, the others in a file."""
    rotate(mounted, "1", f"# who may look\nview:{VIEW}\n\n")
    made = new_site(
        tmp_path_factory.mktemp("tokens"),
        f"""
        PROBE_TOKENS = ["start:{START}", "view:{NAMED}", "view:ci-1.eu:{OF_CI}", "start:deploy:{OF_CI}"]
        PROBE_TOKENS_FILE = {str(mounted / "tokens")!r}
        """,
    )
    log = ["--access-logfile", "-", "--log-level", "debug"]
    with gunicorn(made, "--preload", "--workers", "1", "--threads", "4", *log) as running:
        yield running


@pytest.mark.parametrize(
    ("authorization", "seen", "started"),
    [
        (f"Bearer {VIEW}", (200, "token view"), (403, NO_START)),
        (f"bearer  {START} ", (200, "token start"), (200, "token start")),
        (basic("flagger", START), (200, "token start"), (200, "token start")),
        (f"Bearer {OF_CI}", (200, "token ci-1.eu start+view"), (200, "token ci-1.eu start+view")),
        (f"Bearer ci-1.eu:{OF_CI}", (200, "token ci-1.eu view"), (403, NO_START)),  # a token without a name, as before
        (f"Bearer {WRONG}", (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        (f"Bearer {VIEW[:-1]}", (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        (f"Bearer view:{VIEW}", (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        (f"Token {VIEW}", (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        (basic(NAMED, ""), (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        ("Basic ö", (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        ("Bearer", (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        ("", (401, NOT_ACCEPTED), (401, NOT_ACCEPTED)),
        (None, (401, "Log in, or send a token."), (401, "Log in, or send a token.")),
    ],
)
def test_token__gives_what_its_scope_says(server, request, authorization, seen, started):
    """A token of the settings and one of the file count both; anything else in the header is 401, and so is none."""
    address = f"127.0.1.{request.node.callspec.indices['authorization'] + 1}"
    for method, expected in (("GET", seen), ("POST", started)):
        status, text, headers = ask(server, address, authorization, method)

        assert (status, text) == expected
        assert headers["WWW-Authenticate"] == ('Bearer realm="django-probe"' if status == 401 else None)


def test_token__after_ten_failures_an_address_that_guesses_waits(server):
    """429 with the seconds to wait; a good token goes on, from that address too: it may be the proxy of everybody."""
    for _ in range(12):
        assert ask(server, "127.0.2.1", f"Bearer {VIEW}")[0] == 200
    for _ in range(10):
        assert ask(server, "127.0.2.1", f"Bearer {WRONG}")[0] == 401

    status, text, headers = ask(server, "127.0.2.1", f"Bearer {WRONG}")

    assert status == 429
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert f"try again in {headers['Retry-After']} s" in text
    assert ask(server, "127.0.2.1")[0] == 401  # without a token nobody is counted
    assert ask(server, "127.0.2.1", f"Bearer {VIEW}")[0] == 200
    assert ask(server, "127.0.2.2", f"Bearer {WRONG}")[0] == 401


def test_token__that_is_rotated_works_without_a_restart(server, mounted):
    """The new one counts and the old one does not, from one request to the next.

    A Secret that is wrong gives no token and one line in the log, however often it is asked for.
    """
    rotate(mounted, "2", f"view:{ROTATED}\r\n")
    assert ask(server, "127.0.3.1", f"Bearer {ROTATED}")[:2] == (200, "token view")
    assert ask(server, "127.0.3.1", f"Bearer {VIEW}")[0] == 401

    rotate(mounted, "3", f"view:{ROTATED}\nview:{SHORT}\n")
    for _ in range(3):
        assert ask(server, "127.0.3.1", f"Bearer {ROTATED}")[0] == 401
        assert ask(server, "127.0.3.1", f"Bearer {START}")[0] == 200
    (line,) = [line for line in server.log.splitlines() if "line 2: expected" in line]
    assert str(mounted / "tokens") in line

    (mounted / "..data").unlink()
    assert ask(server, "127.0.3.1", f"Bearer {ROTATED}")[0] == 401
    assert server.log.count("No such file or directory: it gives no token") == 1

    rotate(mounted, "4", f"view:{VIEW}\n")
    assert ask(server, "127.0.3.1", f"Bearer {VIEW}")[0] == 200


def test_token__is_in_no_log(server):
    """Neither a right one nor a wrong one, though the access log has the user name of Basic."""
    for authorization in (f"Bearer {START}", f"Bearer {WRONG}", basic("flagger", START), basic("flagger", SHORT)):
        ask(server, "127.0.4.1", authorization)

    give_up = time.monotonic() + PATIENCE
    while server.log.count("127.0.4.1 - ") < 4:  # gunicorn writes it after the answer
        assert time.monotonic() < give_up, server.log
        time.sleep(0.01)
    assert server.log.count("127.0.4.1 - flagger ") == 2
    for token in (VIEW, START, ROTATED, WRONG, SHORT):
        assert token not in server.log
        assert token[:-4] not in server.log


NO_TOKENS = {
    "none is set": "",
    "they are empty": "PROBE_TOKENS = []\nPROBE_TOKENS_FILE = ''",
    "one of them is malformed": f"PROBE_TOKENS = ['start:{START}', 'view:{SHORT}']",
    "they are no list": f"PROBE_TOKENS = 'start:{START}'",
    "the file is no path": "PROBE_TOKENS_FILE = 7",
}
ASK = f"""
import logging
from django.test import Client
client = Client(headers={{"authorization": "Bearer {START}"}})
for _ in range(2):
    answer = client.get("/runs/")
print(answer.status_code)
from django_probe.history.http.access import tokens
print(tokens._configured_tokens())
"""


@pytest.mark.parametrize("why", NO_TOKENS)
def test_token__none_is_accepted_where(why, tmp_path):
    """What is malformed closes the door, and is not quoted where it is complained about, once."""
    done = python(new_site(tmp_path, NO_TOKENS[why]), ASK)

    assert done.out.startswith("401\n"), done.err
    assert START not in done.out + done.err
    assert SHORT not in done.out + done.err
    assert done.err.count("PROBE_TOKENS: ") == (why in ("one of them is malformed", "they are no list"))


def test_token__shows_neither_itself_nor_its_digest_in_a_repr(tmp_path):
    """Whatever prints the values of a frame prints the scope and the name alone."""
    done = python(new_site(tmp_path, f"PROBE_TOKENS = ['start:nightly:{START}']"), ASK)

    token = "_Token(scope=<Scope.START: 'start'>, name='nightly')"
    assert done.out == f"200\n[{token}, {token}]\n", done.err  # an entry with a name is a token with a colon too


def test_attempts__end_a_minute_after_the_first_failure():
    """Who waited may try again, and has ten failures again."""
    now = [1000.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(10):
        assert attempts.wait("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
        now[0] += 1

    assert attempts.wait("192.0.2.1") == 50
    now[0] += 49.5
    assert attempts.wait("192.0.2.1") == 1
    now[0] += 0.5
    assert attempts.wait("192.0.2.1") == 0
    for _ in range(9):
        attempts.failed("192.0.2.1")
    assert attempts.wait("192.0.2.1") == 0
    attempts.failed("192.0.2.1")
    assert attempts.wait("192.0.2.1") == 60


def test_attempts__remember_so_many_addresses_and_none_for_longer_than_a_minute():
    """Who comes from ever new addresses fills no memory."""
    now = [1000.0]
    attempts = Attempts(lambda: now[0])
    for number in range(2 * MOST_ADDRESSES):
        attempts.failed(f"address {number}")
    assert len(attempts) == MOST_ADDRESSES

    now[0] += 60
    attempts.failed("192.0.2.1")
    assert len(attempts) == 1


PAGE = ROOT / "docs" / "tokens.md"
LONG = "0123456789abcdef"


def test_page__shows_commands_and_settings_that_work(tmp_path):
    """With the settings of docs/tokens.md and the Secret there, its requests are let in; without tokens none is."""
    needed("curl")
    shown = {block.kind: block.text for block in documents.blocks(PAGE)}
    assert set(shown) == {"make", "settings", "curl", "secret"}
    secret = yaml.safe_load(shown["secret"])
    assert secret["kind"] == "Secret"
    file = tmp_path / "tokens"
    file.write_text(secret["stringData"]["tokens"].replace("…", LONG * 2), encoding="utf-8")
    made_token = subprocess.run(["bash", "-c", shown["make"].removeprefix("$ ")], capture_output=True, check=True)
    made = new_site(tmp_path, "import os\n" + shown["settings"].replace("/run/secrets/probe/tokens", str(file)))
    made.write("site_urls.py", URLS.replace('"runs/"', '"probe/gates/deploy/"'))
    tokens = {"VIEW_TOKEN": f"4a2b{LONG}{LONG}", "START_TOKEN": made_token.stdout.decode().strip()}
    wrong = dict.fromkeys(tokens, WRONG)
    requests = shown["curl"].replace("$ ", "").splitlines()
    with gunicorn(made, env=tokens) as server:
        for line, env in itertools.product(requests, (tokens, wrong)):
            command = ["bash", "-c", line.replace("localhost:8000", f"127.0.0.1:{server.port}")]
            done = subprocess.run(
                command, env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True, check=False
            )
            assert done.stdout == ("" if env is wrong else f"token {'start' if 'START' in line else 'view'}"), line
            assert ("error: 401" in done.stderr) == (env is wrong), done.stderr
        assert ask(server, "127.0.5.1", f"Bearer c07a{LONG}{LONG}", path="/probe/gates/deploy/")[0] == 200
