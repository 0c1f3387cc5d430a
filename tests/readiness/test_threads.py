"""What becomes of the database connections that the probes of `ready` open, in whichever thread they do."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from tests import servers
from tests.projects import python
from tests.webservers import URLS, gunicorn, site, uvicorn

APPLICATION = "shop-under-test"
POLICY = "gates: {ready: {tags: [ready], timeout: 10s, every: 200ms, max_age: 1m}}"
THREADS_OF_THE_POOL = 2
# The class names are in the order in which they run: the last one counts the rounds.
PROBES = f"""
import asyncio
import pathlib
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User
from django.test import tag

HERE = pathlib.Path(__file__).parent
POOL = ThreadPoolExecutor({THREADS_OF_THE_POOL})

def ask():
    User.objects.exists()

@tag("ready")
class TestA_Async(unittest.IsolatedAsyncioTestCase):
    async def test_of_the_orm(self):
        await User.objects.aexists()

    async def test_thread_of_its_own(self):
        await asyncio.gather(asyncio.to_thread(ask), sync_to_async(ask, thread_sensitive=False)())

    async def test_kept_pool(self):
        await asyncio.get_running_loop().run_in_executor(POOL, ask)

@tag("ready")
class TestB_Sync(unittest.TestCase):
    def test_orm(self):
        ask()

    def test_async_orm(self):
        async_to_sync(User.objects.aexists)()

    def test_loop_of_its_own(self):
        asyncio.run(User.objects.aexists())

    def test_kept_pool(self):
        together = threading.Barrier({THREADS_OF_THE_POOL})
        list(POOL.map(lambda _: (together.wait(10), ask()), range({THREADS_OF_THE_POOL})))

    def test_pool_of_its_own(self):
        with ThreadPoolExecutor() as pool:
            pool.submit(pool.submit, ask).result().result()

    def test_thread(self):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

@tag("ready")
class TestC_Count(unittest.TestCase):
    def test_round(self):
        with open(HERE / "rounds", "a") as rounds:
            rounds.write("x")
"""
SERVERS = {
    "gunicorn sync": gunicorn,
    "gunicorn gthread": lambda project: gunicorn(project, "--worker-class", "gthread", "--threads", "2"),
    "uvicorn": uvicorn,
}


def shop(project, server, **more):
    """Return a project whose gate `ready` asks a database, from every kind of thread."""
    settings = server.settings("postgres", OPTIONS={"application_name": APPLICATION}, CONN_MAX_AGE=None, **more)
    project.configure(f'DATABASES["default"] = {settings!r}\n')
    project.app("shop", PROBES)
    site(project, policy=POLICY)
    assert project.run("migrate", "--verbosity", "0").code == 0
    return project


def backends(admin):
    """Return the process ids of the server's connections that the project holds."""
    found = admin.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [APPLICATION])
    return {pid for (pid,) in found}


def rounds_done(project):
    """Return how many rounds came to their last probe."""
    counted = project.path / "shop" / "rounds"
    return len(counted.read_text()) if counted.exists() else 0


def after_rounds(project, web, count):
    """Wait until so many more rounds are done."""
    there, give_up = rounds_done(project) + count, time.monotonic() + 60
    while rounds_done(project) < there:
        assert time.monotonic() < give_up, web.log
        web.ready()
        time.sleep(0.05)


def until_as_few(admin, count, web):
    """Wait for a moment between two rounds: no more connections than these are open."""
    give_up = time.monotonic() + 30
    while len(open_now := backends(admin)) > count:
        assert time.monotonic() < give_up, f"{len(open_now)} connections\n{web.log}"
        time.sleep(0.01)
    return open_now


@pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)
def test_dropped__ready_comes_back(project, postgres, serve):
    """After the server dropped every connection `ready/` is 200 within two rounds, from whichever thread it is asked.

    Between the rounds only a pool that the probes keep has connections, and they do not grow in number.
    """
    shop(project, postgres)
    with serve(project) as web, postgres.connect() as admin:
        web.until((200, "ready"), within=30)
        for _ in range(3):
            after_rounds(project, web, 2)
            kept = until_as_few(admin, THREADS_OF_THE_POOL, web)
            for pid in backends(admin):
                admin.execute("SELECT pg_terminate_backend(%s)", [pid])
            after_rounds(project, web, 3)  # the one that was under way, and two
            web.until((200, "ready"), within=1)
            assert kept.isdisjoint(backends(admin))
        after_rounds(project, web, 5)
        until_as_few(admin, THREADS_OF_THE_POOL, web)


@pytest.fixture(params=["PostgreSQL", "PgBouncer"])
def restartable(request, postgres):
    """What runs a server as a context, as often as one likes and always on the same port."""
    if request.param == "PgBouncer":
        with servers.pgbouncer(postgres) as first:
            port = first.port
        yield lambda: servers.pgbouncer(postgres, port)
    else:
        with servers.cluster() as run:
            yield run


def test_restarted__ready_comes_back(project, restartable):
    """While the database, or the pooler before it, is away `ready/` is 503; two rounds after it is back, 200 again."""
    with ExitStack() as stack:
        with restartable() as server:
            shop(project, server, DISABLE_SERVER_SIDE_CURSORS=True)
            web = stack.enter_context(gunicorn(project, "--worker-class", "gthread", "--threads", "2"))
            web.until((200, "ready"), within=30)
            after_rounds(project, web, 2)
        web.until((503, "not ready: failing"), within=30)
        with restartable():
            after_rounds(project, web, 3)  # the one that was under way, and two
            web.until((200, "ready"), within=1)


def test_requests__keep_their_connections(project, postgres):
    """The connection of a thread that serves requests stays as it is: the same, and asked nothing by the rounds."""
    shop(project, postgres)
    served = """
        from django.db import connection

        def backend(request):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            return HttpResponse(f"{pid} {connection.health_check_enabled}")

        urlpatterns.append(path("backend", backend))
        """
    project.write("site_urls.py", URLS + "\n".join(line[8:] for line in served.splitlines()))
    with gunicorn(project, "--worker-class", "gthread", "--threads", "1") as web:
        web.until((200, "ready"), within=30)
        before = web.ask("/backend").body
        after_rounds(project, web, 5)
        assert web.ask("/backend").body == before
        assert before.endswith(" False")


WHOSE = """
import threading
from concurrent.futures import ThreadPoolExecutor
from django_probe.readiness.threads import ProbeThreads

class Noting(ProbeThreads):
    def opened(self, wrapper, thread):
        noted.append(thread.name)

def connect():
    from django.db import connection
    connection.ensure_connection()

def probe():
    Noting()
    connect()
    for work in (connect, lambda: run(connect, "grandchild")):
        run(work, "child")
    with ThreadPoolExecutor(1, "pool") as pool:
        pool.submit(connect).result()

def run(work, name):
    thread = threading.Thread(target=work, name=name)
    thread.start()
    thread.join()

noted = []
run(connect, "before")
run(probe, "probe")
run(connect, "after")
connect()
print(noted)
"""


def test_threads__of_others_are_not_known(project):
    """Only what a probe's thread starts, and what that starts in turn, works for a probe."""
    done = python(project, WHOSE)
    assert done.out == "['probe', 'child', 'grandchild', 'pool_0']\n", done.err
