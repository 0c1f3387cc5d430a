"""What probes attach is in their results: redacted, bounded, of every attempt, in any process."""

from __future__ import annotations

import base64

import pytest

from tests.execution.running import by_label, outcomes

PROBES = """
import os, subprocess, sys, threading, unittest
from pathlib import Path
import django_probe
from django_probe import probe
from django_probe.assertions import ProbeAssertions

def helper(name, content):
    django_probe.attach(name, content)

class TestAttach(ProbeAssertions, unittest.TestCase):
    def test_kinds(self):
        self.attach("page.html", "the key is token-of-the-shop-1")
        helper("page\\n as bytes", b"caf\\xc3\\xa9 token-of-the-shop-1")
        self.attach("shot", b"\\x89PNG\\r\\n\\x1a\\n...")
        self.attach("dump.bin", bytearray(b"\\x00\\xff"))
        thread = threading.Thread(target=helper, args=("thread", "said"))
        thread.start()
        thread.join()
        self.fail("see what is attached")

    def test_much(self):
        self.attach("log", "x" * 400_000)
        self.attach("next", "y" * 400_000)
        self.attach("bytes", b"\\0" * 400_000)
        for number in range(200):
            self.attach(f"number {number}", b"\\0" * 1000)

    def test_nothing(self):
        pass

    @probe(retries=3)
    def test_steady_at_last(self):
        tried = Path(f"tried-{os.environ['MODE']}")
        before = len(tried.read_text()) if tried.exists() else 0
        tried.write_text("x" * (before + 1))
        self.attach("tried", str(before))
        self.assertEqual(before, 2)

    def test_fork(self):
        pid = os.fork()
        if not pid:
            try:
                self.attach("a", "b")
            except RuntimeError:
                os._exit(7)
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 7)

class TestFixture(ProbeAssertions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        helper("fixture", "said")
        raise OSError("no")

    def test_a(self):
        pass
"""


@pytest.mark.parametrize("parallel", [2, 0])
def test_attach__is_in_the_result(project, parallel):
    """Texts are redacted, also as bytes; images are known by what they begin as; threads and helpers may attach."""
    project.app("shop", PROBES)
    project.configure('SHOP_API_TOKEN = "token-of-the-shop-1"\n')
    _, record = project.record("--parallel", str(parallel), env={"MODE": str(parallel)})
    ended = by_label(record)
    attached = {name: result["attachments"] for name, result in ended.items()}

    mask = "*" * 20
    assert attached["test_kinds"] == [
        {"name": "page.html", "type": "text/plain", "size": 30, "content": f"the key is {mask}"},
        {"name": "page as bytes", "type": "text/plain", "size": 25, "content": f"café {mask}"},
        {"name": "shot", "type": "image/png", "size": 11, "base64": "iVBORw0KGgouLi4="},
        {"name": "dump.bin", "type": "application/octet-stream", "size": 2, "base64": "AP8="},
        {"name": "thread", "type": "text/plain", "size": 4, "content": "said"},
    ]
    assert outcomes(record)["test_fork"] == "passed"
    assert attached["test_nothing"] == []
    assert [(each["name"], each["content"]) for each in attached["test_steady_at_last"]] == [
        ("attempt 1: tried", "0"),
        ("attempt 2: tried", "1"),
        ("tried", "2"),
    ]
    assert [each["name"] for each in attached["test_a"]] == ["fixture"]

    much = attached["test_much"]
    assert len(much) < 22
    assert sum(len(each.get("content", "")) + len(each.get("base64", "")) for each in much) < 300_000
    assert {each["size"] for each in much[:2]} == {400_000}
    assert much[-1]["content"].startswith("[left out: ")


def test_attach__a_flood_is_bounded_and_harms_nobody(project):
    """Whoever fails keeps what it attached although a hundred that passed attached much; of a run there is 1 MiB."""
    project.app(
        "shop",
        """
        import unittest
        from django_probe.assertions import ProbeAssertions

        class TestFlood(ProbeAssertions, unittest.TestCase):
            pass

        def flood(number):
            def test(self):
                for each in range(30):
                    self.attach(f"n{each}", "x" * 1_000_000 if each % 2 else b"\\0" * 300_000)
                self.assertNotIn(number, (20, 24))
            return test

        for number in range(25):
            setattr(TestFlood, f"test_{number:02}", flood(number))
        """,
    )
    done, record = project.record("--parallel", "1")

    assert done.code == 1
    assert [name for name, outcome in outcomes(record).items() if outcome != "passed"] == ["test_20", "test_24"]
    kept = [each for result in record["results"] for each in result["attachments"]]
    weights = [len(each.get("content", "")) + len(base64.b64decode(each.get("base64", ""))) for each in kept]
    assert sum(weights) < 1024 * 1024 + 25 * 200
    assert sum(weights[:20]) < 256 * 1024 + 20 * 200
    failed = by_label(record)["test_20"]["attachments"]
    assert len(failed[0]["base64"]) == 400_000
    assert max(len(result["attachments"]) for result in record["results"]) <= 22
    assert len(done.err) < 20_000
