"""The probe of the URLs in PROBE_TARGETS, against real servers."""

from __future__ import annotations

import time

import pytest

from tests.patience import LOADED

PROBE = "probe_http.TestTargets.test_each_answers_as_the_release"
V41, V42 = {"X-Release": "v41"}, {"X-Release": "v42"}


@pytest.fixture
def http(project):
    """What configures a project with the ready-made probe of URLs."""
    project.apps = ["django_probe.contrib.http"]

    def configure(*targets, more=""):
        project.configure(f"PROBE_TARGETS = {list(targets)!r}\n{more}")
        return project

    return configure


def test_targets__none(http, outcome):
    """Without targets the probe skips, and says so."""
    http()

    result = outcome(PROBE)

    assert (result["outcome"], result["message"]) == ("skipped", "PROBE_TARGETS is empty")


def test_targets__below_400(http, outcome, web_server):
    """One answer below 400 is enough where no release is named; a redirect is one, and is not followed."""
    plain = web_server()
    moved = web_server().says(302, {"Location": plain.url("/elsewhere")})
    http(plain.url("/shop/?page=2"), moved.url())

    assert outcome(PROBE)["outcome"] == "passed"

    assert [path for path, _ in plain.requests] == ["/shop/?page=2"]
    assert [path for path, _ in moved.requests] == ["/"]


def test_targets__from_the_environment(project, outcome, web_server):
    """PROBE_TARGETS of the environment holds URLs with blanks or commas between them; each is asked once."""
    project.apps = ["django_probe.contrib.http"]
    project.configure()
    first, second = web_server(), web_server()

    result = outcome(PROBE, PROBE_TARGETS=f"{first.url()},{second.url()}\n {first.url()}")

    assert result["outcome"] == "passed"
    assert (len(first.requests), len(second.requests)) == (1, 1)


def test_targets__every_broken_one_is_named(http, outcome, web_server, closed_port, silent_port):
    """Each target that fails is named with what it did, and one that hangs takes no time from the others."""
    good, broken, missing = web_server(), web_server().says(500), web_server().says(404)
    slow = web_server().says(delay=6)
    refused, silent = f"http://127.0.0.1:{closed_port}/", f"http://127.0.0.1:{silent_port}/"
    http(
        silent,
        slow.url(),
        broken.url(),
        refused,
        missing.url("/gone"),
        good.url(),
        more='PROBE_TARGET_TIMEOUT = "5s"',
    )

    started = time.monotonic()
    result = outcome(PROBE)

    assert time.monotonic() - started < 15 + LOADED
    assert result["outcome"] == "failed"
    for message in (
        f"{broken.url()}: status 500",
        f"{missing.url('/gone')}: status 404",
        f"{refused}: no connection to 127.0.0.1 port {closed_port}: Connection refused",
        f"{silent}: no answer within 5 s",
        f"{slow.url()}: no answer within 5 s",
    ):
        assert message in result["details"]
    assert good.url() not in result["details"]
    assert len(broken.requests) == 1


def test_targets__too_slow_in_small_steps(http, outcome, web_server):
    """An answer that comes in steps, each in time, but is too late as a whole, is none."""
    server = web_server().says(delay=0.7)
    http(server.url(), more="PROBE_TARGET_TIMEOUT = 1")

    result = outcome(PROBE)

    assert result["outcome"] == "failed"
    assert f"{server.url()}: no answer within 1 s" in result["details"]


def test_targets__cut_off(http, outcome, web_server):
    """An answer whose body ends before its time, as when the process behind it dies, is none."""
    server = web_server().says(headers={"Content-Length": "3000"})
    http(server.url())

    result = outcome(PROBE)

    assert result["outcome"] == "failed"
    assert f"{server.url()}: its body ended before all of it had come" in result["details"]


def test_release__waited_for(http, outcome, web_server):
    """With a release to wait for, the old one's answers are asked past until only the new one answers."""
    server = web_server()
    # Old, then a rollout in which both answer, then new.
    answers = [V41, V41, *[V42] * 9, V41, V42, {}]
    server.answer = lambda number: (200, answers[number - 1] if number <= len(answers) else V42)
    http(server.url(), more='PROBE_RELEASE_HEADER = "X-Release"')

    assert outcome(PROBE, PROBE_RELEASE="v42\n")["outcome"] == "passed"

    assert len(server.requests) == len(answers) + 10
    assert server.connections == len(server.requests)


def test_release__bad_answers_of_the_new_release(http, outcome, web_server):
    """An answer of the new release that is not below 400 does not count, and the count begins anew."""
    server = web_server()
    server.answer = lambda number: (503 if number in (1, 5) else 200, V42)
    http(server.url(), more='PROBE_RELEASE_HEADER = "X-Release"')

    assert outcome(PROBE, PROBE_RELEASE="v42")["outcome"] == "passed"
    assert len(server.requests) == 5 + 10


def test_release__that_answers_badly_is_a_fact(http, web_server):
    """Ten bad answers of the new release without a good one between them end the waiting; the old one's do not."""
    broken, mixed = web_server().says(500, V42), web_server()
    mixed.answer = lambda number: (500, V41 if number % 2 else V42)
    old = web_server()
    old.answer = lambda number: (500, V41) if number < 15 else (200, V42)
    project = http(broken.url(), mixed.url(), old.url(), more='PROBE_RELEASE_HEADER = "X-Release"')

    # The pause is shortened from 500 ms; all else is as the gate runs it.
    done = project.run(
        "shell",
        "-c",
        "import unittest; from django_probe.contrib.http import polling, probes; polling._PAUSE_SECONDS = 0.02; "
        "unittest.main(probes, argv=['probes'])",
        env={"PROBE_RELEASE": "v42"},
    )

    assert done.code == 1
    said = "answered badly 10 times in a row with X-Release 'v42'; the last: status 500 with X-Release 'v42'"
    assert f"{broken.url()}: {said}" in done.err
    assert f"{mixed.url()}: {said}" in done.err
    assert f"{old.url()}: " not in done.err
    assert (len(broken.requests), len(mixed.requests), len(old.requests)) == (10, 20, 24)


@pytest.mark.parametrize(
    ("more", "env"),
    [('PROBE_RELEASE_HEADER = "X-Release"', {}), ("", {"PROBE_RELEASE": "v42"})],
    ids=["header only", "release only"],
)
def test_release__half_configured(http, outcome, web_server, more, env):
    """Where only the header or only the release is named, one good answer of any release is enough."""
    server = web_server().says(200, V41)
    http(server.url(), more=more)

    assert outcome(PROBE, **env)["outcome"] == "passed"
    assert len(server.requests) == 1


def test_release__given_up(http, web_server):
    """When the time is over, the probe says what answered last, and how many answers each release gave."""
    server = web_server()
    server.answer = lambda number: (200, V41 if number % 3 else V42)
    unnamed = web_server()
    project = http(server.url(), unnamed.url(), more='PROBE_RELEASE_HEADER = "X-Release"')

    # The time is shortened from 50 s to 4 s; all else is as the gate runs it.
    done = project.run(
        "shell",
        "-c",
        "import unittest; from django_probe.contrib.http import probes; probes._POLL_SECONDS = 4; "
        "unittest.main(probes, argv=['probes'])",
        env={"PROBE_RELEASE": "v42"},
    )

    assert done.code == 1
    assert "FAILED (failures=2)" in done.err
    assert f"{server.url()}: not answered 10 times in a row with X-Release 'v42', only " in done.err
    assert "with 'v41', " in done.err
    assert "with 'v42')" in done.err
    assert f"{unnamed.url()}: not answered 10 times in a row with X-Release 'v42', only 0 times" in done.err
    assert "the last: status 200 with X-Release no release; answers in all: " in done.err


def test_tls__unknown_certificate_refused(http, outcome, web_server, self_signed):
    """A certificate that nobody vouches for is refused, and one that the system was told to trust is not."""
    context, certificate = self_signed
    server = web_server(context)
    url = f"https://127.0.0.1:{server.port}/"
    http(url)

    result = outcome(PROBE)
    trusted = outcome(PROBE, SSL_CERT_FILE=str(certificate))

    assert result["outcome"] == "failed"
    assert f"{url}: its certificate was refused: self-signed certificate" in result["details"]
    assert trusted["outcome"] == "passed"


def test_user_info__sent_and_never_shown(http, outcome, web_server):
    """User and password of a URL are sent as browsers do; neither they nor the query are ever shown."""
    server = web_server().says(403)
    http(f"http://teller:open%2Dsesame-4711@127.0.0.1:{server.port}/till?token=swordfish")

    result = outcome(PROBE)

    assert result["outcome"] == "failed"
    assert f"{server.url('/till')}?...: status 403" in result["details"]
    ((path, headers),) = server.requests
    assert path == "/till?token=swordfish"
    assert headers["Authorization"] == "Basic dGVsbGVyOm9wZW4tc2VzYW1lLTQ3MTE="
    for secret in ("teller", "sesame-4711", "swordfish"):
        assert secret not in str(result)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('PROBE_TARGETS = ["shop.example"]', "PROBE_TARGETS: 'shop.example' is not http://HOST"),
        (
            'PROBE_TARGETS = ["ftp://shop.example/"]',
            "PROBE_TARGETS: 'ftp://shop.example/' is not http://HOST",
        ),
        ('PROBE_TARGETS = ["https:///path"]', "PROBE_TARGETS: 'https:///path' is not http://HOST"),
        ('PROBE_TARGETS = ["http://u:pass-word@h:x/"]', "PROBE_TARGETS: 'h:x/' is not a URL: Port could not"),
        ("PROBE_TARGETS = [8000]", "PROBE_TARGETS: expected URLs, got 8000"),
        ("PROBE_TARGETS = {}", "PROBE_TARGETS: expected a list of URLs, got dict"),
        (
            'PROBE_TARGETS = ["http://h/"]\nPROBE_TARGET_TIMEOUT = "soon"',
            "PROBE_TARGET_TIMEOUT: expected a duration",
        ),
        (
            'PROBE_TARGETS = ["http://h/"]\nPROBE_TARGET_TIMEOUT = 0',
            "PROBE_TARGET_TIMEOUT: expected a duration of more than nothing",
        ),
        (
            'PROBE_TARGETS = ["http://h/"]\nPROBE_RELEASE_HEADER = "X Release"',
            "PROBE_RELEASE_HEADER: expected the name of a header such as X-Release, got 'X Release'",
        ),
    ],
)
def test_settings__wrong(project, outcome, settings, message):
    """A wrong setting is one error of the probe that names the setting, before anything is asked."""
    project.apps = ["django_probe.contrib.http"]
    project.configure(settings)

    result = outcome(PROBE)

    assert result["outcome"] == "error"
    assert f"ImproperlyConfigured: {message}" in result["details"]
    assert "pass-word" not in str(result)


def test_settings__release_that_no_header_carries(http, outcome):
    """A release with a line break, which no header could carry, is an error that names PROBE_RELEASE."""
    http("http://127.0.0.1/", more='PROBE_RELEASE_HEADER = "X-Release"')

    result = outcome(PROBE, PROBE_RELEASE="v42\nv43")

    assert result["outcome"] == "error"
    assert "PROBE_RELEASE: expected printable ASCII, which a header can carry" in result["details"]
