"""Steps: what probes raise, in subTests and coroutines too, becomes the outcomes that the design names."""

from __future__ import annotations

from tests.execution.running import by_label, outcomes


def test_what_a_probe_raises_and_where(project):
    """The worst that was seen is the outcome; every traceback is in the details; the run goes on."""
    project.app(
        "shop",
        """
        import sys, unittest

        class Broken(Exception):
            def __str__(self):
                raise ValueError("no text")

        class TestRaises(unittest.TestCase):
            def test_a_passes(self):
                pass

            def test_assertion(self):
                self.assertEqual(402, 200)

            def test_fail(self):
                self.fail()

            def test_exception(self):
                {}["missing"]

            def test_sys_exit(self):
                sys.exit()

            def test_sys_exit_0(self):
                sys.exit(0)

            def test_keyboard_interrupt(self):
                raise KeyboardInterrupt

            def test_base_exception(self):
                raise BaseException("the base")

            def test_exception_without_text(self):
                raise Broken

            def test_skip(self):
                self.skipTest("no stock today")

            @unittest.skip("always")
            def test_skip_by_decorator(self):
                pass

            @unittest.expectedFailure
            def test_expected(self):
                self.fail("as said")

            @unittest.expectedFailure
            def test_unexpected_success(self):
                pass

            def test_z_passes(self):
                pass

        @unittest.skip("the whole class")
        class TestSkipped(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                raise AssertionError("never called")

            def test_in_skipped_class(self):
                raise AssertionError("never called")

        class TestTearDown(unittest.TestCase):
            def tearDown(self):
                raise OSError("from tearDown")

            def test_passes_and_tear_down_raises(self):
                pass

            def test_fails_and_tear_down_raises(self):
                self.fail("from the test")

        class TestCleanup(unittest.TestCase):
            def test_cleanups_raise(self):
                self.addCleanup(int, "first")
                self.addCleanup(int, "second")

        class TestSetUp(unittest.TestCase):
            def setUp(self):
                self.addCleanup(print, "cleaned up")
                raise OSError("from setUp")

            def test_set_up_raises(self):
                raise AssertionError("never called")
        """,
    )
    done, record = project.record()
    ended = by_label(record)
    assert done.code == 1
    assert outcomes(record) == {
        "test_a_passes": "passed",
        "test_assertion": "failed",
        "test_fail": "failed",
        "test_exception": "error",
        "test_sys_exit": "error",
        "test_sys_exit_0": "error",
        "test_keyboard_interrupt": "error",
        "test_base_exception": "error",
        "test_exception_without_text": "error",
        "test_skip": "skipped",
        "test_skip_by_decorator": "skipped",
        "test_expected": "expected_failure",
        "test_unexpected_success": "failed",
        "test_z_passes": "passed",
        "test_in_skipped_class": "skipped",
        "test_passes_and_tear_down_raises": "error",
        "test_fails_and_tear_down_raises": "error",
        "test_cleanups_raise": "error",
        "test_set_up_raises": "error",
    }
    messages = {name: result["message"] for name, result in ended.items()}
    assert messages["test_assertion"] == "402 != 200"
    assert messages["test_fail"] == "AssertionError"
    assert messages["test_exception"] == "KeyError: 'missing'"
    assert messages["test_sys_exit"] == "SystemExit"
    assert messages["test_keyboard_interrupt"] == "KeyboardInterrupt"
    assert messages["test_skip"] == "no stock today"
    assert messages["test_in_skipped_class"] == "the whole class"
    assert "unexpected success" in messages["test_unexpected_success"]
    assert "OSError: from tearDown" in ended["test_fails_and_tear_down_raises"]["details"]
    assert "AssertionError: from the test" in ended["test_fails_and_tear_down_raises"]["details"]
    assert "'first'" in ended["test_cleanups_raise"]["details"]
    assert "'second'" in ended["test_cleanups_raise"]["details"]
    assert ended["test_set_up_raises"]["output"] == "cleaned up\n"
    assert not [name for name, result in ended.items() if "django_probe/execution" in result["details"]]


def test_subtests_make_their_probe_one_result(project):
    """A failing one makes it failed, one that errs an error; the details name each that was a problem."""
    project.app(
        "shop",
        """
        import unittest

        class TestSubTests(unittest.TestCase):
            def test_all_pass(self):
                for number in range(3):
                    with self.subTest(number=number):
                        pass

            def test_two_fail(self):
                for number in range(4):
                    with self.subTest("a country", number=number):
                        self.assertEqual(number % 2, 0)

            def test_one_errs(self):
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertLess(1 / number, 1)

            def test_one_skips(self):
                for number in range(2):
                    with self.subTest(number=number):
                        if number:
                            self.skipTest("not this one")
        """,
    )
    _, record = project.record()
    ended = by_label(record)
    assert outcomes(record) == {
        "test_all_pass": "passed", "test_two_fail": "failed", "test_one_errs": "error", "test_one_skips": "skipped",
    }  # fmt: skip
    assert ended["test_two_fail"]["message"] == "[a country] (number=1) 1 != 0"
    assert "subTest [a country] (number=1)" in ended["test_two_fail"]["details"]
    assert "subTest [a country] (number=3)" in ended["test_two_fail"]["details"]
    assert "number=2" not in ended["test_two_fail"]["details"]
    assert ended["test_one_errs"]["message"] == "(number=0) ZeroDivisionError: division by zero"
    assert "(number=1)" in ended["test_one_errs"]["details"]


def test_async_probes(project):
    """IsolatedAsyncioTestCase needs nothing special: it passes, fails, and cleans up."""
    project.app(
        "shop",
        """
        import asyncio, unittest

        class TestAsync(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.ready = True
                self.addAsyncCleanup(self.say, "cleaned up")

            async def say(self, what):
                print(what)

            async def test_passes(self):
                await asyncio.sleep(0)
                self.assertTrue(self.ready)

            async def test_fails(self):
                await asyncio.sleep(0)
                self.assertEqual(402, 200)

            async def test_errs(self):
                await asyncio.wait_for(asyncio.sleep(60), 0.01)
        """,
    )
    _, record = project.record()
    ended = by_label(record)
    assert outcomes(record) == {"test_passes": "passed", "test_fails": "failed", "test_errs": "error"}
    assert ended["test_fails"]["message"] == "402 != 200"
    assert ended["test_fails"]["output"] == "cleaned up\n"
    assert "in test_errs" in ended["test_errs"]["details"]
