"""Code that is called and of which nothing runs: unittest passes it, a gate does not."""

from __future__ import annotations

import pytest

from tests.execution.running import by_label, outcomes

WRAPPED = """
import asyncio, contextlib, functools, unittest

def logged(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)
    return call

def logged_async(function):
    @functools.wraps(function)
    async def call(*args, **kwargs):
        return await function(*args, **kwargs)
    return call
"""

METHODS = (
    WRAPPED
    + """
class TestPlain(unittest.TestCase):
    async def test_async(self): self.fail("never ran")
    async def test_async_generator(self):
        self.fail("never ran")
        yield
    def test_generator(self):
        self.fail("never ran")
        yield
    @logged
    async def test_wrapped(self): self.fail("never ran")
    @logged
    def test_wrapped_generator(self):
        self.fail("never ran")
        yield
    @unittest.expectedFailure
    async def test_expected(self): self.fail("never ran")
    def test_cleanup(self):
        async def undo(): raise AssertionError("never ran")
        self.addCleanup(undo)
        self.addCleanup(print, "the next one runs")

class TestIsolated(unittest.IsolatedAsyncioTestCase):
    @logged
    async def test_isolated_wrapped(self): self.fail("never ran")
    async def test_isolated_forgets(self): return asyncio.sleep(0)
    async def test_isolated_generator(self):
        self.fail("never ran")
        yield
    async def test_isolated_cleanup(self):
        async def undo(): raise AssertionError("never ran")
        self.addAsyncCleanup(lambda: undo())

class TestSetUp(unittest.TestCase):
    async def setUp(self): raise AssertionError("never ran")
    def test_set_up(self): print("the probe ran without it")

class TestTearDown(unittest.TestCase):
    @logged
    async def tearDown(self): raise AssertionError("never ran")
    def test_tear_down(self): pass

class TestIsolatedSetUp(unittest.IsolatedAsyncioTestCase):
    async def setUp(self): raise AssertionError("never ran")
    async def test_isolated_set_up(self): pass

class TestClassCleanup(unittest.TestCase):
    def test_class_cleanup(self):
        async def undo(): raise AssertionError("never ran")
        self.addClassCleanup(undo)

class TestModuleCleanup(unittest.TestCase):
    def test_module_cleanup(self):
        async def undo(): raise AssertionError("never ran")
        unittest.addModuleCleanup(undo)

class TestContextManager(unittest.TestCase):
    @contextlib.contextmanager
    def setUp(self):
        self.fail("never ran")
        yield
    def test_context_manager(self): pass

class TestMap(unittest.TestCase):
    def setUp(self): return map(self.fail, ["never ran"])
    def test_map(self): pass
"""
)


@pytest.mark.parametrize("options", [[], ["--parallel", "0"]])
def test_run__what_nobody_awaits_is_an_error(project, options):
    """Under a decorator too, whatever its class, and in setUp, tearDown and cleanups; `@expectedFailure` hides none."""
    project.app("shop", METHODS)

    done, record = project.record(*options)

    assert done.code == 1
    found = outcomes(record)
    assert found == dict.fromkeys(found, "error")
    assert len(found) == 18
    assert "never ran" not in done.err
    assert "the probe ran without it" not in done.err
    assert "RuntimeWarning" not in done.err
    for result in record["results"]:
        assert "UnrunError: it returned a" in result["message"], result


def test_run__the_message_names_the_code_and_the_cure(project):
    """It names what never ran, which may be a setUp, and says what would run it."""
    project.app("shop", METHODS)

    _, record = project.record("shop.TestSetUp", "shop.TestPlain.test_generator")

    generator, set_up = sorted((result["message"] for result in record["results"]), key=len)
    assert generator == (
        "UnrunError: it returned a generator that nobody runs, so that nothing of TestPlain.test_generator ran: "
        "it has a yield, which must go"
    )
    assert set_up == (
        "UnrunError: it returned a coroutine that nobody awaits, so that nothing of TestSetUp.setUp ran: only a "
        "unittest.IsolatedAsyncioTestCase awaits: its test methods, asyncSetUp, asyncTearDown and cleanups, and each "
        "decorator of them must be async too; elsewhere call asyncio.run()"
    )


def test_run__what_is_awaited_passes(project):
    """Of an IsolatedAsyncioTestCase unittest awaits what is async; what a fixture or a cleanup returns says nothing."""
    project.app(
        "shop",
        WRAPPED
        + """
class TestIsolated(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.done = ["setUp"]

    async def asyncSetUp(self):
        await asyncio.sleep(0)
        self.done.append("asyncSetUp")

    @logged_async
    async def test_async(self):
        await asyncio.sleep(0)
        self.assertEqual(self.done, ["setUp", "asyncSetUp"])
        self.addAsyncCleanup(self.cleaned)
        self.addCleanup(self.done.append, "cleanup")

    def test_sync(self): pass

    async def asyncTearDown(self):
        self.done.append("asyncTearDown")

    async def cleaned(self):
        self.assertEqual(self.done[2:], ["asyncTearDown", "cleanup"])

class TestPlain(unittest.TestCase):
    def test_runs_it(self): asyncio.run(asyncio.sleep(0))
    def test_function(self): self.addCleanup(iter, ())
    @unittest.skip("not today")
    async def test_skipped(self): pass

def load_tests(loader, tests, pattern):
    tests.addTest(unittest.FunctionTestCase(lambda: None, setUp=list, tearDown=list))
    return tests
""",
    )

    done, record = project.record()

    assert done.code == 0, done.err
    assert outcomes(record) == {
        "test_async": "passed",
        "test_sync": "passed",
        "test_function": "passed",
        "test_runs_it": "passed",
        "test_skipped": "skipped",
        "runTest": "passed",
    }


def test_run__a_function_of_a_suite_is_looked_at_too(project):
    """A FunctionTestCase drops what its functions return."""
    project.app(
        "shop",
        """
        import unittest

        async def coroutine(): raise AssertionError("never ran")

        def generator():
            raise AssertionError("never ran")
            yield

        def suite():
            return unittest.TestSuite([
                unittest.FunctionTestCase(coroutine),
                unittest.FunctionTestCase(generator),
                unittest.FunctionTestCase(print, setUp=coroutine),
                unittest.FunctionTestCase(print, tearDown=coroutine),
                unittest.FunctionTestCase(print),
            ])
        """,
    )

    done, record = project.record()

    assert done.code == 1
    assert [result["outcome"] for result in record["results"]] == ["error"] * 4 + ["passed"]


FIXTURE = """
import unittest

class TestShop(unittest.TestCase):
    {fixture}

    def test_open(self): pass
"""


@pytest.mark.parametrize("case", ["unittest.TestCase", "unittest.IsolatedAsyncioTestCase"])
@pytest.mark.parametrize("name", ["setUpClass", "tearDownClass", "setUpModule", "tearDownModule"])
def test_run__a_fixture_of_class_or_module_that_nobody_awaits_closes_the_gate(project, name, case):
    """None of them is awaited by unittest, whatever their class."""
    text = FIXTURE.replace("unittest.TestCase", case)
    body = "raise AssertionError('never ran')"
    if name.endswith("Class"):
        text = text.format(fixture=f"@classmethod\n    async def {name}(cls): {body}")
    else:
        text = text.format(fixture="") + f"\nasync def {name}(): {body}\n"
    project.app("shop", text)

    done, record = project.record()

    assert done.code == 1
    problems = [result for result in record["results"] if result["outcome"] != "passed"]
    assert [result["outcome"] for result in problems] == ["error"]
    assert "it returned a coroutine that nobody awaits" in problems[0]["message"]
    assert name in problems[0]["message"] + problems[0]["label"]


def test_run__a_cleanup_of_a_fixture_that_nobody_awaits_closes_the_gate(project):
    """What setUpClass adds is called after tearDownClass, and what it returns is lost as well."""
    fixture = "@classmethod\n    def setUpClass(cls): cls.addClassCleanup(cls.undo)\n"
    project.app("shop", FIXTURE.format(fixture=fixture + "\n    @classmethod\n    async def undo(cls): pass"))

    done, record = project.record()

    assert done.code == 1
    told = {result["label"]: result["message"] for result in record["results"]}
    assert "nothing of TestShop.undo ran" in told["shop.TestShop.tearDownClass"]


RETURNS = """
import asyncio, contextlib, unittest

class TestReturns(unittest.TestCase):
    @contextlib.contextmanager
    def test_context(self):
        self.fail("never ran")
        yield
    @contextlib.asynccontextmanager
    async def test_async_context(self):
        self.fail("never ran")
        yield
    def test_map(self): return map(self.fail, ["never ran"])
    def test_coroutines(self): return [self.go()]
    def test_function(self): return lambda: self.fail("never ran")
    def test_future(self): return asyncio.new_event_loop().create_future()
    def test_true(self): return True
    def test_false(self): return False
    def test_unreadable(self): return Unreadable()
    async def go(self): self.fail("never ran")

class Unreadable:
    def __repr__(self): raise RuntimeError("no text")

class TestIsolated(unittest.IsolatedAsyncioTestCase):
    async def test_isolated_value(self): return 1
    def test_isolated_sync(self): return 1
    async def test_isolated_coroutines(self): return [asyncio.sleep(0)]

class TestSetUp(unittest.TestCase):
    def setUp(self): pass
    def test_beside_set_up(self): return 1

def load_tests(loader, tests, pattern):
    tests.addTest(unittest.FunctionTestCase(lambda: 1))
    return tests
"""


def test_run__a_test_that_returns_anything_is_an_error(project):
    """Nobody looks at it: it may be all that was to be done, or a verdict."""
    project.app("shop", RETURNS)

    done, record = project.record()

    assert done.code == 1
    found = outcomes(record)
    assert len(found) == 14
    assert found == dict.fromkeys(found, "error")
    for result in record["results"]:
        assert "UnrunError: it returned " in result["message"], result
    assert by_label(record)["test_true"]["message"] == (
        "UnrunError: it returned True, which nobody looks at or runs: a test returns None; call what it has to do, and "
        "assert what it finds out"
    )


ITSELF = """
import asyncio, inspect, unittest
import testtools

class TestTools(testtools.TestCase):
    async def test_tools(self): self.fail("never ran")
    def test_tools_generator(self):
        self.fail("never ran")
        yield
    async def test_tools_async_generator(self):
        self.fail("never ran")
        yield
    def test_tools_map(self): return map(self.fail, ["never ran"])
    def test_tools_cleanup(self):
        def undo():
            raise AssertionError("never ran")
            yield
        self.addCleanup(undo)

class TestToolsSetUp(testtools.TestCase):
    def setUp(self):
        super().setUp()
        return (self.fail("never ran") for _ in "x")
    def test_tools_set_up(self): pass

class TestDirect(unittest.TestCase):
    def run(self, result=None):
        result.startTest(self)
        getattr(self, self._testMethodName)()
        result.addSuccess(self)
        result.stopTest(self)
    async def test_direct(self): self.fail("never ran")
    def test_direct_generator(self):
        self.fail("never ran")
        yield

class TestCalled(unittest.TestCase):
    def __call__(self, result):
        result.startTest(self)
        getattr(self, self._testMethodName)()
        result.addSuccess(self)
        result.stopTest(self)
    def test_called_generator(self):
        self.fail("never ran")
        yield

class TestPassedOver(unittest.TestCase):
    def run(self, result=None):
        result.startTest(self)
        result.addSuccess(self)
        result.stopTest(self)
    def test_passed_over(self): self.fail("never ran")

class TestInstance(unittest.TestCase):
    def __init__(self, name):
        super().__init__(name)
        self.run = lambda result: result.addSuccess(self)
    def test_instance(self): self.fail("never ran")

class TestCleanups(unittest.TestCase):
    def doCleanups(self): pass
    def test_cleanups(self): self.addCleanup(self.fail, "never ran")

class TestAround(unittest.TestCase):
    def run(self, result=None): return super().run(result)
    async def test_around(self): self.fail("never ran")
    def test_around_generator(self):
        self.fail("never ran")
        yield
    def test_around_value(self): return True

class TestIsolatedAround(unittest.IsolatedAsyncioTestCase):
    def run(self, result=None): return super().run(result)
    async def test_isolated_around_generator(self):
        self.fail("never ran")
        yield
"""


def test_run__a_class_that_runs_its_tests_itself_is_looked_at_too(project):
    """Testtools, a hand-written run() or __call__(), one around unittest's own: whether code began can be seen."""
    project.app("shop", ITSELF)

    done, record = project.record()

    assert done.code == 1
    found = outcomes(record)
    assert len(found) == 16
    assert found == dict.fromkeys(found, "error"), record["results"]
    told = by_label(record)
    assert told.pop("test_cleanups")["message"] == (
        "UnrunError: nobody called its cleanups (TestCase.fail): its class brings a run() or doCleanups() of its own"
    )
    for result in told.values():
        assert "nothing of " in result["message"] or "UnrunError: it returned" in result["message"], result


AWAITS = """
import asyncio, copy, functools, inspect, os, unittest
import testtools

class Deferred:
    def __await__(self): yield

class TestAwaits(unittest.TestCase):
    ran = []
    def run(self, result=None):
        result.startTest(self)
        for method in (self.setUp, getattr(self, self._testMethodName)):
            if inspect.iscoroutinefunction(method): asyncio.run(method())
            elif inspect.isgenerator(found := method()): list(found)
            elif inspect.iscoroutine(found): asyncio.run(found)
        result.addSuccess(self)
        result.stopTest(self)
    async def setUp(self): self.ready = True
    async def test_awaited(self): self.assertTrue(self.ready)
    def test_iterated(self):
        self.assertTrue(self.ready)
        yield
    def test_awaited_later(self): return self.work()
    def test_deferred(self): return Deferred()
    async def work(self): self.assertTrue(self.ready)

class TestSeam(unittest.TestCase):
    def _callTestMethod(self, method):
        if inspect.iscoroutinefunction(method): asyncio.run(method())
        else: method()
    async def test_seam(self): await asyncio.sleep(0)
    def test_seam_plain(self): pass

class TestTools(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(print, "cleaned")
    def test_tools(self): pass

class TestCopies(unittest.TestCase):
    def run(self, result=None): return unittest.TestCase.run(copy.copy(self), result)
    def test_copies(self): self.addCleanup(print, "cleaned")

class TestForks(unittest.TestCase):
    def run(self, result=None):
        if not (child := os.fork()): os._exit(not super().run().wasSuccessful())
        result.startTest(self)
        (result.addFailure if os.waitpid(child, 0)[1] else result.addSuccess)(self)
        result.stopTest(self)
    def test_forks(self): pass

class TestAround(unittest.IsolatedAsyncioTestCase):
    def run(self, result=None): return super().run(result)
    async def asyncSetUp(self): self.ready = True
    async def test_around(self):
        self.addAsyncCleanup(asyncio.sleep, 0)
        self.assertTrue(self.ready)

class TestCalled(unittest.TestCase):
    def __call__(self, result=None):
        self.ready = True
        super().__call__(result)
    def test_called(self): self.assertTrue(self.ready)
"""


def test_run__a_class_that_awaits_by_itself_stays_as_it_is(project):
    """What it awaits or goes through has run, and what else its runner understands is the runner's."""
    project.app("shop", AWAITS)

    done, record = project.record()

    assert done.code == 0, done.err
    assert set(outcomes(record).values()) == {"passed"}
    assert len(record["results"]) == 11


VALUES = """
import asyncio, os, tempfile, unittest
from unittest import mock
import testtools

class Usual:
    def test_patcher(self):
        patcher = mock.patch("os.getcwd")
        patcher.start()
        self.addCleanup(patcher.stop)
    def test_popped(self): self.addCleanup({"a": 1}.pop, "a")
    def test_entered(self): self.enterContext(mock.patch("os.getcwd"))
    def test_folder(self): self.enterContext(tempfile.TemporaryDirectory())

class TestRun(Usual, unittest.TestCase):
    def run(self, result=None): return super().run(result)

class TestCall(Usual, unittest.TestCase):
    def __call__(self, *args, **kwargs): return super().__call__(*args, **kwargs)

class TestCleanups(Usual, unittest.TestCase):
    def doCleanups(self): return super().doCleanups()

class TestTools(Usual, testtools.TestCase):
    def test_patch(self): self.patch(os, "getcwd", lambda: 1)
    def test_entered(self): pass  # it has no enterContext
    test_folder = test_entered

class TestFixtures(Usual, unittest.TestCase):
    def run(self, result=None): return super().run(result)
    def setUp(self): return self
    def tearDown(self): return True

class TestIsolated(Usual, unittest.IsolatedAsyncioTestCase):
    def run(self, result=None): return super().run(result)
    async def test_async(self):
        self.addAsyncCleanup(asyncio.sleep, 0, 5)
        self.addCleanup(lambda: 3)
"""


def test_run__what_fixtures_and_cleanups_return_is_nobody_s_concern(project):
    """A class that runs its tests itself may return values there, as unittest's own may: only a test has none."""
    project.app("shop", VALUES)

    done, record = project.record()

    assert done.code == 0, done.err
    assert {result["outcome"] for result in record["results"]} == {"passed"}
    assert len(record["results"]) == 26


ASYNC_FIXTURES = """
import asyncio, unittest

class TestSetUp(unittest.TestCase):
    async def asyncSetUp(self): raise AssertionError("never ran")
    def test_set_up(self): pass

class TestTearDown(unittest.TestCase):
    async def asyncTearDown(self): raise AssertionError("never ran")
    @unittest.expectedFailure
    def test_tear_down(self): self.fail("as expected")

class TestCleanup(unittest.TestCase):
    def addAsyncCleanup(self, function, *args): self.undo = function
    async def undone(self): raise AssertionError("never ran")
    def test_cleanup(self): self.addAsyncCleanup(self.undone)

class TestSkips(unittest.TestCase):
    async def asyncSetUp(self): raise AssertionError("never ran")
    def test_skips(self): self.skipTest("not today")

class TestCallsThem(unittest.TestCase):
    def setUp(self): asyncio.run(self.asyncSetUp())
    async def asyncSetUp(self): self.addCleanup(asyncio.run, self.asyncTearDown())
    async def asyncTearDown(self): self.ended = True
    def addAsyncCleanup(self, function): self.addCleanup(lambda: asyncio.run(function()))
    async def undone(self): pass
    def test_calls_them(self): self.addAsyncCleanup(self.undone)
"""


def test_run__async_fixtures_of_a_plain_test_case_are_errors_unless_it_calls_them(project):
    """The class is no IsolatedAsyncioTestCase, whose asyncSetUp and its kin unittest calls."""
    project.app("shop", ASYNC_FIXTURES)

    done, record = project.record()

    assert done.code == 1
    assert outcomes(record) == {
        "test_set_up": "error",
        "test_tear_down": "error",
        "test_cleanup": "error",
        "test_skips": "skipped",
        "test_calls_them": "passed",
    }
    assert by_label(record)["test_set_up"]["message"] == (
        "UnrunError: nothing of TestSetUp.asyncSetUp ran: only a unittest.IsolatedAsyncioTestCase calls it; make the "
        "class one"
    )


COPIES = """
import copy, unittest

class Scenarios(unittest.TestCase):
    def run(self, result=None):
        for number in (1, 2):
            one = copy.copy(self)
            one.number = number
            one.ran = []
            unittest.TestCase.run(one, result)
        return result
    def setUp(self): self.ran.append(self.number)

class TestScenarios(Scenarios):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.ran, [self.number])
    def test_number(self):
        self.addCleanup(self.ran.append, self.number)
        self.assertIn(self.number, (1, 2))
        self.assertEqual(self.ran, [self.number])
    def test_generator(self):
        self.fail("never ran")
        yield

class TestPlain(unittest.TestCase):
    def setUp(self): self.value = 1
    def test_plain(self):
        twin = type(self)("test_twin")
        twin.setUp()
        self.assertEqual(vars(twin)["value"], 1)
    def test_twin(self): self.assertEqual(self.value, 1)

class TestLess(TestPlain):
    async def setUp(self): pass

class TestAgain(TestLess):
    def setUp(self): super().setUp().close()
    def test_plain(self): pass
    def test_twin(self): pass
"""


def test_run__a_test_that_copies_itself_is_looked_at_and_runs_as_the_copy(project):
    """The look is in the class: it holds no test in place of another, and a subclass may call what it overrides."""
    project.app("shop", COPIES)

    _, record = project.record()

    found = {result["label"].removeprefix("shop."): result["outcome"] for result in record["results"]}
    assert found == {
        "TestScenarios.test_number": "passed",
        "TestScenarios.test_generator": "error",
        "TestPlain.test_plain": "passed",
        "TestPlain.test_twin": "passed",
        "TestLess.test_plain": "error",
        "TestLess.test_twin": "error",
        "TestAgain.test_plain": "passed",
        "TestAgain.test_twin": "passed",
    }
