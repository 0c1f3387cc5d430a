"""No statement of a run goes on at its server when the run is over, however a probe had it executed."""

from __future__ import annotations

import signal

import pytest

from tests.execution.running import by_label
from tests.patience import wait_for

DIRECT, POOL = "direct", "with Django's pool"
SLOW = """
import asyncio, multiprocessing, os, signal, threading, time, unittest
from concurrent.futures import ThreadPoolExecutor
from asgiref.sync import sync_to_async
from django.contrib.contenttypes.models import ContentType
from django.db import connection

LONG = "SELECT 1 AS id, pg_sleep(600)::text AS app_label, '' AS model /* left */"

def slow():
    with connection.cursor() as cursor:
        cursor.execute(LONG)

def again_and_again():
    while True:
        try:
            slow()
        except Exception:
            connection.close()

def past_django():
    connection.ensure_connection()
    driver = connection.connection
    while True:
        try:
            driver.execute(LONG)
        except Exception:
            driver.rollback()

def in_thread(action):
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join()
"""
PROBES = (
    SLOW
    + """
class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_orm(self):
        [each async for each in ContentType.objects.raw(LONG)]

    async def test_threads_of_tasks(self):
        await asyncio.gather(asyncio.to_thread(slow), sync_to_async(slow, thread_sensitive=False)())

class TestSync(unittest.TestCase):
    def test_pool(self):
        with ThreadPoolExecutor(2) as pool:
            [each.result() for each in [pool.submit(slow), pool.submit(slow)]]

    def test_retries(self):
        in_thread(again_and_again)

    def test_retries_past_django(self):
        in_thread(past_django)

    def test_fork(self):
        fork = multiprocessing.get_context("fork").Process(target=slow)
        fork.start()
        fork.join()

    def test_leaves_a_thread(self):
        threading.Thread(target=again_and_again, daemon=True).start()
        time.sleep(0.3)

    def test_leaves_an_orphan(self):
        if not os.fork():
            if not os.fork():
                try:
                    slow()
                finally:
                    os._exit(0)
            os._exit(0)
        os.wait()
        time.sleep(0.3)
"""
)
HEEDLESS = (
    SLOW
    + """
class TestHeedless(unittest.TestCase):
    def test_swallows(self):
        while True:
            try:
                slow()
            except BaseException:
                pass
"""
)
LATE = (
    SLOW
    + """
def held_up():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = cursor.fetchone()[0]
        os.kill(server, signal.SIGSTOP)
        if not os.fork():
            os.setsid()
            while not is_asked_to_cancel(server):
                time.sleep(0.001)
            os.kill(server, signal.SIGCONT)
            os._exit(0)
        cursor.execute(LONG)

def is_asked_to_cancel(server):
    with open(f"/proc/{server}/status") as status:
        pending = next(line.split()[1] for line in status if line.startswith("ShdPnd"))
    return int(pending, 16) >> signal.SIGINT - 1 & 1

class TestLate(unittest.TestCase):
    def test_fork(self):
        fork = multiprocessing.get_context("fork").Process(target=held_up)
        fork.start()
        fork.join()
"""
)


@pytest.fixture
def running(postgres, shop):
    """What tells how many of the probes' statements PostgreSQL is executing."""

    def count():
        with postgres.connect() as client:
            # Not `active` alone: an autovacuum is that too, and so is what a connection begins with.
            left = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state = 'active' AND query LIKE %s"
            return client.execute(left, [shop, "%/* left */%"]).fetchone()[0]

    return count


@pytest.mark.parametrize("door", [DIRECT, POOL])
def test_no_statement_outlives_the_run(project, postgres, shop, running, door):
    """Not of the async ORM, of threads that try again, of thread pools, of forks, nor of what a pass left behind."""
    database = postgres.settings(shop, OPTIONS={"pool": True} if door == POOL else {})
    project.app("shop", PROBES)
    project.configure(f"DATABASES = {{'default': {database!r}}}\n")
    _, record = project.record("--timeout", "1s", "--parallel", "8", "--database-access", "read-write")
    told = by_label(record)
    for passing in ("test_leaves_a_thread", "test_leaves_an_orphan"):
        assert told.pop(passing)["outcome"] == "passed"
    assert {each["outcome"] for each in told.values()} == {"timeout"}, told
    wait_for(lambda: not running(), "the server to end what the probes had begun")


def test_a_statement_that_the_server_has_not_read_yet_is_cancelled_too(project, postgres, shop, running):
    """A server takes no notice of a cancel that comes before its statement; this one is held up until it has come."""
    project.app("shop", LATE)
    project.configure(f"DATABASES = {{'default': {postgres.settings(shop)!r}}}\n")
    _, record = project.record("--timeout", "1s", "--database-access", "read-write")
    assert by_label(record)["test_fork"]["outcome"] == "timeout"
    wait_for(lambda: not running(), "the server to end what the probes had begun")


def test_no_statement_outlives_the_run_behind_a_pooler(project, bouncer, shop, running):
    """Nor through PgBouncer, of what does not try again: that is between the pooler and its client, as the docs say."""
    project.app("shop", PROBES)
    project.configure(f"DATABASES = {{'default': {bouncer.settings(shop)!r}}}\n")
    once = ("test_orm", "test_threads_of_tasks", "test_pool", "test_fork")
    chosen = [option for name in once for option in ("-k", f".{name}")]
    _, record = project.record("--timeout", "1s", "--database-access", "read-write", *chosen)
    assert {name: each["outcome"] for name, each in by_label(record).items()} == dict.fromkeys(once, "timeout")
    wait_for(lambda: not running(), "the server to end what the probes had begun")


def test_no_statement_outlives_a_run_that_is_ended_by_force(project, postgres, shop, running):
    """Not where somebody asks twice, and nobody waits for a probe that takes no notice; nor of an import."""
    project.app("shop", HEEDLESS)
    project.configure(f"DATABASES = {{'default': {postgres.settings(shop)!r}}}\n")
    for imports in (False, True):
        if imports:
            project.app("shop", f"{HEEDLESS}\nslow()\n")
        process = project.start("probe", "--timeout", "60s")
        wait_for(running, "the statement to begin")
        process.terminate()
        if not imports:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode in (130, 143)
        wait_for(lambda: not running(), "the server to end what the probe had begun")
