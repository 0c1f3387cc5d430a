"""What a probe sent or was sent as a secret over HTTP: it is in no part of its result."""

from __future__ import annotations

import json

from django_probe.http.masks import of_json
from django_probe.http.response import Headers, Response
from tests.http.conftest import page, serving
from tests.projects import new_project

PROBES = """
    import logging
    import os
    import signal
    import threading

    from django_probe.assertions import ProbeAssertions
    from django_probe.http import HttpProbe, Session


    class TestShop(ProbeAssertions, HttpProbe):
        @classmethod
        def setUpClass(cls):
            super().setUpClass()
            cls.visitor = Session()
            cls.addClassCleanup(cls.visitor.close)
            cls.visitor.get("/login")

        def test_says_all(self):
            answer = self.visitor.post(
                "/echo?api_key=key-1111-2222",
                data={"password": "pw-3333-4444", "user": "ann-of-the-shop"},
                headers={"Authorization": "Bearer sesame-5555-6666"},
            )
            print(answer.text)
            logging.error("came: %s", answer.text)
            self.attach("answer", answer.text)
            self.assertIn("Coffee", answer.text)

        def test_next_knows_none_of_it(self):
            self.fail("nothing came: ann-of-the-shop")


    class TestOther(HttpProbe):
        def test_begins_anew(self):
            self.fail("key-1111-2222 is a word as any other here")


    class TestYFork(HttpProbe):
        def test_of_a_fork(self):
            if not (child := os.fork()):
                self.http.get("/echo?api_key=fork-5678-1234")
                os._exit(0)
            os.waitpid(child, 0)
            self.fail("it sent fork-5678-1234")


    class TestZKilled(HttpProbe):
        def test_by_itself(self):
            print("key-1111-2222 is a word as any other here")
            print(self.http.post("/echo", json={"password": "pw-3333-4444"}).text)
            asks = threading.Thread(target=self.http.get, args=["/echo?api_key=thread-1234-5678"])
            asks.start()
            asks.join()
            if not (child := os.fork()):
                self.http.get("/echo?api_key=fork-1234-5678")
                os._exit(0)
            os.waitpid(child, 0)
            print("thread-1234-5678 fork-1234-5678", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
"""
SECRETS = ["key-1111-2222", "pw-3333-4444", "sesame-5555-6666", "cookie-7777-8888", "token-9999-0000"]


def test_result__has_no_secret_of_the_exchange(tmp_path):
    """Message, traceback, log, attachment and output; who logged in may be the fixture. Then they are forgotten.

    Of a process that was killed, the output has none either that it had sent, or a thread or a fork of it.
    """
    project = new_project(tmp_path)
    project.app("shop", PROBES)
    said = json.dumps({"said": " ".join(SECRETS), "user": "ann-of-the-shop", "token": "token-9999-0000"}).encode()
    with serving(page(b"ok", b"Set-Cookie: session=cookie-7777-8888"), page(said)) as server:
        _, record = project.record("--parallel", "1", env={"PROBE_BASE_URL": server.url})

    told = {result["label"].rpartition(".")[2]: result for result in record["results"]}
    failed = told["test_says_all"]
    parts = [
        failed["message"],
        failed["details"],
        failed["logs"],
        failed["output"],
        failed["attachments"][0]["content"],
    ]
    assert [part for part in parts if "ann-of-the-shop" not in part] == []
    assert [secret for secret in SECRETS if secret in json.dumps(failed)] == []
    assert told["test_next_knows_none_of_it"]["message"] == "nothing came: ann-of-the-shop"
    assert told["test_begins_anew"]["message"] == "key-1111-2222 is a word as any other here"
    assert told["test_of_a_fork"]["message"].startswith("it sent ***")
    killed = told["test_by_itself"]
    masked = ["pw-3333-4444", "token-9999-0000", "thread-1234-5678", "fork-1234-5678"]
    assert "killed by SIGKILL" in killed["message"]
    assert killed["output"].startswith("key-1111-2222 is a word as any other here\n")
    assert "ann-of-the-shop" in killed["output"]
    assert [secret for secret in masked if secret in killed["output"]] == []


def test_of_json__takes_what_may_be_a_secret():
    """At every depth, by the member's own name; a URL and several words are none, and a page has no members."""

    def found(body):
        return {*of_json(Response(200, Headers([]), body))}

    document = {"token": "a1", "auth": {"name": "b2", "key": 3, "url": "c"}, "keys": ["d4", True, None]}
    places = {"token_endpoint": "https://idp.example/token", "author": "Ann of the Shop"}
    assert found(json.dumps([document, places]).encode()) == {"a1", "3", "d4"}
    assert found(b'\xef\xbb\xbf {"token": "a1"}') == {"a1"}
    assert found(b"<p>token=a1") == found(b"{token") == found(b"") == set()
