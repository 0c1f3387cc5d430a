"""Readiness under ASGI."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.webservers import MIDDLEWARE, site, uvicorn

POLICY = "gates: {ready: {tags: [ready], timeout: 1s, every: 200ms}}"
PROBES = """
import pathlib
import time
import unittest

from django.test import tag

HERE = pathlib.Path(__file__).parent


@tag("ready")
class TestShop(unittest.TestCase):
    def test_open(self):
        until = time.monotonic() + 4
        if (HERE / "spin").exists():
            (HERE / "spin").unlink()
            while time.monotonic() < until:
                pass
        self.assertFalse((HERE / "closed").exists(), "the shop is closed")
"""


@pytest.fixture(params=[MIDDLEWARE, "MIDDLEWARE = []\n"], ids=["middleware", "urls alone"])
def shop(project, request):
    """A project whose gate `ready` has one probe."""
    project.app("shop", PROBES)
    return site(project, middleware=request.param, policy=POLICY)


def test_it_says_what_the_gate_says(shop):
    """The first answer already is the gate's; it follows the gate, by every method and path."""
    with uvicorn(shop) as server:
        assert server.ready() == (200, "ready")
        (shop.path / "shop" / "closed").touch()
        server.until((503, "not ready: failing"))
        assert server.ask("/probe/").said == (503, "not ready: failing")
        assert server.ask("/probe/ready/", "HEAD").said == (503, "")
        assert server.ask("/probe/ready/", "POST").status == 405
        assert server.ask("/probe/live/").said == (200, "live")


def test_answers_do_not_wait_for_views(shop):
    """Forty requests keep sync views busy, more than a pool has threads: readiness and liveness answer all the same."""
    with uvicorn(shop) as server, ThreadPoolExecutor(40) as pool:
        server.until((200, "ready"))
        busy = [pool.submit(server.ask, "/slow?seconds=4") for _ in range(40)]
        time.sleep(1)
        answers = [server.ask(path) for path in ("/probe/ready/", "/probe/live/") for _ in range(20)]
        assert not any(each.done() for each in busy)
        assert {answer.status for answer in answers} == {200}
        assert sorted(answer.seconds for answer in answers)[len(answers) // 2] < 0.05


def test_a_probe_that_spins_delays_no_answer(shop):
    """While a probe computes for 4 s without a pause, the event loop still has its turns."""
    with uvicorn(shop) as server:
        server.until((200, "ready"))
        (shop.path / "shop" / "spin").touch()
        answers = server.until((503, "not ready: timeout"))
        answers += server.until((200, "ready"))
        slow = sorted(answer.seconds for answer in answers)
        assert slow[len(slow) // 2] < 0.05, slow
        assert slow[-1] < 0.5, slow


def test_waiting_for_the_first_result_blocks_nobody(project):
    """While a first request waits for a slow probe, the event loop serves others; after 0.8 s it waits no longer."""
    project.app("shop", PROBES.replace("until = ", "time.sleep(1.5); until = "))
    site(project, policy="gates: {ready: {tags: [ready], timeout: 5s, every: 200ms}}")
    with uvicorn(project) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.ask, "/probe/ready/")
        time.sleep(0.2)
        assert server.ask("/probe/live/").seconds < 0.3
        assert not first.done()
        assert first.result().said == (503, "not ready: starting")
        assert 0.7 < first.result().seconds < 1.3
        assert server.ask("/probe/ready/").seconds < 0.3
        server.until((200, "ready"))
