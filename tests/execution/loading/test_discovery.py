"""Probes are found in every installed app, named by labels, and what does not load closes the gate by itself alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.projects import new_project

PLAIN = """\
import unittest

class TestPlain(unittest.TestCase):
    def test_b(self):
        pass
    def test_a(self):
        pass
    def helper(self):
        raise AssertionError("no probe")

class TestNothing(unittest.TestCase):
    pass

class TestRun(unittest.TestCase):
    def runTest(self):
        pass

class NoTestCase:
    def test_a(self):
        raise AssertionError("no probe")
"""

BORROWER = """\
import unittest
from django.test import Client, TestCase
from plain.probes import TestPlain

class TestOwn(TestPlain):
    def test_c(self):
        pass

TestAlias = TestOwn
"""

MADE = """\
import unittest

def made(value):
    class TestMade(unittest.TestCase):
        def test_a(self):
            self.assertEqual(value, 2)
    return TestMade

First, Second = made(1), made(2)
"""

CHOOSER = '''\
"""Chooses by hand.

>>> 1 + 1
2
"""
import doctest, sys, unittest
from plain.probes import TestPlain

class TestLeftOut(unittest.TestCase):
    def test_a(self):
        raise AssertionError("load_tests left it out")

class Parametrised(unittest.TestCase):
    def __init__(self, method, value=None):
        super().__init__(method)
        self.value = value
    def test_value(self):
        self.assertLess(self.value, 3)

def load_tests(loader, tests, pattern):
    suite = unittest.TestSuite()
    suite.addTests(Parametrised("test_value", value) for value in (1, 2, 3))
    suite.addTest(unittest.TestSuite([TestPlain("test_b")]))
    suite.addTest(unittest.FunctionTestCase(lambda: None, description="a function"))
    suite.addTest(doctest.DocTestSuite(sys.modules[__name__]))
    return suite
'''

OLD = """\
import unittest
from plain.probes import TestPlain

class TestLeftOut(unittest.TestCase):
    def test_a(self):
        raise AssertionError("suite() left it out")

def suite():
    return unittest.TestSuite([TestPlain("test_a")])

def load_tests(loader, given, pattern):
    given.addTest(TestPlain("test_b"))
    return given
"""

REFUSED = """\
from pathlib import Path
from django.test import LiveServerTestCase, SimpleTestCase, TestCase, TransactionTestCase

class Mixin:
    @classmethod
    def setUpClass(cls):
        Path("it-ran").touch()
        super().setUpClass()
    def setUp(self):
        Path("it-ran").touch()
    def test_a(self):
        Path("it-ran").touch()

class Testing(Mixin, TestCase): pass
class TestSimple(Mixin, SimpleTestCase): pass
class TestTransaction(Mixin, TransactionTestCase):
    def test_b(self):
        Path("it-ran").touch()
class TestLiveServer(Mixin, LiveServerTestCase): pass
"""

PASSES = "import unittest\nclass Test{name}(unittest.TestCase):\n    def test_a(self):\n        pass\n"


def passes(name):
    """Return a module with one class of one probe."""
    return PASSES.format(name=name)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project whose apps hold their probes in every way that there is, and in none."""
    made = new_project(tmp_path_factory.mktemp("discovery"))
    made.app("plain", PLAIN)
    made.app("without")
    made.app(
        "pack",
        {
            "__init__.py": passes("Root"),
            "orders.py": passes("Shared") + passes("Checkout").removeprefix("import unittest\n"),
            "stock/__init__.py": "",
            "stock/levels.py": passes("Shared"),
            "stock/deep/__init__.py": passes("Deep"),
            "data.txt": "not a module",
        },
    )
    made.write("company/__init__.py", "")
    made.write("company/billing/__init__.py", "")
    made.write("company/billing/probes.py", passes("Billing"))
    made.write(
        "company/billing/apps.py",
        """\
        from django.apps import AppConfig
        class Billing(AppConfig):
            name, label = "company.billing", "invoices"
        """,
    )
    made.write("single.py", "")
    made.apps += ["company.billing", "single"]
    made.app("borrower", BORROWER)
    made.app("made", MADE)
    made.app("chooser", CHOOSER)
    made.app("old", OLD)
    return made


@pytest.fixture(scope="module")
def listed(site):
    """What `--list` says of all of it."""
    return site.probe("--list")


def test_list__every_probe_of_every_app_one_label_a_line(listed):
    """Apps without models, packages with nested modules, apps with a label of their own; nothing else is printed."""
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.splitlines() == [
        "plain.TestPlain.test_a",
        "plain.TestPlain.test_b",
        "plain.TestRun.runTest",
        "pack.TestRoot.test_a",
        "pack.orders.TestCheckout.test_a",
        "pack.orders.TestShared.test_a",
        "pack.stock.deep.TestDeep.test_a",
        "pack.stock.levels.TestShared.test_a",
        "invoices.TestBilling.test_a",
        "borrower.TestOwn.test_a",
        "borrower.TestOwn.test_b",
        "borrower.TestOwn.test_c",
        "made.TestMade.test_a",
        "made.TestMade.test_a[2]",
        "chooser.Parametrised.test_value",
        "chooser.Parametrised.test_value[2]",
        "chooser.Parametrised.test_value[3]",
        "chooser.TestPlain.test_b",
        "chooser.FunctionTestCase.runTest",
        "chooser.DocTestCase.runTest",
        "old.TestPlain.test_a",
        "old.TestPlain.test_b",
    ]


def test_labels__all_that_are_listed_can_be_given(site, listed):
    """What a report names can be run again by that name, and comes in the order of the list."""
    again = site.probe("--list", *reversed(listed.out.splitlines()))

    assert (again.code, again.out) == (0, listed.out)


def test_run__every_probe_answers_under_its_own_label(site, listed):
    """Functions, doctests, parametrised tests and classes of one name run, each as itself."""
    done, record = site.record()

    assert [result["label"] for result in record["results"]] == listed.out.splitlines()
    problems = {result["label"]: result["outcome"] for result in record["results"] if result["outcome"] != "passed"}
    assert problems == {"made.TestMade.test_a": "failed", "chooser.Parametrised.test_value[3]": "failed"}
    assert done.code == 1


@pytest.mark.parametrize(
    ("labels", "selected"),
    [
        (["plain.TestPlain.test_a"], ["plain.TestPlain.test_a"]),
        (["plain.TestPlain"], ["plain.TestPlain.test_a", "plain.TestPlain.test_b"]),
        (["pack.orders"], ["pack.orders.TestCheckout.test_a", "pack.orders.TestShared.test_a"]),
        (["pack.stock"], ["pack.stock.deep.TestDeep.test_a", "pack.stock.levels.TestShared.test_a"]),
        (["pack.TestRoot"], ["pack.TestRoot.test_a"]),
        # The short form, where it is unique.
        (["pack.TestDeep"], ["pack.stock.deep.TestDeep.test_a"]),
        (["pack.TestCheckout.test_a"], ["pack.orders.TestCheckout.test_a"]),
        # An app with a label of its own.
        (["invoices"], ["invoices.TestBilling.test_a"]),
        # Several, in any order, overlapping: each probe once, in the order of the apps.
        (
            ["invoices", "plain.TestPlain", "plain.TestPlain.test_a"],
            ["plain.TestPlain.test_a", "plain.TestPlain.test_b", "invoices.TestBilling.test_a"],
        ),
        # One of several that would have the same label.
        (["chooser.Parametrised.test_value[2]"], ["chooser.Parametrised.test_value[2]"]),
        (["made.TestMade"], ["made.TestMade.test_a", "made.TestMade.test_a[2]"]),
    ],
)
def test_labels__select(site, labels, selected):
    """A label is an app, or a module, class or method in it; with packages the short form will do."""
    done = site.probe("--list", *labels)

    assert (done.code, done.out.splitlines(), done.err) == (0, selected, "")


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("plan", 'label "plan": no installed app has the label "plan"; did you mean "plain"?'),
        ("company", 'label "company": no installed app has the label "company"'),
        ("company.billing", 'label "company.billing": no installed app has the label "company"'),
        ("", 'label "": no installed app has the label ""'),
        (
            "plain.TestPlane",
            'label "plain.TestPlane": no probe of the app plain has this label; did you mean "plain.TestPlain"?',
        ),
        (
            "plain.TestPlain.test_aa",
            (
                'label "plain.TestPlain.test_aa": no probe of the app plain has this label; did you mean '
                '"plain.TestPlain.test_a"?'
            ),
        ),
        (
            "plain.TestPlain.test_a.more",
            (
                'label "plain.TestPlain.test_a.more": no probe of the app plain has this label; did you mean '
                '"plain.TestPlain.test_a"?'
            ),
        ),
        ("plain.", 'label "plain.": no probe of the app plain has this label'),
        ("plain.NoTestCase", 'label "plain.NoTestCase": no probe of the app plain has this label'),
        ("borrower.TestPlain", 'label "borrower.TestPlain": no probe of the app borrower has this label'),
        ("without.TestA", 'label "without.TestA": the app without has no probes'),
        ("plain.TestPlain\nx\x1b[31m", 'label "plain.TestPlain x\\x1b[31m": no probe of the app plain has this label'),
        (
            "pack.TestShared",
            'label "pack.TestShared" is not unique; it may mean pack.orders.TestShared, pack.stock.levels.TestShared',
        ),
        (
            "pack.TestShared.test_a",
            (
                'label "pack.TestShared.test_a" is not unique; it may mean pack.orders.TestShared.test_a, '
                "pack.stock.levels.TestShared.test_a"
            ),
        ),
    ],
)
def test_labels__that_name_nothing_or_two_things_are_exit_2(site, label, says):
    """One line: what was looked for and what is nearest; the labels that are right do not run either."""
    done = site.probe("plain.TestPlain.test_a", label)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"CommandError: {says}")
    assert len(done.err.splitlines()) == 1


def test_labels__of_a_gate_are_labels_like_others(site, tmp_path):
    """A wrong label in the policy is exit 2 too, and labels on the command line stand in place of the gate's."""
    policy = tmp_path / "probe.yaml"
    policy.write_text("gates: {deploy: {probes: [plain.TestPlane]}}", encoding="utf-8")

    of_gate = site.probe("--policy", str(policy), "--gate", "deploy")
    of_operator = site.probe("--policy", str(policy), "--gate", "deploy", "--list", "plain.TestRun")

    assert of_gate.code == 2
    assert 'label "plain.TestPlane": no probe of the app plain has this label' in of_gate.err
    assert (of_operator.code, of_operator.out) == (0, "plain.TestRun.runTest\n")


@pytest.mark.parametrize("label", ["without", "single"])
def test_run__an_app_without_probes_selects_nothing(site, label):
    """Its label is known, so it is no mistake: nothing was proved, exit 5, and 0 where that is allowed."""
    assert site.probe(label).code == 5
    assert site.probe(label, "--allow-empty").code == 0


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A project with Django's test classes among its probes, and a database that holds something."""
    made = new_project(tmp_path_factory.mktemp("refused"))
    made.app("shop", REFUSED)
    made.app("fine", passes("Fine"))
    assert made.run("migrate", "--verbosity", "0").code == 0
    return made


def rows(site):
    """Count what `migrate` left in a table that a flush would empty and fill anew."""
    with closing(sqlite3.connect(site.path / "db.sqlite3")) as connection, connection:
        connection.execute("INSERT OR IGNORE INTO django_content_type (app_label, model) VALUES ('kept', 'kept')")
        return connection.execute("SELECT count(*) FROM django_content_type").fetchone()


@pytest.mark.parametrize("options", [[], ["--database-access", "read-write"], ["--parallel", "0"]])
def test_run__a_django_test_class_is_refused_before_any_of_it_runs(refused, options):
    """Each of its methods is an error under its own label that names the class and the cure; all data is there."""
    before = rows(refused)

    done, record = refused.record(*options)

    assert done.code == 1
    results = {result["label"]: result for result in record["results"]}
    assert {label: result["outcome"] for label, result in results.items()} == {
        "shop.TestLiveServer.test_a": "error",
        "shop.TestSimple.test_a": "error",
        "shop.TestTransaction.test_a": "error",
        "shop.TestTransaction.test_b": "error",
        "shop.Testing.test_a": "error",
        "fine.TestFine.test_a": "passed",
    }
    assert results["shop.Testing.test_a"]["message"] == (
        "shop.Testing.test_a was refused and none of it ran: Testing is a django.test.TestCase, which is made for a "
        "test database; make it a plain unittest.TestCase (for requests without a server there is "
        "django_probe.client.Client)"
    )
    assert "TestLiveServer is a django.test.LiveServerTestCase" in results["shop.TestLiveServer.test_a"]["message"]
    assert not (refused.path / "it-ran").exists()
    assert rows(refused) == before


BROKEN = {
    "raises": "print('it was printed')\nraise RuntimeError('no such\\nluck')",
    "syntax": "def broken(:\n",
    "lacks": "import no_such_module_anywhere",
    "exits": "import sys; sys.exit(0)",
    "interrupts": "raise KeyboardInterrupt",
    "nothing": "def load_tests(loader, tests, pattern):\n    return None\n",
    "chooses": "def suite():\n    raise ValueError('what shall I choose?')\n",
    "no_method": "import unittest\nclass TestA(unittest.TestCase):\n    pass\n"
    "def suite():\n    return unittest.TestSuite([TestA('test_gone')])\n",
    "no_test": "import unittest\ndef suite():\n    return unittest.TestSuite([lambda result: None])\n",
    "wishes": "import unittest\nfrom django_probe import probe\nclass TestA(unittest.TestCase):\n"
    "    @probe(timeout='soon')\n    def test_a(self):\n        pass\n",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A project with a probes module that is broken in each way, and some that are not."""
    made = new_project(tmp_path_factory.mktemp("broken"))
    made.app("first", passes("First"))
    for name, text in BROKEN.items():
        made.app(name, text)
    made.app("half", {"bad.py": "1 / 0", "good.py": passes("Good")})
    made.app("tells", "from django.conf import settings\nraise RuntimeError(settings.SECRET_KEY)\n")
    made.app("away", "import unittest\nraise unittest.SkipTest('no search on this system')\n")
    made.app("last", passes("Last"))
    return made


@pytest.fixture(scope="module")
def answers(broken):
    """The exit code, and what became of everything in it, by label."""
    done, record = broken.record()
    return done, {result["label"]: result for result in record["results"]}


def test_run__a_module_that_does_not_load_closes_the_gate_and_the_others_run(answers):
    """One error record for each, under the label of its app or module."""
    done, results = answers

    assert done.code == 1
    assert {label: result["outcome"] for label, result in results.items()} == {
        "first.TestFirst.test_a": "passed",
        **dict.fromkeys(BROKEN, "error"),
        "half.bad": "error",
        "half.good.TestGood.test_a": "passed",
        "tells": "error",
        "away": "skipped",
        "last.TestLast.test_a": "passed",
    }


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("raises", "raises.probes could not be imported: RuntimeError: no such"),
        ("syntax", "syntax.probes could not be imported: SyntaxError: invalid syntax (probes.py, line 1)"),
        ("lacks", "lacks.probes could not be imported: ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("exits", "exits.probes could not be imported: SystemExit: 0"),
        ("interrupts", "interrupts.probes could not be imported: KeyboardInterrupt"),
        (
            "nothing",
            (
                "the probes of nothing.probes could not be loaded: TypeError: load_tests() of nothing.probes "
                "gave None, not a unittest.TestSuite"
            ),
        ),
        ("chooses", "the probes of chooses.probes could not be loaded: ValueError: what shall I choose?"),
        (
            "no_method",
            (
                "the probes of no_method.probes could not be loaded: ValueError: no such test method in "
                "<class 'no_method.probes.TestA'>: test_gone"
            ),
        ),
        ("half.bad", "half.probes.bad could not be imported: ZeroDivisionError: division by zero"),
        (
            "wishes",
            (
                "wishes.probes could not be imported: ValueError: @probe(timeout=...): expected a duration such as "
                '"250ms", "30s" or "2m30s" (units: h, m, s, ms), got \'soon\''
            ),
        ),
        ("away", "no search on this system"),
    ],
)
def test_run__the_message_of_a_broken_module_names_it_and_the_reason(answers, label, message):
    """It is one line, and the traceback is in the details."""
    result = answers[1][label]

    assert result["message"] == message
    assert label == "away" or "Traceback (most recent call last)" in result["details"]


def test_run__what_is_no_test_case_is_an_error(answers):
    """A suite may hold anything that can be called; a probe is a method of a TestCase."""
    assert "is no unittest.TestCase: a probe is a method of one" in answers[1]["no_test"]["message"]


def test_run__the_traceback_of_an_import_shows_the_line(answers):
    """The reader finds the place without running it again."""
    details = answers[1]["raises"]["details"]

    assert "raises/probes.py" in details
    assert "raise RuntimeError" in details


def test_list__broken_modules_are_named_on_standard_error_and_exit_1(broken):
    """What can run is listed all the same, and standard output holds nothing else."""
    done = broken.probe("--list")

    assert done.code == 1
    assert done.out.splitlines() == [
        "first.TestFirst.test_a",
        "half.good.TestGood.test_a",
        "away",
        "last.TestLast.test_a",
    ]
    told = done.err.splitlines()
    assert len(told) == len(BROKEN) + 2
    assert "half.bad: half.probes.bad could not be imported: ZeroDivisionError: division by zero" in told
    assert "tells: tells.probes could not be imported: RuntimeError: ********************" in told


@pytest.mark.parametrize(
    ("label", "answered"),
    [
        ("raises.TestA.test_a", ["raises"]),
        ("half.bad.TestA", ["half.bad"]),
        ("half.bad", ["half.bad"]),
        ("away.TestA.test_a", ["away"]),
        ("half.good", ["half.good.TestGood.test_a"]),
    ],
)
def test_labels__what_may_stand_in_a_broken_module_is_answered_by_its_error(broken, label, answered):
    """Not "unknown label": the probe is there, and its module is what has to be mended."""
    _, record = broken.record(label)

    assert [result["label"] for result in record["results"]] == answered


@pytest.mark.parametrize("label", ["half.TestUnheardOf", "half.good.TestUnheardOf.test_a", "half.ba"])
def test_labels__what_stands_in_no_broken_module_is_unknown(broken, label):
    """A module that is not above the label answers for nothing; the line names it, for it may be the cause."""
    done = broken.probe("half.good", label)

    assert done.code == 2
    assert f'label "{label}": no probe of the app half has this label' in done.err
    assert done.err.rstrip().endswith("; what could not be loaded: half.bad")


def test_labels__a_module_that_skips_itself_answers_for_what_may_be_in_it_alone(project):
    """Else any typing error beside it would pass."""
    project.app("shop", {"ok.py": passes("Ok"), "skipme.py": "import unittest\nraise unittest.SkipTest('no driver')\n"})

    within, beside = (project.probe("shop.ok", label) for label in ("shop.skipme.TestA.test_a", "shop.ok.TestOkk"))

    assert (within.code, beside.code) == (0, 2)
    assert "skipped  shop.skipme" in within.err


def test_run__tags_and_patterns_do_not_hide_a_broken_module(broken):
    """Nobody can know whether what it holds would have been chosen."""
    done, record = broken.record("first", "raises", "--tag", "nobodys", "-k", "nothing")

    assert done.code == 1
    assert [result["label"] for result in record["results"]] == ["raises"]


def test_run__a_module_that_skips_itself_is_skipped(broken):
    """Alone it proves nothing: exit 5."""
    done = broken.probe("away")

    assert done.code == 5
    assert "every probe that was selected skipped itself" in done.err


def test_run__a_file_beside_a_package_of_the_same_name_closes_the_gate(project):
    """Python imports the package and says nothing; the probes of the file would be lost without a word."""
    project.app("shop", {"stock.py": "import unittest\nclass TestS(unittest.TestCase):\n    def test_s(self): pass\n"})
    project.write("shop/probes.py", "import unittest\nclass TestP(unittest.TestCase):\n    def test_p(self): pass\n")

    done, record = project.record()

    assert done.code == 1
    assert {result["label"]: result["outcome"] for result in record["results"]} == {
        "shop": "error",
        "shop.stock.TestS.test_s": "passed",
    }
    assert "keep one" in record["results"][0]["message"]


def test_run__the_name_of_an_app_is_answered_with_its_label(project):
    """It is what stands in INSTALLED_APPS, so it is what a newcomer gives."""
    project.settings += "\nINSTALLED_APPS += ['django_probe.contrib.platform']\n"
    project.configure()

    done = project.probe("django_probe.contrib.platform")

    assert done.code == 2
    assert done.err.endswith('did you mean "probe_platform"?\n')


def test_list__the_tests_of_a_class_are_what_it_inherits_and_what_its_metaclass_says(project):
    """Unittest asks `dir()`, which a metaclass may answer by itself; an attribute that is no function is no test."""
    project.app(
        "shop",
        """
import unittest

class Meta(type):
    def __dir__(cls):
        return [*super().__dir__(), "test_made"]

    def __getattr__(cls, name):
        if name == "test_made":
            return lambda self: None
        raise AttributeError(name)

class TestMade(unittest.TestCase, metaclass=Meta):
    def __getattr__(self, name):
        if name == "test_made":
            return lambda: None
        raise AttributeError(name)

    def test_own(self): pass

class Shared:
    test_of_nothing = 5
    def test_z(self): pass
    def test_b(self): pass

class TestLater(Shared, unittest.TestCase):
    test_z = None
    def test_a(self): pass
""",
    )

    done = project.probe("--list")

    assert done.out.split() == [
        "shop.TestLater.test_a",
        "shop.TestLater.test_b",
        "shop.TestMade.test_made",
        "shop.TestMade.test_own",
    ]


def test_run__classes_that_a_function_made_are_the_module_s_own(project):
    """Their __module__ is where the function stands, but nobody else would run them."""
    project.app(
        "shop",
        """
        from shop.factory import TestImported, make, made_of_type
        TestOne = make()
        TestTwo = made_of_type()
        """,
    )
    project.write(
        "shop/factory.py",
        """
        import unittest

        class TestImported(unittest.TestCase):
            def test_up(self):
                pass

        def make():
            class TestMade(unittest.TestCase):
                def test_up(self):
                    pass
            return TestMade

        def made_of_type():
            return type("TestTyped", (unittest.TestCase,), {"test_up": lambda self: None})
        """,
    )

    done = project.probe("--list")

    assert (done.code, done.out.split()) == (0, ["shop.TestMade.test_up", "shop.TestTyped.test_up"])


def test_run__a_folder_of_a_package_that_python_passes_over_closes_the_gate(project):
    """Without __init__.py it is no package, and its probes would be lost without a word."""
    project.app("shop", {"a.py": "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n"})
    project.write("shop/probes/checkout/cart.py", "import unittest\n")

    done, record = project.record()

    assert done.code == 1
    results = {result["label"]: result for result in record["results"]}
    assert "has no __init__.py" in results["shop.checkout"]["message"]
    assert results["shop.a.TestA.test_a"]["outcome"] == "passed"


TWO = """\
import unittest

class TestX(unittest.TestCase):
    def test_1(self): pass
    def test_2(self): pass
"""


@pytest.mark.parametrize(
    "chooser",
    [
        "def suite():\n    return unittest.TestSuite([a.TestX('test_1'), deep.TestY('test_1'), TestRoot('test_1')])\n",
        (
            "def load_tests(loader, tests, pattern):\n"
            "    tests.addTests([a.TestX('test_1'), deep.TestY('test_1')])\n"
            "    return tests\n"
        ),
    ],
    ids=["suite", "load_tests"],
)
def test_run__what_a_package_chooses_is_all_that_runs_of_it(project, chooser):
    """Its modules are not loaded besides; a test of one of them keeps the label that it has without the choice."""
    root = TWO.replace("TestX", "TestRoot").partition("    def test_2")[0]
    project.app(
        "shop",
        {
            "__init__.py": root + "from shop.probes import a\nfrom shop.probes.sub import deep\n" + chooser,
            "a.py": TWO,
            "b.py": TWO + "raise RuntimeError('nobody loads it')\n",
            "sub/__init__.py": "",
            "sub/deep.py": TWO.replace("TestX", "TestY"),
        },
    )

    done, record = project.record()

    assert done.code == 0, done.err
    chosen = {"shop.a.TestX.test_1", "shop.sub.deep.TestY.test_1", "shop.TestRoot.test_1"}
    assert {result["label"] for result in record["results"]} == chosen
    assert len(record["results"]) == 3
    assert project.probe("--list", "shop.TestX").out.split() == ["shop.a.TestX.test_1"]
    left_out = project.probe("--list", "shop.a.TestX.test_2")
    assert left_out.code == 2
    assert "no probe of the app shop has this label" in left_out.err


def test_run__what_a_module_of_a_package_chooses_is_its_own_choice(project):
    """A package that imports all from one of its modules, `suite` among it, does not lose the other modules."""
    project.app(
        "shop",
        {
            "__init__.py": "from shop.probes.a import *\n",
            "a.py": TWO + "def suite():\n    return unittest.TestSuite([TestX('test_1')])\n",
            "b.py": TWO,
        },
    )

    done = project.probe("--list")

    assert (done.code, done.out.split()) == (0, ["shop.a.TestX.test_1", "shop.b.TestX.test_1", "shop.b.TestX.test_2"])
