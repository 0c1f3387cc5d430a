"""Probes over HTTP as a gate runs them: what they say when they fail, and how they find the system and its release."""

from __future__ import annotations

import re

import pytest

from django_probe.http import Headers, HttpProbe, Response, Session
from tests.http.conftest import page, serving
from tests.projects import new_project

PROBES = """
    import unittest

    from django_probe import probe
    from django_probe.http import Headers, HttpProbe, Response, Session


    class TestShop(HttpProbe):
        def test_passes(self):
            answer = self.http.get("/stock")
            self.assertStatus(answer, [204, "2xx"])
            self.assertJson(answer, {"status": "ok", "items[0].stock": "< 1", "length(items)": 1})
            self.assertWithin(answer, "60s")

        def test_status(self):
            self.assertStatus(self.http.get("/stock"), [401, "3xx"], "the stock is closed")

        def test_json(self):
            self.assertJson(self.http.get("/stock"), {"items[0].stock": "> 0", "token": "other", "nothing": "here"})

        def test_path(self):
            self.assertJson(self.http.get("/stock"), {"items[": 1})

        def test_late(self):
            self.assertWithin(self.http.get("/stock"), 0.000001)

        def test_refused(self):
            self.http.get("http://127.0.0.1:1/")

        def test_equal(self):
            self.assertEqual(self.http.get("/stock").status, 201)

        def test_parts(self):
            for status in (200, 201):
                with self.subTest(status=status):
                    self.assertEqual(self.http.get("/stock").status, status)

        def test_skipped(self):
            self.http.get("/stock")
            self.skipTest("closed today")


    class TestSetUp(HttpProbe):
        def setUp(self):
            self.http.get("/stock")
            raise LookupError("no user")

        def test_nothing(self):
            pass


    class TestAsync(HttpProbe, unittest.IsolatedAsyncioTestCase):
        async def test_equal(self):
            self.assertEqual(self.http.get("/stock").status, 201)


    class TestRelease(HttpProbe):
        def session(self):
            return Session(release=True)

        @probe(timeout="60s")
        def test_new(self):
            self.assertStatus(self.http.get("/stock"), 200)


    class TestElsewhere(unittest.TestCase):
        def test_by_itself(self):
            with Session() as http:
                self.assertEqual(http.get("/stock").status, 201)
"""
EYES = """
    import sys
    import unittest

    from django_probe.http import HttpProbe


    class TestEyes(unittest.TestCase):
        def test_imported(self):
            print(sorted({"urllib3", "jmespath"} & set(sys.modules)))
            self.fail()
"""
STOCK = b'{"status": "ok", "items": [{"name": "Teapot", "stock": 0}], "token": "tok-4711"}'
URL = "http://127.0.0.1"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project with these probes, and with others."""
    site = new_project(tmp_path_factory.mktemp("kit") / "site")
    site.app("shop", PROBES)
    site.app("eyes", EYES)
    return site


def run(site, *labels, **env):
    """Run some of the probes; return the finished command and the results by label."""
    done, record = site.record(*labels, env=env)
    return done, {each["label"].removeprefix("shop."): each for each in record["results"]}


@pytest.fixture(scope="module")
def results(site):
    """One run of all of them, whose release is answered from the second answer on."""
    with serving(page(STOCK, b"X-Release: v42")) as server:
        yield run(site, "shop", PROBE_BASE_URL=server.url, PROBE_RELEASE="v42", PROBE_RELEASE_HEADER="X-Release")


@pytest.mark.parametrize(
    ("label", "outcome", "said"),
    [
        ("TestShop.test_passes", "passed", ""),
        ("TestRelease.test_new", "passed", ""),
        ("TestShop.test_skipped", "skipped", "closed today"),
        ("TestShop.test_status", "failed", r"GET {url}/stock: status 200, not 401 or 3xx : the stock is closed"),
        (
            "TestShop.test_json",
            "failed",
            r'GET {url}/stock: items\[0\].stock is 0, not > 0; token is \*+, not "other"; .*',
        ),
        ("TestShop.test_path", "error", r"ValueError: 'items\[' is no JMESPath: .*"),
        ("TestShop.test_late", "failed", r"GET {url}/stock: it took \d+ ms, more than 0 ms"),
        ("TestShop.test_refused", "failed", r"GET http://127.0.0.1:1/: no connection to 127.0.0.1 port 1: .* refused"),
        ("TestShop.test_equal", "failed", "200 != 201"),
        ("TestShop.test_parts", "failed", r"\(status=201\) 200 != 201"),
        ("TestSetUp.test_nothing", "error", "LookupError: no user"),
        ("TestAsync.test_equal", "failed", "200 != 201"),
        ("TestElsewhere.test_by_itself", "failed", "200 != 201"),
    ],
)
def test_probe__message_is_one_line(results, label, outcome, said):
    """The message is what was asked and what came, or what the probe's own assertion says."""
    result = results[1][label]

    assert result["outcome"] == outcome
    assert re.fullmatch(said.format(url=rf"{URL}:\d+"), result["message"])


@pytest.mark.parametrize(
    "label",
    [
        "TestShop.test_json",
        "TestShop.test_equal",
        "TestShop.test_parts",
        "TestSetUp.test_nothing",
        "TestAsync.test_equal",
        "TestElsewhere.test_by_itself",
    ],
)
def test_probe__details_have_what_was_asked(results, label):
    """Whatever failed, in whichever part of a test, the details have the request and the answer, without secrets."""
    details = results[1][label]["details"]

    assert re.search(rf"\nGET {URL}:\d+/stock\n\ncame: status 200, {len(STOCK)} bytes\n", details)
    assert re.search(r"\ntimes: DNS \d+ ms, connect \d+ ms, first byte \d+ ms, whole \d+ ms\n", details)
    assert '{"status": "ok", "items": [{"name": "Teapot", "stock": 0}], "token": "********"}' in details
    assert re.search(rf"\n  curl -sSi -L {URL}:\d+/stock\n", details)
    assert "tok-4711" not in details


def test_probe__details_have_its_own_frames_alone(results):
    """The frames of the kit are no part of the probe's story, and neither are the library's exceptions."""
    for label in ("TestShop.test_equal", "TestShop.test_refused"):
        short = results[1][label]["details"].partition("\n--- with every frame ---\n")[0]
        assert short.count('  File "') == 1
        assert "urllib3" not in short
        assert "shop/probes.py" in short


def test_base__missing_or_wrong(site):
    """Without a base, or with a wrong one, a request by path is an error that names the setting."""
    label = "shop.TestElsewhere.test_by_itself"
    said = [
        run(site, label, **env)[1]["TestElsewhere.test_by_itself"]["message"]
        for env in ({}, {"PROBE_BASE_URL": "//probe:open-sesame@shop"})
    ]

    missing, wrong = (each.removeprefix("ImproperlyConfigured: PROBE_BASE_URL: ") for each in said)
    assert missing == "not set, in the settings or the environment; give the URL that comes before /stock"
    assert wrong == "expected http://HOST... or https://HOST..., got 'shop'"


def test_release__is_waited_for_and_no_other_taken(site):
    """The session waits until the release answers ten times in a row, and an old answer after that is a failure.

    Where nothing says which release, or which header names it, it asks nobody, and says what to set.
    """
    old, new = page(STOCK, b"X-Release: v41"), page(STOCK, b"X-Release: v42")
    two = page(STOCK, b"X-Release: v41", b"X-Release: v42")
    label, release = "shop.TestRelease.test_new", {"PROBE_RELEASE": "v42", "PROBE_RELEASE_HEADER": "X-Release"}
    found = []
    for answers in ([new, old, *[new] * 11], [*[new] * 10, old], [*[new] * 10, two]):
        with serving(*answers) as server:
            _, results = run(site, label, PROBE_BASE_URL=server.url, **release)
        found.append((results["TestRelease.test_new"]["message"].partition("/stock: ")[2], len(server.asked)))
    none, unnamed = (
        run(site, label, PROBE_BASE_URL=URL, **env)[1]["TestRelease.test_new"]
        for env in ({"PROBE_RELEASE_HEADER": "X-Release"}, {"PROBE_RELEASE": "v42"})
    )

    assert found == [
        ("", 13),
        ("it is from 'v41' by X-Release, not from 'v42'", 11),
        ("it is from 'v41' and 'v42' by X-Release, not from 'v42'", 11),
    ]
    assert (none["outcome"], unnamed["outcome"]) == ("error", "error")
    wanted = "Session(release=True): PROBE_RELEASE is not set, the release that has to answer; give the run the value"
    assert wanted in none["message"]
    assert "Session(release=True): PROBE_RELEASE_HEADER is not set, the header that names" in unnamed["message"]


def test_assertion__says_nothing_that_was_sent_as_a_secret(serve):
    """An assertion's message has no value that was sent under the name of a secret and that the answer repeats."""
    server = serve(page(b'{"echo": "open-sesame"}'))

    class Probe(HttpProbe):
        def session(self):
            return Session(server.url)

    probe = Probe()
    answer = probe.http.post("/", data={"password": "open-sesame"})
    with pytest.raises(AssertionError) as raised:
        probe.assertJson(answer, {"echo": "open"})
    probe.doCleanups()

    assert str(raised.value) == f'POST {server.url}/: echo is "********", not "open"'


def test_assertion__of_nothing():
    """JSON of which nothing is expected is a mistake of the probe's, as a status of an empty list is."""
    answer = Response(200, Headers(), b"{}")

    with pytest.raises(ValueError, match=r"^assertJson: expected a member at least"):
        HttpProbe().assertJson(answer, {})
    with pytest.raises(ValueError, match=r"^expected "):
        HttpProbe().assertStatus(answer, [])


def test_libraries__are_imported_for_what_is_selected_alone(site):
    """A run imports none of the libraries though a module has the kit; one that selects it does so before it forks."""
    _, without = run(site, "eyes")
    _, asking = run(site, "eyes", "shop.TestShop.test_refused")

    assert without["eyes.TestEyes.test_imported"]["output"].strip() == "[]"
    assert asking["eyes.TestEyes.test_imported"]["output"].strip() == "['urllib3']"
