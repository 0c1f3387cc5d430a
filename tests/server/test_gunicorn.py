"""Readiness under gunicorn: its workers, before and after a fork, cold and while a probe hangs."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.patience import LOADED, PATIENCE
from tests.webservers import gunicorn, site

POLICY = "gates: {ready: {tags: [ready], timeout: 1s, every: 200ms}}"
# Counts its rounds, a line each with its process; fails, sleeps or spins while a file says so.
PROBES = """
import os
import pathlib
import time
import unittest

from django.test import tag

HERE = pathlib.Path(__file__).parent


@tag("ready")
class TestShop(unittest.TestCase):
    def test_open(self):
        with open(HERE / "rounds", "a") as rounds:
            rounds.write(f"{os.getpid()}\\n")
        if (HERE / "without end").exists():
            time.sleep(600)
        until = time.monotonic() + 4
        if (HERE / "sleep").exists():
            (HERE / "sleep").unlink()
            time.sleep(4)
        if (HERE / "spin").exists():
            (HERE / "spin").unlink()
            while time.monotonic() < until:
                pass
        self.assertFalse((HERE / "closed").exists(), "the shop is closed")
"""
HANGS = 4
WORKERS = {
    "sync, one": ["--worker-class", "sync"],
    "sync, three, preloaded": ["--worker-class", "sync", "--workers", "3", "--preload"],
    "gthread, one, preloaded": ["--worker-class", "gthread", "--threads", "4", "--preload"],
    "gthread, two": ["--worker-class", "gthread", "--threads", "4", "--workers", "2"],
}


@pytest.fixture
def shop(project):
    """A project whose gate `ready` has one probe."""
    project.app("shop", PROBES)
    return site(project, policy=POLICY)


@pytest.mark.parametrize("options", WORKERS.values(), ids=WORKERS)
def test_each_worker_keeps_its_own_state(shop, options):
    """Whichever worker answers: ready, then not ready, then ready again, with one thread in each process."""
    with gunicorn(shop, *options) as server:
        assert server.until((200, "ready"))
        (shop.path / "shop" / "closed").touch()
        _all_workers_say(server, (503, "not ready: failing"))
        (shop.path / "shop" / "closed").unlink()
        _all_workers_say(server, (200, "ready"))
        threads = dict(server.ask("/pid").body.split() for _ in range(40))
        assert set(threads.values()) <= {"0", "1"}
        rounds = (shop.path / "shop" / "rounds").read_text().split()
        assert {pid for pid, count in threads.items() if count == "1"} <= set(rounds)
        assert str(server.process.pid) not in rounds, "the parent of the workers runs no probes"


def _all_workers_say(server, said):
    """Wait until 20 answers one after the other are the same: each of three workers is among them."""
    give_up = time.monotonic() + PATIENCE
    while any(server.ready() != said for _ in range(20)):
        assert time.monotonic() < give_up, server.log
        time.sleep(0.1)


def test_many_requests_to_a_cold_process_start_one_round(project):
    """Fifty requests at once, and nobody asked before: one thread, one round, and all wait for the same answer.

    Here they may wait for a minute: on a machine with much else to do 0.8 s is little.
    """
    project.app("shop", PROBES)
    project.configure(f"from django_probe.readiness import keeper\nkeeper.FIRST_WAIT = {PATIENCE}\n")
    site(project, policy="gates: {ready: {tags: [ready], every: 1m}}")
    rounds = project.path / "shop" / "rounds"
    with gunicorn(project, "--worker-class", "gthread", "--threads", "50") as server:
        assert {answer.said for answer in server.at_once(50)} == {(200, "ready")}
        assert rounds.read_text().count("\n") == 1
        assert server.ask("/pid").body.endswith(" 1")


@pytest.mark.parametrize(("worker", "how"), [("sync", "sleep"), ("gthread", "spin")])
def test_a_probe_that_hangs_delays_no_answer(shop, worker, how):
    """While a probe hangs for 4 s every answer comes at once: 503 after its timeout, ready again at the next round."""
    with gunicorn(shop, "--worker-class", worker, "--threads", "4") as server:
        server.until((200, "ready"))
        began = time.monotonic()
        (shop.path / "shop" / how).touch()
        answers = server.until((503, "not ready: timeout"))
        assert time.monotonic() - began > 0.9, "the timeout is 1 s"
        answers += server.until((200, "ready"))
        assert time.monotonic() - began > 3.8, "it hangs for 4 s"
        assert max(answer.seconds for answer in answers) < HANGS / 2, "who waits for the probe waits for all of it"
        assert server.ask("/pid").body.endswith(" 1"), "a round that hangs piles up no threads"
        assert "shop.TestShop.test_open has been running for longer than its 1 s" in server.log
        assert "shop.TestShop.test_open: timeout: timed out after 1 s: it took 4" in server.log


def test_no_connection_to_the_database_stays_open(project):
    """What a probe opens is closed after each round, whatever state it was left in, and the next round has another."""
    probes = """
        import unittest

        from django.db import connection, transaction
        from django.test import tag

        seen = []

        @tag("ready")
        class TestDatabase(unittest.TestCase):
            def test_answers(self):
                assert connection.connection is None
                transaction.atomic().__enter__()
                connection.cursor().execute("SELECT 1")
                seen.append(connection.connection)
                self.assertEqual(len(set(map(id, seen))), len(seen))
    """
    project.app("shop", probes)
    site(project, policy=POLICY)
    with gunicorn(project) as server:
        server.until((200, "ready"))
        for _ in range(40):
            assert server.ready() == (200, "ready"), server.log
            time.sleep(0.02)
        worker = next(iter(_children(server.process.pid)))
        assert not [name for name in _open_files(worker) if "db.sqlite3" in name]


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def _open_files(pid):
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            yield str(link.readlink())


def test_the_thread_does_not_keep_a_worker_from_ending(shop):
    """A worker whose probe hangs ends on SIGTERM as any other."""
    with gunicorn(shop, "--graceful-timeout", "60") as server:
        server.until((200, "ready"))
        (shop.path / "shop" / "without end").touch()
        server.until((503, "not ready: timeout"))
        server.process.terminate()
        assert server.process.wait(60 - LOADED) == 0


def test_a_probe_that_forks_leaves_no_second_server(project):
    """A child that comes back from a probe's fork ends there: it neither answers requests nor runs further probes."""
    probes = """
        import os
        import unittest

        from django.test import tag

        @tag("ready")
        class TestFork(unittest.TestCase):
            def test_forks(self):
                pid = os.fork()
                if pid:
                    self.assertEqual(os.waitpid(pid, 0)[1], 256)
    """
    project.app("shop", probes)
    site(project, policy=POLICY)
    with gunicorn(project) as server:
        server.until((200, "ready"))
        time.sleep(0.5)
        assert server.ready() == (200, "ready")
        assert len(_children(server.process.pid)) == 1
