"""What unittest says of a test, and shows to it."""

from __future__ import annotations

from tests.execution.running import by_label, outcomes

SEEN = """
import unittest

class TestEvidence(unittest.TestCase):
    def tearDown(self):
        result = self._outcome.result
        for kind in ("failures", "errors", "skipped"):
            for test, told in getattr(result, kind): print(f"{kind}: {test is self} {told.splitlines()[-1]}")
        print("ran", result.testsRun, result.wasSuccessful())
        if self._testMethodName == "test_passes": self.assertEqual((result.failures, result.errors), ([], []))
    def test_fails(self): self.fail("as seen")
    def test_errs(self): raise ValueError("as seen")
    def test_passes(self): pass
    def test_in_a_subtest(self):
        with self.subTest(n=1): self.fail("as seen")
"""


def test_evidence__teardown_sees_the_failure_as_unittest_shows_it(project):
    """In the lists of the result, which hold what this test did and nothing of those before it."""
    project.app("shop", SEEN)

    _, record = project.record()

    told = by_label(record)
    assert told["test_fails"]["output"] == "failures: True AssertionError: as seen\nran 1 False\n"
    assert told["test_errs"]["output"] == "errors: True ValueError: as seen\nran 1 False\n"
    assert told["test_in_a_subtest"]["output"] == "failures: False AssertionError: as seen\nran 1 False\n"
    assert told["test_passes"]["outcome"] == "passed"


AGAIN = """
import unittest

class Again(unittest.TestCase):
    ran = 0
    def run(self, result=None):
        for _ in range(3):
            before = len(result.failures)
            super().run(result)
            if len(result.failures) == before: break
            if type(self).ran < 3: del result.failures[before:]
    def setUp(self): type(self).ran += 1

class TestPasses(Again):
    def test_in_the_end(self): self.assertEqual(self.ran, 2)

class TestFails(Again):
    def test_never(self): self.fail("always")

class TestForgets(unittest.TestCase):
    def tearDown(self): self._outcome.result.failures.clear()
    def test_forgets(self): self.fail("and takes it back")

class TestSkips(Again):
    def test_skips(self):
        if self.ran == 1: self.fail("at first")
        self.skipTest("then")
"""


def test_retries__of_a_class_s_own_count_where_a_later_attempt_passed(project):
    """A class may take its failure out of the list and try again; without a pass the failure stands."""
    project.app("shop", AGAIN)

    _, record = project.record()

    assert outcomes(record) == {
        "test_in_the_end": "passed",
        "test_never": "failed",
        "test_forgets": "failed",
        "test_skips": "failed",
    }
    assert "2" in by_label(record)["test_in_the_end"]["details"]


NAMED = """
import copy, doctest, unittest

def check_till(): raise AssertionError("no money")

class TestArgument(unittest.TestCase):
    def __init__(self, method="test_price", price=0):
        super().__init__(method)
        self.price = price
    def __str__(self): return f"price {self.price}"
    def test_price(self): self.assertLess(self.price, 2)

class TestScenario(unittest.TestCase):
    def test_shop(self):
        with self.subTest(n=1): self.fail("closed")

class TestBroken(unittest.TestCase):
    def id(self): raise RuntimeError("no name")
    def shortDescription(self): return "has no name"
    def test_broken(self): self.fail("as told")

class TestDocumented(unittest.TestCase):
    def test_documented(self):
        '''A description that every test may have.'''
        self.fail("as told")

def load_tests(loader, tests, pattern):
    suite = unittest.TestSuite(TestArgument("test_price", price) for price in (1, 2, 3))
    red = TestScenario("test_shop")
    red.id = lambda: unittest.TestCase.id(red) + "(red)"
    suite.addTests([red, TestDocumented("test_documented")])
    suite.addTest(unittest.FunctionTestCase(check_till, description="the till is full"))
    suite.addTest(doctest.DocTestSuite(__import__("shop.pricing").pricing))
    return suite
"""


def test_problem__says_which_of_several_tests_it_was(project):
    """The test's own name, where it has another than the usual one: before the message, and in the details."""
    project.app("shop", NAMED)
    project.write("shop/pricing.py", 'def total():\n    """\n    >>> total()\n    2\n    """\n    return 1\n')

    _, record = project.record("-k", "*")

    told = {result["label"]: result["message"] for result in record["results"]}
    assert told == {
        "shop.TestArgument.test_price": "",
        "shop.TestArgument.test_price[2]": "price 2: 2 not less than 2",
        "shop.TestArgument.test_price[3]": "price 3: 3 not less than 2",
        "shop.TestScenario.test_shop": "(red): (n=1) closed",
        "shop.TestDocumented.test_documented": "as told",
        "shop.FunctionTestCase.runTest": "check_till the till is full: no money",
        "shop.DocTestCase.runTest": told["shop.DocTestCase.runTest"],
    }
    assert told["shop.DocTestCase.runTest"].startswith("shop.pricing.total: Failed doctest test for shop.pricing.total")
    assert next(r for r in record["results"] if r["label"].endswith("[3]"))["details"].startswith("price 3\n")


def test_problem__a_name_that_cannot_be_told_is_left_out(project):
    """The name is the probe's own code."""
    project.app("shop", NAMED.partition("def load_tests")[0])

    _, record = project.record("shop.TestBroken")

    assert record["results"][0]["message"] == "has no name: as told"
