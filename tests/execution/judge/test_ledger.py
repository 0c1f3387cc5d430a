"""Retries: a problem is tried again, what came of it and of the first attempt is in the record."""

from __future__ import annotations

import html
import json
from itertools import chain

import pytest

from django_probe.execution.judge.ledger import Ledger
from django_probe.execution.judge.selected import Selected
from django_probe.execution.judge.work import Attempt
from django_probe.reports.text import visible
from django_probe.results import EndedBy, Outcome
from tests.execution.running import by_label, outcomes

FLAKY = """
import os, time, unittest
from pathlib import Path
from django_probe import probe

class Counting(unittest.TestCase):
    def attempt(self):
        with Path(self._testMethodName).open("a") as file:
            file.write(f"{time.monotonic()}\\n")
        return len(Path(self._testMethodName).read_text().split())
"""


def attempts(project, name):
    """Return when a probe was tried, in seconds of one clock."""
    return [float(line) for line in (project.path / name).read_text().split()]


def test_a_problem_is_tried_again(project):
    """Passing later is passed, with the first traceback kept; a probe's own retries beat the gate's."""
    project.app(
        "shop",
        FLAKY
        + """
class TestFlaky(Counting):
    def test_passes_at_once(self):
        self.attempt()

    def test_passes_later(self):
        if self.attempt() == 1:
            print("the first output")
            self.assertEqual(402, 200)
        print("the second output")

    def test_crashes_once(self):
        if self.attempt() == 1:
            os._exit(0)

    def test_hangs_once(self):
        if self.attempt() == 1:
            time.sleep(60)

    def test_never_passes(self):
        raise ValueError(f"attempt {self.attempt()}")

    @probe(retries=3)
    def test_more_retries(self):
        self.assertEqual(self.attempt(), 4)

    @probe(retries=0)
    def test_no_retries(self):
        self.fail(f"attempt {self.attempt()}")

    def test_skips(self):
        self.attempt()
        self.skipTest("not today")
""",
    )
    done, record = project.record("--parallel", "4", "--timeout", "1s", "--policy", policy(project, retries=1))
    ended = by_label(record)
    assert done.code == record["exit_code"] == 1
    assert {name: (result["outcome"], result["attempts"]) for name, result in ended.items()} == {
        "test_passes_at_once": ("passed", 1),
        "test_passes_later": ("passed", 2),
        "test_crashes_once": ("passed", 2),
        "test_hangs_once": ("passed", 2),
        "test_never_passes": ("error", 2),
        "test_more_retries": ("passed", 4),
        "test_no_retries": ("failed", 1),
        "test_skips": ("skipped", 1),
    }, done.err
    for name, result in ended.items():
        assert len(attempts(project, name)) == result["attempts"], name
    assert "402 != 200" in ended["test_passes_later"]["details"]
    assert ended["test_passes_later"]["output"] == "", "what passed in the end is no problem"
    assert "exited with status 0" in ended["test_crashes_once"]["details"]
    assert "timed out after 1 s" in ended["test_hangs_once"]["details"]
    assert ended["test_hangs_once"]["duration"] > 0.9, "the duration is that of all attempts"
    assert ended["test_never_passes"]["message"] == "ValueError: attempt 2"
    assert "ValueError: attempt 1" in ended["test_never_passes"]["details"]
    assert "1 != 4" in ended["test_more_retries"]["details"]
    assert "2 != 4" not in ended["test_more_retries"]["details"]
    assert record["counts"]["passed"] == 5
    earlier = {name: [attempt["message"] for attempt in result["earlier"]] for name, result in ended.items()}
    assert earlier["test_passes_at_once"] == earlier["test_no_retries"] == []
    assert earlier["test_never_passes"] == ["ValueError: attempt 1"]
    assert earlier["test_more_retries"] == ["1 != 4", "2 != 4", "3 != 4"]
    assert {attempt["outcome"] for attempt in ended["test_hangs_once"]["earlier"]} == {"timeout"}
    flaky = {name for name, result in ended.items() if result["flaky"]}
    assert flaky == {"test_passes_later", "test_crashes_once", "test_hangs_once", "test_more_retries"}


def policy(project, **keys):
    """Write a policy whose gate "default" has these keys and retries soon, and give its path."""
    lines = "".join(f"    {key}: {value}\n" for key, value in {"retry_delay": "50ms", **keys}.items())
    return str(project.write("probe.yaml", f"gates:\n  default:\n{lines}"))


def test_the_delay_before_a_retry(project):
    """It counts from the end of the attempt, and other probes run meanwhile."""
    project.app(
        "shop",
        FLAKY
        + """
class TestDelay(Counting):
    def test_a_fails(self):
        self.assertEqual(self.attempt(), 3)

    def test_b_passes(self):
        self.attempt()
""",
    )
    done, record = project.record("--retries", "2", "--retry-delay", "500ms")
    first, second, third = attempts(project, "test_a_fails")
    (other,) = attempts(project, "test_b_passes")
    assert done.code == 0
    assert by_label(record)["test_a_fails"]["attempts"] == 3
    assert second - first >= 0.5
    assert third - second >= 0.5
    assert first < other < second


def test_problems_of_a_class_with_fixtures_are_tried_again_together(project):
    """Between fixtures of their own; what passed is not run again, and a set-up that failed gets its chance."""
    project.app(
        "shop",
        FLAKY
        + """
class Noting(Counting):
    @classmethod
    def note(cls, what):
        with Path(f"noted-{cls.__name__}").open("a") as file:
            file.write(f"{what}\\n")
        return Path(f"noted-{cls.__name__}").read_text().split().count(what)

    @classmethod
    def setUpClass(cls):
        cls.note("setUpClass")

    @classmethod
    def tearDownClass(cls):
        cls.note("tearDownClass")

class TestShared(Noting):
    def test_1(self):
        self.note("1")
        if self.attempt() == 1:
            self.fail("once")

    def test_2(self):
        self.note("2")

    def test_3(self):
        self.note("3")
        if self.attempt() == 1:
            os._exit(1)

    def test_4(self):
        self.note("4")
        self.assertEqual(self.attempt(), 3)

class TestSetUp(Noting):
    @classmethod
    def setUpClass(cls):
        if cls.note("setUpClass") == 1:
            raise ConnectionError("not yet")

    def test_5(self):
        self.note("5")

    def test_6(self):
        self.note("6")
""",
    )
    done, record = project.record("--policy", policy(project, retries=2))
    assert done.code == 0, done.err
    assert {name: (result["outcome"], result["attempts"]) for name, result in by_label(record).items()} == {
        "test_1": ("passed", 2),
        "test_2": ("passed", 1),
        "test_3": ("passed", 2),
        "test_4": ("passed", 3),
        "test_5": ("passed", 2),
        "test_6": ("passed", 2),
    }
    noted = (project.path / "noted-TestShared").read_text().split()
    assert noted.count("2") == 1
    assert noted[:5] == ["setUpClass", "1", "2", "3", "setUpClass"]
    assert noted.count("setUpClass") == noted.count("tearDownClass") + 1, "the crash alone had no tearDownClass"
    assert (project.path / "noted-TestSetUp").read_text().split() == [
        "setUpClass", "setUpClass", "5", "6", "tearDownClass",
    ]  # fmt: skip
    assert "ConnectionError: not yet" in by_label(record)["test_6"]["details"]


def test_failfast_waits_for_retries(project):
    """A problem that a retry mends stops nothing."""
    project.app(
        "shop",
        FLAKY
        + """
class TestFlaky(Counting):
    def test_a_passes_later(self):
        self.assertEqual(self.attempt(), 2)

    def test_b_passes(self):
        pass

class TestFixture(Counting):
    @classmethod
    def setUpClass(cls):
        pass

    def test_c_passes_later(self):
        self.assertEqual(self.attempt(), 2)

    def test_d_passes(self):
        pass
""",
    )
    done, record = project.record("--failfast", "--policy", policy(project, retries=1))
    assert done.code == 0, done.err
    assert record["ended_by"] is None
    assert set(outcomes(record).values()) == {"passed"}


STANDS = """
import os, signal, time, unittest
from pathlib import Path
from django_probe import probe

def again(name):
    seen = Path(name).exists()
    Path(name).touch()
    return seen

class TestStands(unittest.TestCase):
    def setUp(self):
        if again(self._testMethodName):
            self.skipTest("the shop does not answer any more")

    def test_failed(self):
        self.fail("HTTP 500 from the shop")

    def test_failed_in_a_subtest(self):
        with self.subTest(page="cart"):
            self.fail("HTTP 500 from the shop")

    def test_erred(self):
        raise ValueError("no shop")

    def test_crashed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def test_exited(self):
        os._exit(0)

    @probe(timeout="300ms")
    def test_timed_out(self):
        time.sleep(60)

    @unittest.expectedFailure
    def test_passed_unexpectedly(self):
        pass

class TestExpected(unittest.TestCase):
    @unittest.expectedFailure
    def test_as_expected_at_the_retry(self):
        self.assertFalse(again("expected"))

class TestFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if again("fixture"):
            raise unittest.SkipTest("the shop does not answer any more")
        raise ValueError("no shop")

    def test_of_a_fixture(self):
        pass

class TestOther(unittest.TestCase):
    def test_other(self):
        pass
"""


def test_a_problem_stands_though_its_retry_skips(project):
    """Whatever kind it was: only a pass takes it back. The record has the problem, and what the retry said."""
    project.app("shop", STANDS)
    done, record = project.record("--parallel", "3", "--policy", policy(project, retries=1))
    ended = by_label(record)
    assert done.code == record["exit_code"] == 1
    assert outcomes(record) == {
        "test_failed": "failed",
        "test_failed_in_a_subtest": "failed",
        "test_erred": "error",
        "test_crashed": "error",
        "test_exited": "error",
        "test_timed_out": "timeout",
        "test_passed_unexpectedly": "failed",
        "test_as_expected_at_the_retry": "failed",
        "test_of_a_fixture": "error",
        "test_other": "passed",
    }, done.err
    assert all(result["attempts"] == 2 for name, result in ended.items() if name != "test_other")
    assert ended["test_failed"]["message"] == "HTTP 500 from the shop"
    told = "The last attempt, which proves nothing: skipped: the shop does not answer any more"
    assert ended["test_failed"]["details"].rstrip().endswith(told)
    assert "Traceback" in ended["test_failed"]["details"]
    assert told in ended["test_of_a_fixture"]["details"]


def test_a_pass_after_a_skip_takes_the_problem_back(project):
    """A skip uses up a retry, as a problem does; where one is left, the probe gets its chance."""
    project.app(
        "shop",
        FLAKY
        + """
class TestFlaky(Counting):
    def test_fails_skips_passes(self):
        number = self.attempt()
        if number == 2:
            self.skipTest("starting")
        self.assertEqual(number, 3)
""",
    )
    done, record = project.record("--policy", policy(project, retries=2))
    (result,) = record["results"]
    assert done.code == 0
    assert (result["outcome"], result["attempts"]) == ("passed", 3)
    assert "1 != 3" in result["details"]


def test_a_problem_stands_in_the_commands_own_process(project):
    """`--parallel 0` has the same book."""
    project.app(
        "shop",
        FLAKY
        + """
class TestFlaky(Counting):
    def test_fails_and_skips(self):
        if self.attempt() == 2:
            self.skipTest("the shop does not answer any more")
        self.fail("HTTP 500 from the shop")

    def test_other(self):
        pass
""",
    )
    done, record = project.record("--parallel", "0", "--retries", "1", "--retry-delay", "0")
    assert (done.code, outcomes(record)["test_fails_and_skips"]) == (1, "failed")


def test_durations_and_times_are_finite_whatever_a_probe_did_to_the_clock():
    """What no clock gives is 0 s, and now: no record has what is no number, and sums of it are numbers too."""
    probe = Selected("shop.TestClock.test_it", (), 9.0, 1, blocking=True, fixtures=None, verdict=None)
    for wrong in (float("inf"), float("-inf"), float("nan"), -1.0, 1e18):
        ledger = Ledger([probe], 0.0, str, [].append)
        ledger.record(0, Attempt(Outcome.FAILED, began=wrong, duration=wrong), now=0.0)
        ledger.record(0, Attempt(Outcome.FAILED, began=wrong, duration=1.5), now=0.0)
        (result,) = ledger.finish(None)
        assert result.duration == 1.5
        assert 1900 < result.started_at.year < 9999


def test_of_very_many_attempts_the_first_are_kept():
    """So a probe that is tried for ever does not fill the judge; how often it was tried is told all the same."""
    probe = Selected("shop.TestClock.test_it", (), 9.0, 99, blocking=True, fixtures=None, verdict=None)
    ledger = Ledger([probe], 0.0, str, [].append)
    for number in range(60):
        ledger.record(0, Attempt(Outcome.FAILED, f"attempt {number + 1}", duration=1.0), now=0.0)
    (result,) = ledger.finish(EndedBy.SIGTERM)
    assert (result.attempts, result.duration, result.message) == (60, 60.0, "attempt 60")
    assert [earlier.message for earlier in result.earlier] == [f"attempt {number + 1}" for number in range(20)]


def test_what_a_run_says_has_a_bound(project):
    """Reports of many long tracebacks are written in time: first come, first kept, and a line for each of the rest."""
    project.app(
        "shop",
        """
        import unittest

        class TestTalks(unittest.TestCase):
            pass

        def talks(probe):
            print(("o" * 99 + "\\n") * 700)
            probe.fail("m\\n" * 40_000)

        for number in range(230):
            setattr(TestTalks, f"test_{number:03}", talks)
        """,
    )
    done, record = project.record("--junit", str(project.path / "junit.xml"))
    told = [(result["details"], result["output"]) for result in record["results"]]
    left_out = "[left out: the details and the output of this run are more than 32 MiB]"
    assert done.code == 1
    assert record["counts"]["failed"] == 230
    assert all(left_out not in texts for texts in told[:190])
    assert told[-1] == (left_out, left_out)
    assert sum(map(len, chain(*told))) < 33 * 2**20
    assert left_out in (project.path / "junit.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["<", "&", '"', "\n", "é", "\x1b"])
def test_what_counts_is_the_length_in_a_report(text):
    """Where each character is escaped, fewer texts have room: a report of HTML is no longer than one of words."""
    probes = [
        Selected(f"shop.TestTalks.test_{number}", (), 9.0, 0, blocking=True, fixtures=None, verdict=None)
        for number in range(600)
    ]
    ledger = Ledger(probes, 0.0, str, [].append)
    for index in range(600):
        ledger.record(index, Attempt(Outcome.FAILED, details=text * 65_536), now=0.0)
    kept = sum(result.details.startswith(text) for result in ledger.finish(None))
    longest = max(len(json.dumps(text)) - 2, len(html.escape(text)), len(visible(text)))
    assert 0.5 * 2**25 < kept * longest * 65_536 <= 2**25


def test_what_waits_for_its_retry_has_a_bound():
    """Of a thousand first attempts that said much, the judge does not hold all until they are tried again."""
    probes = [
        Selected(f"shop.TestTalks.test_{number}", (), 9.0, 1, blocking=True, fixtures=None, verdict=None)
        for number in range(1_000)
    ]
    ledger = Ledger(probes, 10.0, str, [].append)
    for index in range(1_000):
        ledger.record(index, Attempt(Outcome.FAILED, details="d" * 65_536, output="o" * 65_536), now=0.0)
    results = ledger.finish(EndedBy.SIGTERM)
    assert len(results[0].details) == 65_536
    assert results[-1].details.startswith("[left out: ")
    assert sum(len(result.details) + len(result.output) for result in results) < 33 * 2**20


RETRIED = """
import contextvars, os, unittest
from pathlib import Path

SEEN = contextvars.ContextVar("seen", default="none")
DONE = []


class TestInstance(unittest.TestCase):
    def __init__(self, *args):
        super().__init__(*args)
        self.todo = ["/down", "/up"]

    def test_instance(self):
        while self.todo:
            self.assertEqual(self.todo.pop(0), "/up")


class TestModule(unittest.TestCase):
    def test_module(self):
        DONE.append(1)
        self.fail(f"{len(DONE)} in this process")


class TestContext(unittest.IsolatedAsyncioTestCase):
    async def test_context(self):
        seen = SEEN.get()
        SEEN.set("attempt")
        self.fail(seen)


class TestShared(unittest.TestCase):
    rooms = []

    @classmethod
    def setUpClass(cls):
        cls.rooms.append(os.getpid())

    def test_shared_a(self):
        self.assertEqual(len(self.rooms), 1)

    def test_shared_b(self):
        with Path("attempts").open("a") as file:
            print(os.getpid(), len(self.rooms), file=file)
        self.fail("on purpose")
"""


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2"), ("--isolation", "process")])
def test_a_retry_finds_nothing_of_the_attempt_before(project, arguments):
    """Neither in its instance, nor in its module, its context or its class: it runs in a process that ran nothing."""
    project.app("shop", RETRIED)
    done, record = project.record("--retries", "2", "--retry-delay", "0", *arguments)
    assert done.code == 1
    ended = by_label(record)
    assert outcomes(record).pop("test_shared_a") == "passed"
    assert "'/down' != '/up'" in ended["test_instance"]["message"]
    assert ended["test_module"]["message"] == "1 in this process"
    assert ended["test_context"]["message"] == "none"
    attempts = [line.split() for line in (project.path / "attempts").read_text().splitlines()]
    assert len(attempts) == 3
    assert len({pid for pid, _ in attempts}) == 3, "each in a process of its own"
    assert {rooms for _, rooms in attempts} == {"1"}
