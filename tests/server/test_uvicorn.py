"""Readiness under ASGI."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.patience import TRIES, wait_for
from tests.webservers import MIDDLEWARE, site, uvicorn

HANGS = 4
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
    """The answer is the gate's, and follows the gate, by every method and path."""
    with uvicorn(shop) as server:
        server.until((200, "ready"))
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
        busy = [pool.submit(server.ask, "/held") for _ in range(40)]
        wait_for((shop.path / "held").exists, "the first of the views")
        answers = [server.ask(path) for path in ("/probe/ready/", "/probe/live/") for _ in range(20)]
        assert not any(each.done() for each in busy)
        assert {answer.status for answer in answers} == {200}
        (shop.path / "released").touch()


def test_a_probe_that_spins_delays_no_answer(shop):
    """While a probe computes for 4 s without a pause, the event loop still has its turns."""
    with uvicorn(shop) as server:
        server.until((200, "ready"))
        (shop.path / "shop" / "spin").touch()
        answers = server.until((503, "not ready: timeout"))
        answers += server.until((200, "ready"))
        assert max(answer.seconds for answer in answers) < HANGS / 2, "who waits for the probe waits for all of it"


def test_waiting_for_the_first_result_blocks_nobody(project):
    """While a first request waits for a slow probe, the event loop serves others; after 0.8 s it waits no longer."""
    project.app("shop", PROBES.replace("until = ", "time.sleep(4); until = "))
    site(project, policy="gates: {ready: {tags: [ready], timeout: 30s, every: 200ms}}")
    for _ in range(TRIES):  # on a loaded machine the 0.8 s may be over before the second request is sent
        with uvicorn(project) as server, ThreadPoolExecutor(1) as pool:
            first = pool.submit(server.ask, "/probe/ready/")
            time.sleep(0.2)
            server.ask("/probe/live/")
            served_meanwhile = not first.done()
            assert first.result().said == (503, "not ready: starting")
            assert 0.7 < first.result().seconds < 4
            assert min(server.ask("/probe/ready/").seconds for _ in range(TRIES)) < 0.7
            server.until((200, "ready"))
        if served_meanwhile:
            break
    assert served_meanwhile
