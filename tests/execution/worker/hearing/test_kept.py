"""What a probe still holds when it is over is an error if it failed or never ran, and nothing else is."""

from __future__ import annotations

import sys

from tests.execution.running import by_label, outcomes

HELD = """
import asyncio, unittest

KEPT = []

async def work(): raise ValueError("lost")
async def nothing(): pass

class Page:
    def __init__(self, test): self.test = test

class TestPlain(unittest.TestCase):
    def test_cycle(self):
        self.page = Page(self)
        self.kept = nothing()
    def test_in_a_list(self):
        self.page = Page(self)
        self.kept = [nothing()]
    def test_in_a_dict(self): self.kept = {"page": nothing()}

class TestSetUp(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.worker = asyncio.create_task(work())
    async def test_set_up(self): await asyncio.sleep(0.01)

class TestIsolated(unittest.IsolatedAsyncioTestCase):
    async def test_coroutine(self): self.kept = nothing()
    async def test_future(self):
        self.kept = asyncio.get_running_loop().create_future()
        self.kept.set_exception(ValueError("lost"))
    async def test_tasks(self):
        self.page = Page(self)
        self.kept = [asyncio.create_task(work())]
        await asyncio.sleep(0.01)
"""

IN_THE_MODULE = """
class TestModule(unittest.TestCase):
    def test_module(self):
        async def run():
            KEPT.append(asyncio.create_task(work()))
            await asyncio.sleep(0.01)
        asyncio.run(run())
    def test_unfinished(self):
        async def check():
            await asyncio.sleep(60)
            self.fail("never seen")
        loop = asyncio.new_event_loop()
        loop.create_task(check())
        loop.run_until_complete(nothing())
        loop.close()
    def test_without(self): pass
"""


def test_run__what_a_test_still_holds_is_heard(project):
    """A coroutine, a future or a task on the test is told once, though the garbage collector has yet to free it."""
    project.app("shop", HELD)

    done, record = project.record()

    assert done.code == 1
    found = outcomes(record)
    assert len(found) == 7
    assert found == dict.fromkeys(found, "error"), record["results"]
    told = by_label(record)
    assert told["test_set_up"]["message"] == "Task exception was never retrieved: ValueError: lost"
    for result in record["results"]:
        details = result["details"]
        assert details.count("exception was never retrieved") + details.count("was made here") == 1, details


HELD_BY_FIXTURES = """
import asyncio, unittest

async def load(): raise AssertionError("never ran")

def setUpModule():
    global USER
    USER = load()

class TestClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = load()
        cls.loop = asyncio.new_event_loop()
    @classmethod
    def tearDownClass(cls): cls.loop.close()
    def test_first(self):
        type(self).task = self.loop.create_task(asyncio.sleep(0))
        self.assertTrue(self.user)
    def test_second(self): self.loop.run_until_complete(self.task)
"""


def test_run__what_class_and_module_hold_is_heard_at_their_end(project):
    """A coroutine that a fixture made and no probe awaited is the fixture's error; a task may be a later probe's."""
    project.app("shop", HELD_BY_FIXTURES)

    _, record = project.record()

    by_outcome = {name: outcome for name, outcome in outcomes(record).items() if outcome != "passed"}
    assert by_outcome == {"tearDownClass": "error", "tearDownModule": "error"}, record["results"]
    assert len(record["results"]) == 4


def test_run__a_task_that_is_held_elsewhere_is_its_probe_s(project):
    """That it failed or came to no end is told at the end of the probe, once; Python 3.14 keeps no list to look at."""
    project.app("shop", HELD + IN_THE_MODULE)

    _, record = project.record("-k", "TestModule")

    expected = "error" if sys.version_info < (3, 14) else "passed"
    assert outcomes(record) == {
        "test_module": expected,
        "test_without": "passed",
        "test_unfinished": expected,
    }, record["results"]


HEALTHY = """
import asyncio, unittest
from django.utils.functional import SimpleLazyObject

async def work(): raise ValueError("lost")
async def nothing(): pass
def evaluated(): raise AssertionError("evaluated")

# It fails while the module is loaded: no probe is to blame for that.
async def early():
    task = asyncio.create_task(work())
    await asyncio.wait([task])
    return task
EARLY = asyncio.run(early())

class TestPlain(unittest.TestCase):
    def test_closed(self):
        self.kept = nothing()
        self.kept.close()
    def test_awaited(self):
        self.kept = nothing()
        asyncio.run(self.kept)
    def test_lazy(self): self.kept = [SimpleLazyObject(evaluated)]

class TestIsolated(unittest.IsolatedAsyncioTestCase):
    async def test_retrieved(self):
        self.kept = asyncio.create_task(work())
        with self.assertRaises(ValueError): await self.kept
    async def test_asked(self):
        self.kept = asyncio.create_task(work())
        await asyncio.wait([self.kept])
        self.assertIsInstance(self.kept.exception(), ValueError)
    async def test_cancelled(self): self.kept = [asyncio.create_task(asyncio.sleep(60))]
    async def test_result(self):
        self.kept = asyncio.create_task(nothing())
        await self.kept
    async def test_handler(self):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        self.kept = asyncio.create_task(work())
        await asyncio.sleep(0.01)
"""


def test_run__what_was_awaited_closed_or_cancelled_may_be_held(project):
    """So may what somebody asked about, what a handler is there for, and what failed before any probe began."""
    project.app("shop", HEALTHY)

    done, record = project.record()

    assert done.code == 0, done.err
    assert set(outcomes(record).values()) == {"passed"}
    assert len(record["results"]) == 8
