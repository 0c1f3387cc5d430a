"""A failure that Python only prints is an error of the probe that it belongs to, and of no other."""

from __future__ import annotations

import pytest

from tests.execution.running import by_label, outcomes
from tests.projects import python

LOST = """
import _thread, asyncio, threading, time, unittest, weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from multiprocessing import get_context
from asgiref.sync import async_to_sync

async def work(): raise AssertionError("in a coroutine")
async def nothing(): pass
def fail(): raise AssertionError("in a thread")
def lose(): raise ConnectionError("no way out of a process")

class TestPlain(unittest.TestCase):
    def test_forgotten(self): self.assertTrue(nothing())
    def test_kept(self): self.kept = [nothing()]
    def test_forgotten_again(self):
        with self.assertWarns(RuntimeWarning): nothing()
        nothing()
    @unittest.expectedFailure
    def test_expected(self):
        nothing()
        self.fail("as expected")
    def test_cleanup(self): self.addCleanup(lambda: [nothing()] and None)
    def test_thread(self):
        thread = threading.Thread(target=fail, name="till")
        thread.start()
        thread.join()
    def test_forgotten_in_a_thread(self):
        thread = threading.Thread(target=lambda: nothing() and None)
        thread.start()
        thread.join()
    def test_raw_thread(self):
        done = _thread.allocate_lock()
        done.acquire()
        class Told:
            def __del__(self): done.release()
        def fall(told): raise AssertionError("in a raw thread")
        before = _thread._count()
        _thread.start_new_thread(fall, (Told(),))
        done.acquire()
        while _thread._count() > before: time.sleep(0.001)
    def test_task(self):
        async def run():
            asyncio.create_task(work())
            await asyncio.sleep(0.01)
        asyncio.run(run())
    def test_task_under_django(self):
        async def run():
            asyncio.create_task(work())
            await asyncio.sleep(0.01)
        async_to_sync(run)()
    def test_callback(self):
        async def run():
            asyncio.get_running_loop().call_soon(fail)
            await asyncio.sleep(0.01)
        asyncio.run(run())
    def test_exit(self):
        thread = threading.Thread(target=exit, args=["no database"], name="till")
        thread.start()
        thread.join()
    def test_cut_off(self):
        async def check():
            await asyncio.sleep(60)
            self.fail("never seen")
        async def run(): asyncio.create_task(check())
        asyncio.run(run())
    def test_pool(self):
        with ThreadPoolExecutor() as pool: pool.submit(self.fail, "in a pool")
    def test_pool_map(self):
        def check(number): return 1 / number
        with ThreadPoolExecutor() as pool: pool.map(check, [0])
    def test_pool_of_processes(self):
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool: wait([pool.submit(fail)])
    def test_error_in_a_process(self):
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool: wait([pool.submit(lose)])
    def test_finalizer(self): weakref.finalize(type("Page", (), {})(), self.fail, "in a finalizer")
    def test_future(self):
        async def run():
            asyncio.get_running_loop().create_future().set_exception(ValueError("in a future"))
        asyncio.run(run())

class TestIsolated(unittest.IsolatedAsyncioTestCase):
    async def check(self):
        await asyncio.sleep(60)
        self.fail("never seen")
    async def test_isolated_cut_off(self): asyncio.create_task(self.check())
    async def test_isolated_gathered(self): self.kept = asyncio.gather(self.check())
    async def test_isolated_forgotten(self): nothing()
    async def test_isolated_task(self):
        asyncio.create_task(work())
        await asyncio.sleep(0.01)
    async def test_isolated_cancelled(self):
        async def stubborn():
            try: await asyncio.sleep(60)
            finally: raise AssertionError("while it was cancelled")
        self.task = asyncio.create_task(stubborn())
        await asyncio.sleep(0.01)
"""


@pytest.mark.parametrize("options", [[], ["--parallel", "0"]])
def test_run__what_nobody_heard_of_is_an_error(project, options):
    """Coroutines, tasks, callbacks, futures and threads; `@expectedFailure` means none of them."""
    project.app("shop", LOST)

    done, record = project.record(*options)

    assert done.code == 1
    found = outcomes(record)
    assert found == dict.fromkeys(found, "error"), done.err
    assert len(found) == 24
    told = by_label(record)
    assert told["test_exit"]["message"] == "the thread till died: SystemExit: no database"
    cut_off = "nobody awaited the task of TestIsolated.check, so that it was cancelled before its end"
    for name in ("test_isolated_cut_off", "test_isolated_gathered"):
        assert told[name]["message"].startswith(cut_off)
        assert f"in {name}\n" in told[name]["details"]
    assert told["test_pool"]["message"] == (
        "nobody asked for the result of a future that failed (ask for its result() or exception(), or cancel it): "
        "in a pool"
    )
    assert "in check\n" in told["test_pool_map"]["details"]
    assert told["test_finalizer"]["message"] == "Python ignored an exception: in a finalizer"
    assert told["test_thread"]["message"] == "the thread till died: in a thread"
    assert 'def fail(): raise AssertionError("in a thread")' in told["test_thread"]["details"]
    assert told["test_forgotten"]["message"].startswith("a coroutine was never awaited, so that nothing of nothing ran")
    assert "in test_forgotten\n    def test_forgotten" in told["test_forgotten"]["details"]
    assert told["test_task"]["message"] == "Task exception was never retrieved: in a coroutine"
    assert 'AssertionError("in a coroutine")' in told["test_task"]["details"]
    assert "as expected" in told["test_expected"]["details"]
    if not options:  # else nothing is captured
        assert "RuntimeWarning: coroutine 'nothing' was never awaited" in told["test_forgotten"]["output"]


HEARD = """
import asyncio, threading, unittest, warnings
from concurrent.futures import ThreadPoolExecutor

async def nothing(): pass
async def work(): raise AssertionError("in a coroutine")

class TestExpected(unittest.TestCase):
    def test_asserted(self):
        with self.assertWarnsRegex(RuntimeWarning, "never awaited"): nothing()
    def test_recorded(self):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            nothing()
        self.assertEqual(len(found), 1)

class TestServed(unittest.IsolatedAsyncioTestCase):
    async def serve(self): await asyncio.sleep(60)
    async def asyncSetUp(self): self.kept = asyncio.create_task(self.serve())
    async def test_fixture(self): self.assertFalse(self.kept.done())
    async def test_cancelled_by_hand(self):
        task = asyncio.create_task(self.serve())
        self.addCleanup(lambda: self.assertTrue(task.cancelled()))
        await asyncio.sleep(0)
        task.cancel()
    async def test_cleanup(self):
        task = asyncio.create_task(self.serve())
        async def end(): task.cancel()
        self.addAsyncCleanup(end)
    def test_timeout(self):
        async def run():
            asyncio.create_task(self.serve())
            raise TimeoutError
        with self.assertRaises(TimeoutError): asyncio.run(run())

class TestHeard(unittest.IsolatedAsyncioTestCase):
    async def test_task(self):
        with self.assertRaises(AssertionError): await asyncio.create_task(work())
    async def test_group(self):
        with self.assertRaises(ExceptionGroup):
            async with asyncio.TaskGroup() as group: group.create_task(work())
    async def test_gather(self):
        self.assertEqual(len(await asyncio.gather(work(), work(), return_exceptions=True)), 2)
    async def test_cancelled(self):
        asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
    async def test_handler(self):
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        asyncio.create_task(work())
        await asyncio.sleep(0.01)
        self.assertEqual(len(told), 1)
    def test_hook(self):
        told, before = [], threading.excepthook
        threading.excepthook = told.append
        try:
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
        finally: threading.excepthook = before
        self.assertIs(told[0].exc_type, ZeroDivisionError)
    def test_pool(self):
        with ThreadPoolExecutor() as pool:
            failed = pool.submit(self.fail)
            pool.submit(int, "of the application")
            with self.assertRaises(AssertionError): list(pool.map(self.fail, "ab"))
            with self.assertRaises(AssertionError): failed.result()
    def test_exit(self):
        for code in (None, 0):
            thread = threading.Thread(target=exit, args=[code])
            thread.start()
            thread.join()
    def test_closed(self):
        work().close()
    def test_elsewhere(self):
        self.assertEqual(asyncio.run(asyncio.sleep(0, 1)), 1)
"""


def test_run__what_somebody_hears_of_is_no_error(project):
    """Who awaits, retrieves, cancels, closes, keeps the warning, or has a handler of its own has heard of it."""
    project.app("shop", HEARD)

    done, record = project.record()

    assert done.code == 0, done.err
    assert set(outcomes(record).values()) == {"passed"}


FIXTURES = """
import threading, unittest
from concurrent.futures import ThreadPoolExecutor

async def nothing(): pass

class TestSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls): nothing()
    def test_set_up(self): raise RuntimeError("it ran")

class TestTearDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): nothing()
    def test_tear_down(self): pass

class TestServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stop = threading.Event()
        cls.server = threading.Thread(target=cls.serve)
        cls.server.start()
    @classmethod
    def serve(cls):
        cls.stop.wait()
        raise RuntimeError("the server fell")
    def test_asks(self):
        self.stop.set()
        self.server.join()

class TestPooled(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = ThreadPoolExecutor(1)
        cls.addClassCleanup(cls.pool.shutdown)
        cls.pool.submit(int).result()
    def test_submits(self): self.pool.submit(self.fail, "in the pool of the class")
"""


def test_run__what_a_fixture_lost_is_the_fixture_s(project):
    """A thread that setUpClass started belongs to the class, whichever probe runs when it dies; so does a pool's."""
    project.app("shop", FIXTURES)

    _, record = project.record()

    found = {result["label"]: (result["outcome"], result["message"]) for result in record["results"]}
    assert found["shop.TestSetUp.test_set_up"][0] == "error"
    assert found["shop.TestSetUp.test_set_up"][1].startswith("setUpClass: a coroutine was never awaited")
    assert found["shop.TestTearDown.test_tear_down"][0] == "passed"
    assert found["shop.TestTearDown.tearDownClass"][1].startswith("a coroutine was never awaited")
    assert found["shop.TestServer.test_asks"] == ("passed", "")
    assert found["shop.TestServer.tearDownClass"][0] == "error"
    assert found["shop.TestServer.tearDownClass"][1].endswith("died: RuntimeError: the server fell")
    assert found["shop.TestPooled.tearDownClass"][1].endswith("in the pool of the class")


LATE = """
import gc, threading, unittest

stop = threading.Event()
threads = []

def late():
    stop.wait()
    raise RuntimeError("after its probe")

async def nothing(): pass

class TestLate(unittest.TestCase):
    def test_a_starts(self):
        threads.append(threading.Thread(target=late, daemon=True))
        threads[0].start()
        gc.disable()
        circle = [nothing()]
        circle.append(circle)
    def test_b_is_not_to_blame(self):
        stop.set()
        for thread in threads: thread.join()
        gc.collect()
"""


def test_run__what_a_probe_left_is_not_the_next_one_s(project):
    """A thread that dies later, or a coroutine that the garbage collector finds: where one process runs both."""
    project.app("shop", LATE)

    done, record = project.record("--parallel", "0")

    assert outcomes(record) == {"test_a_starts": "passed", "test_b_is_not_to_blame": "passed"}
    assert "after its probe" in done.err


READY = """
import asyncio, threading, time, unittest
from django.test import tag

async def nothing(): pass

@tag("ready")
class TestReady(unittest.TestCase):
    def test_quiet(self):
        turn, over = {barrier}
        turn.set()
        over.wait(10)
    def test_forgets(self): {lost}
"""

ROUND = """
import asyncio, sys, threading, warnings
from shop import events
warnings.simplefilter("ignore")
threading.excepthook = lambda args: None

async def nothing(): pass

def serve():
    events.turn.wait(10)
    nothing()
    async def run(): asyncio.get_running_loop().call_soon(lambda: 1 / 0); await asyncio.sleep(0.01)
    asyncio.new_event_loop().run_until_complete(run())
    fallen = threading.Thread(target=lambda: 1 / 0)
    fallen.start()
    fallen.join()
    events.over.set()

threading.Thread(target=serve).start()
from django_probe.readiness.rounds import Rounds
run = Rounds(lambda step: None).run().run
print({result.label.rpartition(".")[2]: result.outcome.value for result in run.results})
"""


@pytest.mark.parametrize(("lost", "outcome"), [("pass", "passed"), ("nothing()", "error")])
def test_ready__hears_its_own_thread_and_no_other(project, lost, outcome):
    """What serves requests meanwhile may lose coroutines, callbacks and threads: that is not the probe's business."""
    project.app("shop", READY.format(barrier="__import__('shop.events').events.pair", lost=lost))
    project.write("shop/events.py", "import threading\npair = turn, over = threading.Event(), threading.Event()\n")
    project.write("gates.yaml", "gates:\n  ready:\n    tags: [ready]\n    timeout: 20s\n")
    project.configure("PROBE_POLICY = BASE_DIR / 'gates.yaml'\n")

    done = python(project, ROUND)

    assert done.code == 0, done.err
    assert done.out.strip() == str({"test_forgets": outcome, "test_quiet": "passed"})
