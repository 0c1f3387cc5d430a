"""The executor: fixtures and cleanups around probes, and which instance of a test runs."""

from __future__ import annotations

import pytest

from tests.execution.running import by_label, outcomes

FIXTURES = {
    "classes.py": """
        import time, unittest

        class Base(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.addClassCleanup(print, "class cleanup of", cls.__name__)

        class TestSetUpFails(Base):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                raise ConnectionError("no shop")

            @classmethod
            def tearDownClass(cls):
                raise AssertionError("never called")

            def test_set_up_fails_1(self): pass
            def test_set_up_fails_2(self): pass

        class TestSetUpSkips(Base):
            @classmethod
            def setUpClass(cls):
                raise unittest.SkipTest("no shop here")

            def test_set_up_skips(self): pass

        class TestSetUpExits(Base):
            @classmethod
            def setUpClass(cls):
                raise SystemExit(0)

            def test_set_up_exits(self): pass

        class TestTearDownFails(Base):
            @classmethod
            def tearDownClass(cls):
                print("about to fail")
                raise ConnectionError("the shop is stuck")

            def test_tear_down_fails(self): pass

        class TestCleanupFails(Base):
            @classmethod
            def setUpClass(cls):
                cls.addClassCleanup(int, "one")
                cls.addClassCleanup(int, "two")

            def test_cleanup_fails(self): pass

        class TestAllWell(Base):
            def test_all_well(self): pass
        """,
    "module.py": """
        import unittest

        def setUpModule():
            unittest.addModuleCleanup(print, "module cleanup")
            raise ConnectionError("no module")

        class TestA(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                raise AssertionError("never called")

            def test_module_1(self): pass

        class TestB(unittest.TestCase):
            def test_module_2(self): pass
        """,
    "tearing.py": """
        import unittest

        def tearDownModule():
            raise ConnectionError("stuck")

        class TestC(unittest.TestCase):
            def test_tearing(self): pass
        """,
}


def test_fixtures_that_fail(project):
    """A set-up is an error of every probe that needs it, a tear-down a result of its own; the other classes run."""
    project.app("shop", FIXTURES)
    done, record = project.record("--parallel", "2")
    assert done.code == record["exit_code"] == 1
    ended = {result["label"].removeprefix("shop."): result for result in record["results"]}
    told = {label: (result["outcome"], result["message"]) for label, result in ended.items()}
    assert told == {
        "classes.TestSetUpFails.test_set_up_fails_1": ("error", "setUpClass: ConnectionError: no shop"),
        "classes.TestSetUpFails.test_set_up_fails_2": ("error", "setUpClass: ConnectionError: no shop"),
        "classes.TestSetUpSkips.test_set_up_skips": ("skipped", "no shop here"),
        "classes.TestSetUpExits.test_set_up_exits": ("error", "setUpClass: SystemExit: 0"),
        "classes.TestTearDownFails.test_tear_down_fails": ("passed", ""),
        "classes.TestTearDownFails.tearDownClass": ("error", "ConnectionError: the shop is stuck"),
        "classes.TestCleanupFails.test_cleanup_fails": ("passed", ""),
        "classes.TestCleanupFails.tearDownClass": (
            "error",
            "ValueError: invalid literal for int() with base 10: 'two'",
        ),
        "classes.TestAllWell.test_all_well": ("passed", ""),
        "module.TestA.test_module_1": ("error", "setUpModule: ConnectionError: no module"),
        "module.TestB.test_module_2": ("error", "setUpModule: ConnectionError: no module"),
        "tearing.TestC.test_tearing": ("passed", ""),
        "tearing.tearDownModule": ("error", "ConnectionError: stuck"),
    }
    assert ended["classes.TestSetUpFails.test_set_up_fails_1"]["output"] == "class cleanup of TestSetUpFails\n"
    assert ended["classes.TestTearDownFails.tearDownClass"]["output"] == (
        "about to fail\nclass cleanup of TestTearDownFails\n"
    )
    assert "'one'" in ended["classes.TestCleanupFails.tearDownClass"]["details"]
    assert ended["module.TestA.test_module_1"]["output"] == "module cleanup\n"
    assert sum(record["counts"].values()) == 13


def test_a_fixture_has_a_timeout_of_its_own(project):
    """One that hangs is a timeout of all that need it; its cleanups run, and one that cannot end is killed."""
    project.app(
        "shop",
        """
        import ctypes, os, time, unittest

        class TestSlow(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                time.sleep(0.7)

            def test_slow(self):
                time.sleep(0.7)

        class TestSetUpHangs(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.addClassCleanup(print, "cleaned up")
                time.sleep(60)

            def test_set_up_hangs_1(self): pass
            def test_set_up_hangs_2(self): pass

        class TestTearDownHangs(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.addClassCleanup(print, "cleaned up")

            @classmethod
            def tearDownClass(cls):
                time.sleep(60)

            def test_tear_down_hangs(self): pass

        class TestSetUpIsStuck(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
                libc.pthread_mutex_lock(mutex)
                libc.pthread_mutex_lock(mutex)

            def test_set_up_is_stuck_1(self): pass
            def test_set_up_is_stuck_2(self): pass

        class TestTearDownCrashes(unittest.TestCase):
            @classmethod
            def tearDownClass(cls):
                os._exit(0)

            def test_tear_down_crashes(self): pass

        class TestSetUpCrashes(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                os._exit(0)

            def test_set_up_crashes_1(self): pass
            def test_set_up_crashes_2(self): pass
        """,
    )
    done, record = project.record("--timeout", "1s", "--parallel", "6")
    assert done.code == 1
    ended = {result["label"].removeprefix("shop.Test"): result for result in record["results"]}
    assert {label: result["outcome"] for label, result in ended.items()} == {
        "Slow.test_slow": "passed",
        "SetUpHangs.test_set_up_hangs_1": "timeout",
        "SetUpHangs.test_set_up_hangs_2": "timeout",
        "TearDownHangs.test_tear_down_hangs": "passed",
        "TearDownHangs.tearDownClass": "timeout",
        "SetUpIsStuck.test_set_up_is_stuck_1": "timeout",
        "SetUpIsStuck.test_set_up_is_stuck_2": "timeout",
        "TearDownCrashes.test_tear_down_crashes": "passed",
        "TearDownCrashes.tearDownClass": "error",
        "SetUpCrashes.test_set_up_crashes_1": "error",
        "SetUpCrashes.test_set_up_crashes_2": "error",
    }, done.err
    for number in (1, 2):
        hung = ended[f"SetUpHangs.test_set_up_hangs_{number}"]
        assert hung["message"].startswith("setUpClass: timed out after 1 s in ")
        assert "in setUpClass" in hung["details"]
        stuck = ended[f"SetUpIsStuck.test_set_up_is_stuck_{number}"]
        assert stuck["message"].startswith("setUpClass: timed out after 1 s, and had to be killed")
        assert "in setUpClass" in stuck["details"]
        crashed = ended[f"SetUpCrashes.test_set_up_crashes_{number}"]
        assert crashed["message"].startswith("setUpClass: ")
        assert "exited with status 0" in crashed["message"]
    assert ended["SetUpHangs.test_set_up_hangs_1"]["output"] == "cleaned up\n"
    assert ended["TearDownHangs.tearDownClass"]["message"].startswith("tearDownClass: timed out after 1 s in ")
    assert ended["TearDownHangs.tearDownClass"]["output"] == "cleaned up\n"
    assert "exited with status 0" in ended["TearDownCrashes.tearDownClass"]["message"]


def test_what_splits_a_class_sets_it_up_again_for_the_rest(project):
    """After a timeout, a crash or a KeyboardInterrupt; where the process lived on, its tearDownClass ran first."""
    project.app(
        "shop",
        """
        import os, time, unittest
        from pathlib import Path

        class TestSplit(unittest.TestCase):
            @classmethod
            def note(cls, what):
                with Path("noted").open("a") as file:
                    file.write(f"{what}\\n")

            @classmethod
            def setUpClass(cls):
                cls.ready = True
                cls.note("setUpClass")

            @classmethod
            def tearDownClass(cls):
                cls.note("tearDownClass")

            def setUp(self):
                self.assertTrue(self.ready)
                self.note(self._testMethodName)

            def test_1_passes(self): pass
            def test_2_hangs(self): time.sleep(60)
            def test_3_passes(self): pass
            def test_4_crashes(self): os._exit(0)
            def test_5_passes(self): pass
            def test_6_interrupts(self): raise KeyboardInterrupt
            def test_7_passes(self): pass
        """,
    )
    done, record = project.record("--timeout", "1s", "--parallel", "3")
    assert done.code == 1
    assert list(outcomes(record).values()) == ["passed", "timeout", "passed", "error", "passed", "error", "passed"]
    assert (project.path / "noted").read_text().split() == [
        "setUpClass", "test_1_passes", "test_2_hangs", "tearDownClass",
        "setUpClass", "test_3_passes", "test_4_crashes",
        "setUpClass", "test_5_passes", "test_6_interrupts", "tearDownClass",
        "setUpClass", "test_7_passes", "tearDownClass",
    ]  # fmt: skip


def test_cleanups_of_class_and_module_run_without_fixtures(project):
    """A probe may add them where its class and module have no setUp, as unittest allows."""
    project.app(
        "shop",
        """
        import unittest
        from pathlib import Path

        class TestPlain(unittest.TestCase):
            def test_adds(self):
                self.addClassCleanup(Path("class").touch)
                unittest.addModuleCleanup(Path("module").touch)

        class TestFixture(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                unittest.addModuleCleanup(Path("fixture").touch)

            def test_nothing(self):
                pass
        """,
    )

    done, _ = project.record()

    assert done.code == 0, done.err
    assert all((project.path / name).exists() for name in ("class", "module", "fixture"))


DESCRIPTORS = """
import unittest
from django.test import skipIfDBFeature, skipUnlessDBFeature

class Raises:
    def __get__(self, instance, owner): raise ValueError("no such thing")

class Skips:
    def __get__(self, instance, owner): return True

@skipUnlessDBFeature("supports_json_field")
class TestOfDjango(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("it ran")
    def test_of_django(self): pass
    def test_of_django_too(self): pass

class TestSkip(unittest.TestCase):
    __unittest_skip__ = Raises()
    def test_skip(self): pass

class TestSkips(unittest.TestCase):
    __unittest_skip__ = Skips()
    __unittest_skip_why__ = "for its own reason"
    @classmethod
    def setUpClass(cls): raise RuntimeError("it ran")
    def test_skips(self): pass

class TestSetUpClass(unittest.TestCase):
    setUpClass = Raises()
    def test_set_up_class(self): pass

class TestTearDownClass(unittest.TestCase):
    tearDownClass = Raises()
    def test_tear_down_class(self): pass

class TestTags(unittest.TestCase):
    tags = Raises()
    def test_tags(self): pass

class TestElse(unittest.TestCase):
    def test_else(self): pass
"""


def test_attributes_of_a_class_that_raise_are_errors_of_its_probes(project):
    """They may be descriptors, and so code: the message is what they raised, and everything else runs."""
    project.app("shop", DESCRIPTORS)

    done, record = project.record()

    assert done.code == 1
    found = by_label(record)
    problems = {name: result["message"] for name, result in found.items() if result["outcome"] != "passed"}
    refused = "skipUnlessDBFeature cannot be used on <class 'shop.probes.TestOfDjango'> as it doesn't allow queries"
    assert problems.pop("test_of_django").startswith(f"ValueError: {refused}")
    assert problems.pop("test_of_django_too").startswith(f"ValueError: {refused}")
    assert found["test_skips"]["outcome"] == "skipped"
    assert problems.pop("test_skips") == "for its own reason"
    assert all("ValueError: no such thing" in message for message in problems.values()), problems
    assert problems.keys() == {"test_skip", "test_set_up_class", "test_tear_down_class", "test_tags"}
    assert found["test_else"]["outcome"] == "passed"


@pytest.mark.parametrize("parallel", ["1", "0"])
def test_the_instance_that_was_loaded_is_the_one_that_runs(project, parallel):
    """What its constructor bound to it, kept of it in slots or added as a cleanup sees what the probe did."""
    project.app(
        "shop",
        """
        import functools, unittest

        class Page:
            def __init__(self, case):
                self.case = case

            def check(self):
                self.case.assertEqual(self.case.status, 200)

        class TestStatus(unittest.TestCase):
            __slots__ = ("kept",)
            status = 200

            def __init__(self, *args):
                super().__init__(*args)
                self.page = Page(self)
                self.kept = "kept"
                self.left = functools.partial(self.assertLeft)
                self.addTypeEqualityFunc(int, "assertSame")

            def assertSame(self, first, second, msg=None):
                self.seen = (first, second)
                if first != second:
                    self.fail(f"{first} is not {second}")

            def assertLeft(self):
                self.assertEqual(self.status, 200)

            def test_page(self):
                self.status = 500
                self.page.check()

            def test_partial(self):
                self.status = 500
                self.left()

            def test_slots(self):
                self.assertEqual(self.kept, "kept")

            def test_type_equality(self):
                self.assertEqual(1, 1)
                self.assertEqual(self.seen, (1, 1))

        class TestCleanup(unittest.TestCase):
            status = 200

            def __init__(self, *args):
                super().__init__(*args)
                self.addCleanup(self.left_ok)

            def left_ok(self):
                self.assertEqual(self.status, 200)

            def test_cleanup(self):
                self.status = 500
        """,
    )
    done, record = project.record("--parallel", parallel)
    assert done.code == 1
    assert outcomes(record) == {
        "test_page": "failed",
        "test_partial": "failed",
        "test_slots": "passed",
        "test_type_equality": "passed",
        "test_cleanup": "failed",
    }


def test_what_a_probe_holds_is_let_go_when_it_has_ended(project):
    """Its instance is not kept until the worker ends."""
    project.app(
        "shop",
        """
        import unittest, weakref

        class Thing:
            pass

        class TestHolds(unittest.TestCase):
            things = []

            def test_a_holds(self):
                self.thing = Thing()
                self.things.append(weakref.ref(self.thing))

            def test_b_looks(self):
                self.assertEqual([thing() for thing in self.things], [None])
        """,
    )
    done, record = project.record()
    assert done.code == 0, record
