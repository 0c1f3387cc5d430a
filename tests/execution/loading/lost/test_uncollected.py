"""What looks like a probe and is none closes the gate: nothing of it would run, and nobody would say so."""

from __future__ import annotations

import pytest

GOOD = """\
import unittest
class TestGood(unittest.TestCase):
    def test_good(self): pass
"""

DOCTESTS = """\
import doctest, json
def test_balance(): raise RuntimeError
def load_tests(loader, tests, pattern): return doctest.DocTestSuite(json)
"""

LOST = {
    "function": ("def test_balance(): raise RuntimeError\n", "test_balance()"),
    "async": ("async def testBalance(one=1, *more, **others): raise RuntimeError\n", "testBalance()"),
    "lambda": ("test_balance = lambda: 1 / 0\n", "test_balance()"),
    "decorated": (
        "from django.test import tag\n@tag('smoke')\ndef test_balance(): raise RuntimeError\n",
        "test_balance()",
    ),
    "patched": (
        "from unittest import mock\n@mock.patch('os.getpid')\ndef test_balance(getpid): raise RuntimeError\n",
        "test_balance()",
    ),
    "cached": ("import functools\n@functools.cache\ndef test_balance(): raise RuntimeError\n", "test_balance()"),
    "ends": (
        "class LedgerTest:\n    def test_a(self): pass\nclass LedgerTests:\n    def test_a(self): pass\n",
        "LedgerTest, LedgerTests",
    ),
    "named_as_a_probe": ("class LedgerProbe:\n    def test_a(self): pass\n", "LedgerProbe"),
    "marked": (
        "import pytest\n@pytest.mark.parametrize('one', [1])\ndef test_balance(one): raise RuntimeError\n",
        "test_balance()",
    ),
    "class": ("class TestLedger:\n    def test_ledger(self): raise RuntimeError\n", "TestLedger"),
    "inherited": (
        "class Base:\n    def test_ledger(self): raise RuntimeError\nclass TestLedger(Base): pass\n",
        "TestLedger",
    ),
    "static": ("class TestLedger:\n    @classmethod\n    def test_ledger(cls): raise RuntimeError\n", "TestLedger"),
    "both": (
        "def test_balance(): pass\ndef test_more(): pass\nclass TestLedger:\n    def test_ledger(self): pass\n",
        "test_balance(), test_more(), TestLedger",
    ),
    "beside": (GOOD + "def test_balance(): raise RuntimeError\n", "test_balance()"),
    "doctests": (
        DOCTESTS,
        "test_balance()",
    ),
}


def test_run__what_is_no_test_case_is_an_error_under_its_module_s_label(project):
    """Functions and classes with test methods; the record says what is there, why nothing runs, and the cure."""
    for name, (text, _) in LOST.items():
        project.app(name, text)
    project.app("package", {"a.py": LOST["function"][0], "b.py": GOOD})
    project.app("hidden", f"{GOOD}{GOOD}")
    project.app("unawaited", f"async def load(): pass\nUSER = load()\n{GOOD}    user = load()\n")
    project.app("misnamed", f"{GOOD}    def setup(self): raise RuntimeError\n")

    done, record = project.record()

    assert done.code == 1
    problems = {result["label"]: result for result in record["results"] if result["outcome"] != "passed"}
    assert {result["outcome"] for result in problems.values()} == {"error"}
    assert problems.keys() == {*LOST, "package.a", "hidden", "misnamed", "unawaited"}
    assert problems["unawaited"]["message"].startswith(
        "nothing runs of USER, TestGood.user in unawaited.probes: it holds"
    )
    assert problems["misnamed"]["message"] == (
        "nothing runs of TestGood.setup (unittest's is setUp) in misnamed.probes: unittest does not call it by this "
        "name; rename it"
    )
    assert problems["hidden"]["message"].startswith("nothing runs of TestGood in line 2 of hidden.probes: another of")
    for name, (_, lost) in LOST.items():
        assert problems[name]["message"] == (
            f"nothing runs of {lost} in {name}.probes: probes are the test methods of a unittest.TestCase; make them "
            f"that, or give them names that do not begin with test"
        )
    assert any(result["label"] == "package.b.TestGood.test_good" for result in record["results"])


@pytest.mark.parametrize(("label", "code"), [("shop", 1), ("shop.TestLost", 1), ("shop.TestGood", 0)])
def test_labels__the_error_answers_for_what_it_may_be(project, label, code):
    """Who names the lost class is told; who names another gets that one."""
    project.app("shop", GOOD + "class TestLost:\n    def test_lost(self): raise RuntimeError\n")

    done, record = project.record(label)

    assert done.code == code
    assert any(result["label"] == "shop" for result in record["results"]) is bool(code)


NOTHING = {
    "empty": "",
    "mixin": """
        import unittest
        class TestMixin:
            def test_shared(self): pass
        class TestOwn(TestMixin, unittest.TestCase): pass
    """,
    "elsewhere": """
        import unittest
        class TestMixin:
            def test_shared(self): pass
        class TestBase(TestMixin): pass
    """,
    "uses": """
        import unittest
        from elsewhere.probes import TestBase
        class TestOwn(TestBase, unittest.TestCase): pass
    """,
    "reexports": "from mixin.probes import TestOwn\n",
    "bases": "from unittest import TestCase, IsolatedAsyncioTestCase, FunctionTestCase\n",
    "imports": "from helpers import test_imported, TestImported\nfrom unittest import mock as test_double\n",
    "helpers_of_its_own": """
        import unittest
        test_data = {"a": 1}
        tests = ["a"]
        def test_with(argument): pass
        def test_keyword(*, argument): pass
        class TestData:
            test_value = 1
        class TestError(Exception): pass
        class Testing:
            def check(self): pass
        class Ledger:
            def test_ledger(self): pass
        def test_not(): pass
        test_not.__test__ = False
        class TestNot:
            __test__ = False
            def test_ledger(self): pass
        class TestGood(unittest.TestCase):
            def test_good(self): pass
    """,
    "functions": """
        import functools, unittest
        def logged(function):
            @functools.wraps(function)
            def call(): return function()
            return call
        @logged
        def test_balance(): pass
        def test_more(): pass
        def load_tests(loader, tests, pattern):
            tests.addTest(unittest.FunctionTestCase(test_balance))
            tests.addTest(unittest.FunctionTestCase(functools.partial(test_more)))
            return tests
    """,
    "chosen": """
        import unittest
        def test_chosen(): pass
        def test_left_out(): pass
        def suite(): return unittest.TestSuite([unittest.FunctionTestCase(test_chosen)])
    """,
    "given": """
        import unittest
        from helpers import TestCaseElsewhere
        def load_tests(loader, tests, pattern):
            return loader.loadTestsFromTestCase(TestCaseElsewhere)
    """,
    "inherited": """
        import abc, enum, unittest
        class Hidden:
            class Shared(unittest.TestCase):
                def test_shared(self): pass
            class Test(enum.Enum):
                ONE = 1
            class TestNot:
                __test__ = False
                def test_shared(self): pass
        class Checked(unittest.TestCase):
            def check_ledger(self): pass
        class ShopBase(unittest.TestCase):
            def login(self): pass
        class Made(abc.ABC, unittest.TestCase):
            @abc.abstractmethod
            def make(self): pass
        class Empty(unittest.TestCase): pass
        class Helps(unittest.TestCase):
            def setUp(self): pass
            def check(self, ledger): pass
            def _login(self): pass
        class Whole(unittest.TestCase):
            def runTest(self): pass
            def check(self): pass
        class TestOne(Hidden.Shared): pass
        class TestTwo(Checked):
            def test_two(self): self.check_ledger()
    """,
    "by_hand": """
        import functools, unittest
        class Checks(unittest.TestCase):
            def check_ledger(self): pass
        class More(unittest.TestCase):
            def check_more(self): pass
        @functools.cache
        def test_cached(): pass
        def suite(): return unittest.TestSuite([Checks("check_ledger"), unittest.FunctionTestCase(test_cached)])
    """,
    "lazy": """
        from django.utils.functional import SimpleLazyObject
        test_lazy = SimpleLazyObject(lambda: 1 / 0)
    """,
}

HELPERS = """
    import unittest
    def test_imported(): pass
    class TestImported:
        def test_imported(self): pass
    class TestCaseElsewhere(unittest.TestCase):
        def test_elsewhere(self): pass
"""


def test_run__what_is_on_purpose_stays_what_it_is(project):
    """Mixins, imports, helpers, names that are no functions, what says that it is none, and what is chosen by hand."""
    project.write("helpers.py", HELPERS)
    for name, text in NOTHING.items():
        if name != "lazy":
            project.app(name, text)

    done, record = project.record()

    assert done.code == 0, done.err
    assert {result["label"].partition(".")[0] for result in record["results"]} == {
        "mixin",
        "uses",
        "helpers_of_its_own",
        "functions",
        "chosen",
        "given",
        "inherited",
        "by_hand",
    }


OWN = "import helpers\nclass TestOwn(helpers.TestCaseElsewhere): pass\n"
BORROWED = "from helpers import TestCaseElsewhere\nfrom unittest import TestCase\n"


def test_run__a_module_of_nothing_but_imported_test_cases_is_an_error(project):
    """A class is its own module's to run; where that is no probes module, nobody runs it."""
    project.write("helpers.py", HELPERS)
    project.app("borrows", BORROWED)
    project.app("subclasses", {"__init__.py": BORROWED, "a.py": OWN})
    project.app("beside", GOOD + BORROWED)

    done, record = project.record()

    assert done.code == 1
    (problem,) = [result for result in record["results"] if result["outcome"] != "passed"]
    assert (problem["label"], problem["outcome"]) == ("borrows", "error")
    assert problem["message"] == (
        "nothing runs of borrows.probes: it has nothing but TestCaseElsewhere of helpers, and what a module imports is "
        "no probe of it; subclass it there, or give it in load_tests()"
    )


NESTED = """
import unittest
class Shop:
    class Ledger(unittest.TestCase):
        def test_ledger(self): raise RuntimeError
class TestGood(unittest.TestCase):
    def test_good(self): pass
    class TestInner(unittest.TestCase):
        def test_inner(self): raise RuntimeError
    class TestPlain:
        def test_plain(self): raise RuntimeError
        class TestDeep(unittest.TestCase):
            def test_deep(self): raise RuntimeError
"""
WITHOUT = """
import unittest
class Ledger(unittest.TestCase):
    def check_ledger(self): raise RuntimeError
class Async(unittest.IsolatedAsyncioTestCase):
    async def checkLedger(self): raise RuntimeError
"""


def test_run__test_cases_that_unittest_does_not_look_into_are_errors(project):
    """Classes inside classes, and test cases none of whose methods is called test."""
    project.app("nested", NESTED)
    project.app("without", GOOD + WITHOUT)

    done, record = project.record()

    assert done.code == 1
    problems = {each["label"]: each["message"] for each in record["results"] if each["outcome"] != "passed"}
    assert problems == {
        "nested": "nothing runs of Shop.Ledger, TestGood.TestInner, TestGood.TestPlain, TestGood.TestPlain.TestDeep in "
        "nested.probes: a class inside another class is not looked into; move it out of there, or subclass it at the "
        "top of the module",
        "without": "nothing runs of Ledger, Async in without.probes: the names of test methods begin with test; name "
        "them so, or give the class __test__ = False if it is no probe",
    }
