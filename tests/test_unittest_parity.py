"""What unittest says of a test case, the gate says of it as a probe."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections import Counter

import pytest

from tests.projects import new_project

# A probes module with a subclass, defined there, of each test case of a module of Python's own test suite.
STDLIB = """\
import unittest
from test.test_json import test_{name} as module

cases = {{name: case for name, case in vars(module).items() if isinstance(case, type)}}
for name, case in cases.items():
    if issubclass(case, unittest.TestCase):
        globals()[name] = type(name, (case,), {{"__module__": __name__}})
del case, cases, name
"""
EVERYTHING = """\
import unittest

def load_tests(loader, standard, pattern):
    return unittest.TestSuite(loader.loadTestsFromName(f"stdlib.probes.{{name}}") for name in {names!r})
"""

# Every way in which a test can end. Each failing test has one failing subTest at most: unittest counts subTests.
OWN = """\
import asyncio, unittest

class TestPlain(unittest.TestCase):
    def test_passes(self): pass
    def test_fails(self): self.assertEqual(1, 2)
    def test_errs(self): raise RuntimeError("no")
    def test_skips(self): self.skipTest("not here")
    @unittest.skip("never")
    def test_is_skipped(self): raise RuntimeError("it ran")
    @unittest.skipIf(False, "no")
    def test_is_not_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail("as expected")
    @unittest.expectedFailure
    def test_expected_error(self): raise RuntimeError("as expected")
    @unittest.expectedFailure
    def test_unexpected(self): pass
    @unittest.expectedFailure
    def test_expected_in_subtest(self):
        with self.subTest(n=1): self.fail("as expected")
    def test_a_subtest_fails(self):
        for n in range(3):
            with self.subTest(n=n): self.assertNotEqual(n, 1)
    def test_a_subtest_errs(self):
        for n in range(3):
            with self.subTest(n=n): 1 / (n - 1)
    def test_a_subtest_skips(self):
        for n in range(3):
            with self.subTest(n=n): n == 1 and self.skipTest("not this one")
    def test_subtests_pass(self):
        for n in range(3):
            with self.subTest(n=n): pass
    def test_exits(self): raise unittest.SkipTest("by hand")
    def test_returns_nothing(self): return None
    def helper(self): raise RuntimeError("no test")

class TestSetUpFails(unittest.TestCase):
    def setUp(self): self.fail("in setUp")
    def test_a(self): raise RuntimeError("it ran")
    @unittest.expectedFailure
    def test_b(self): raise RuntimeError("it ran")

class TestSetUpSkips(unittest.TestCase):
    def setUp(self): self.skipTest("in setUp")
    def test_a(self): raise RuntimeError("it ran")

class TestTearDownErrs(unittest.TestCase):
    def tearDown(self): raise RuntimeError("in tearDown")
    def test_a(self): pass

class TestCleanupFails(unittest.TestCase):
    def test_a(self): self.addCleanup(self.fail, "in a cleanup")

class TestCleanupRuns(unittest.TestCase):
    done = []
    def setUp(self): self.addCleanup(self.done.append, "cleaned")
    def test_a(self): pass
    def test_b(self): self.assertEqual(self.done, ["cleaned"])

@unittest.skip("the whole class")
class TestSkippedClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("it ran")
    def test_a(self): raise RuntimeError("it ran")
    def test_b(self): raise RuntimeError("it ran")

class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.value = 1
    async def test_passes(self):
        await asyncio.sleep(0)
        self.assertEqual(self.value, 1)
    async def test_fails(self): self.assertEqual(self.value, 2)

class TestFixtures(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.value = 1
    @classmethod
    def tearDownClass(cls): del cls.value
    def test_a(self): self.assertEqual(self.value, 1)
    def test_b(self): self.assertEqual(self.value, 1)

class TestNames(unittest.TestCase):
    longMessage = False
    maxDiff = None
    def shortDescription(self): raise RuntimeError("nobody asked")
    def test_a(self): self.assertEqual([1], [1])

class TestByRun(unittest.TestCase):
    def runTest(self): pass

class TestWarns(unittest.TestCase):
    def test_a(self):
        import warnings
        with self.assertWarns(UserWarning): warnings.warn("look", UserWarning)
    def test_b(self):
        with self.assertLogs("shop") as logs:
            __import__("logging").getLogger("shop").info("sold")
        self.assertEqual(logs.output, ["INFO:shop:sold"])

class Pair(unittest.TestCase):
    failureException = ValueError
    def test_a(self): self.fail("as ValueError")
    def test_b(self): raise AssertionError("not this class's failure")
"""

FIXTURES = """\
import unittest

class TestClassErrs(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("in setUpClass")
    def test_a(self): raise RuntimeError("it ran")
    def test_b(self): raise RuntimeError("it ran")

class TestClassSkips(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("in setUpClass")
    def test_a(self): raise RuntimeError("it ran")
    def test_b(self): raise RuntimeError("it ran")

class TestClassCleansUpBadly(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise RuntimeError("in tearDownClass")
    def test_a(self): pass
"""

_WORDS = {
    "failures": "failed",
    "errors": "error",
    "skipped": "skipped",
    "expected failures": "expected_failure",
    "unexpected successes": "unexpected",
}


def unittest_says(site, module):
    """Run `python -m unittest` on a module; give how many tests ran, and its own counts by our words."""
    done = subprocess.run(
        [sys.executable, "-m", "unittest", module],
        cwd=site.path,
        env=site.environment({"DJANGO_SETTINGS_MODULE": "site_settings"}),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    ran = re.search(r"^Ran (\d+) tests? in", done.stderr, re.MULTILINE)
    last = done.stderr.strip().splitlines()[-1]
    assert ran, done.stderr
    counts = Counter({_WORDS[word]: int(number) for word, number in re.findall(r"([a-z][a-z ]*)=(\d+)", last)})
    # Ours is a failed probe whose message says that it passed where it should not have.
    counts["failed"] += counts.pop("unexpected", 0)
    return int(ran[1]), +counts


def probes_say(site, label):
    """Run the same as probes; give how many there are, and the counts of the record without those that passed."""
    done, record = site.record(label)
    counts = Counter(result["outcome"] for result in record["results"])
    assert done.code == (1 if counts["failed"] or counts["error"] else 0)
    del counts["passed"]
    return len(record["results"]), counts


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project whose probes are unittest's test cases, with every behaviour that they can have."""
    made = new_project(tmp_path_factory.mktemp("parity"))
    made.app("own", OWN)
    made.app("fixtures", FIXTURES)
    return made


def test_own__every_outcome_is_counted_as_unittest_counts_it(site):
    """Skips, expected failures, subTests, setUp, tearDown, cleanups, asyncio, another failureException."""
    ran, counts = unittest_says(site, "own.probes")

    assert counts.keys() == {"failed", "error", "skipped", "expected_failure"}
    assert probes_say(site, "own") == (ran, counts)


def test_fixtures__a_setupclass_that_fails_or_skips_counts_for_every_probe_of_the_class(site):
    """Unittest counts such a class once, and none of its tests; the record has no probe without an answer."""
    ran, counts = unittest_says(site, "fixtures.probes")
    assert (ran, counts) == (1, {"error": 2, "skipped": 1})

    done, record = site.record("fixtures")

    assert done.code == 1
    assert {result["label"]: result["outcome"] for result in record["results"]} == {
        "fixtures.TestClassErrs.test_a": "error",
        "fixtures.TestClassErrs.test_b": "error",
        "fixtures.TestClassSkips.test_a": "skipped",
        "fixtures.TestClassSkips.test_b": "skipped",
        "fixtures.TestClassCleansUpBadly.test_a": "passed",
        "fixtures.TestClassCleansUpBadly.tearDownClass": "error",
    }


def _missing():
    try:
        return importlib.util.find_spec("test.test_json") is None
    except ModuleNotFoundError:
        return True


@pytest.mark.skipif(
    _missing(), reason="this Python came without its own tests (Debian: apt-get install libpython3-testsuite)"
)
def test_stdlib__pythons_own_tests_as_probes(project):
    """The classes of test.test_json, subclassed in a probes package, end as they do under unittest."""
    names = ["decode", "default", "dump", "encode_basestring_ascii", "enum", "fail", "float", "indent", "pass1"]
    names += ["pass2", "pass3", "recursion", "scanstring", "separators", "speedups", "tool", "unicode"]
    project.app("stdlib", {f"{name}.py": STDLIB.format(name=name) for name in names})
    project.write("everything.py", EVERYTHING.format(names=names))

    ran, counts = unittest_says(project, "everything")

    assert ran > 150
    assert probes_say(project, "stdlib") == (ran, counts)
