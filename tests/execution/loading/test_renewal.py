"""Without a process to fork, a further run has a new instance, or is an error that says why there is none."""

from __future__ import annotations

from tests.execution.running import by_label


def test_each_attempt_in_the_commands_own_process_has_an_instance_of_its_own(project):
    """Whatever made it: the loader, a constructor with arguments in load_tests, or suite()."""
    project.app(
        "shop",
        """
        import unittest

        class Todo(unittest.TestCase):
            def __init__(self, method="test_todo", want="/up"):
                super().__init__(method)
                self.want = want
                self.todo = ["/down", "/up"]

            def test_todo(self):
                while self.todo:
                    self.assertEqual(self.todo.pop(0), self.want)

        def load_tests(loader, tests, pattern):
            tests.addTest(Todo(want="/never"))
            return tests
        """,
    )
    done, record = project.record("--parallel", "0", "--retries", "2", "--retry-delay", "0")
    assert done.code == 1
    first, second = record["results"]
    assert (first["attempts"], second["attempts"]) == (3, 3)
    assert "'/down' != '/up'" in first["message"]
    assert "'/down' != '/never'" in second["message"]


def test_what_cannot_be_made_anew_is_an_error_that_says_so(project):
    """A suite() that gives the same objects each time, one that gives others, and one that does not work twice."""
    project.app(
        "same",
        """
        import unittest

        class TestSame(unittest.TestCase):
            def test_same(self):
                self.fail("on purpose")

        SUITE = unittest.TestSuite([TestSame("test_same")])

        def suite():
            return SUITE
        """,
    )
    project.app(
        "once",
        """
        import unittest

        class TestOnce(unittest.TestCase):
            def test_once(self):
                self.fail("on purpose")

        CASES = [TestOnce("test_once")]

        def suite():
            return unittest.TestSuite([CASES.pop()] if CASES else [])
        """,
    )
    done, record = project.record("--parallel", "0", "--retries", "1", "--retry-delay", "0")
    assert done.code == 1
    ended = by_label(record)
    assert {result["outcome"] for result in ended.values()} == {"error"}
    assert "gives the same object each time" in ended["test_same"]["message"]
    assert "it is not there" in ended["test_once"]["message"]
    assert "on purpose" in ended["test_once"]["details"]
