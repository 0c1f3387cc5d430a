"""What workers say is believed as far as it fits what they were given."""

from __future__ import annotations

import time

import pytest

from django_probe.execution.judge.ledger import Ledger
from django_probe.execution.judge.messages import TIMEOUT, MessageHandler
from django_probe.execution.judge.processes.worker_handle import Stage, WorkerHandle
from django_probe.execution.judge.selected import Selected
from tests.execution.running import by_label, outcomes


def test_a_probe_that_writes_to_the_judge_is_an_error(project):
    """Whatever it writes, its record says that its process broke off; the other probes are not harmed."""
    project.app(
        "shop",
        """
        import os, stat, time, unittest

        SMALL = b'{"name": "a", "type": "text/plain", "size": 1, "content": "z"}'

        def writes(text):
            def test(self):
                for descriptor in range(3, 64):
                    try:
                        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                            os.write(descriptor, text)
                    except OSError:
                        pass
                time.sleep(60)
            return test

        class TestWrites(unittest.TestCase):
            def test_z_passes(self):
                pass

        for number, text in enumerate([
            b"garbage\\n",
            b"5\\n",
            b"[]\\n",
            b"[" * 5000 + b"\\n",
            b'["result", 99, "passed", 0, 0, "", "", "", [], []]\\n',
            b'["result", 5, "splendid", 0, 0, "", "", "", [], []]\\n',
            b'["result", 6]\\n',
            b'["result", 7, "passed", "now", {}, 5, null, 6, []]\\n',
            b'["hello", 1, "token"]\\n',
            b'["praise"]\\n',
            b'["result", 10, "passed", 1' + 400 * b"0" + b', 0, "", "", "", [], []]\\n',
            b'["result", 11, "passed", 0, 0, "", "", "", [{"name": 1}], []]\\n',
            b'["result", 12, "passed", 0, 0, "", "", "", [' + b",".join([SMALL] * 99) + b"], []]\\n",
            b'["result", 13, "passed", 0, 0, "", "", "", [' + SMALL.replace(b"z", b"z" * 600_000) + b"], []]\\n",
            b'["result", 14, "passed", 0, 0, "", "", "", [], [5]]\\n',
            b"endless" * 6_000_000,
        ]):
            setattr(TestWrites, f"test_{number:02}", writes(text))
        """,
    )
    done, record = project.record("--parallel", "5")
    ended = by_label(record)
    assert done.code == record["exit_code"] == 1
    assert ended.pop("test_z_passes")["outcome"] == "passed"
    assert {result["outcome"] for result in ended.values()} == {"error"}, outcomes(record)
    for number in range(16):
        assert "its process broke off the connection to the judge" in ended[f"test_{number:02}"]["message"], number


@pytest.fixture
def serving():
    """A worker that serves one class with fixtures and two probes, its ledger and a hearing."""
    told = ["shop.TestA.test_a", [], 1.0, 0, True, "shop.TestA", None, False, [None] * 5]
    selected = [Selected.of(told), Selected.of(["shop.TestA.test_b", *told[1:]])]
    ledger = Ledger(selected, 0.0, str, lambda _result: None)
    handle = WorkerHandle(time.monotonic())
    handle.handed_over()
    handle.stage = Stage.SERVING
    handle.give(ledger.take(1, idle=True, unused=True), time.monotonic())
    yield handle, ledger, MessageHandler(ledger, ahead=True)
    handle.close()


def test_what_ends_by_itself_at_its_last_moment_was_in_time(serving):
    """A fixture, like a probe: the interrupt that came too late is forgotten, and a later crash is no timeout."""
    handle, ledger, hearing = serving
    hearing.hear(handle, "fixture", "shop.TestA.setUpClass", [0, 1])
    handle.interrupt("shop.TestA.setUpClass", TIMEOUT, time.monotonic(), timeout=1.0)
    hearing.hear(handle, "fixture_done")
    assert handle.stage is Stage.SERVING
    handle.interrupt(0, TIMEOUT, time.monotonic(), timeout=1.0)
    hearing.hear(handle, "result", 0, "passed", 0.0, 1.0, "", "", "", [], [])
    assert handle.stage is Stage.SERVING
    hearing.settle(handle, "it was killed by SIGSEGV")
    first, second = ledger.finish(None)
    assert first.outcome == "passed"
    assert second.outcome == "error"
    assert second.message == "its process ended before the probe did: it was killed by SIGSEGV"


WRITES = """
import os, stat, time, unittest

def write(text):
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, text)
        except OSError:
            pass
"""


def test_a_goodbye_that_nobody_awaits_is_an_error_and_no_hang(project):
    """Said by the first probe of its worker or by a later one, which then passes, waits, or is one of a class."""
    project.app(
        "shop",
        WRITES
        + """
class TestAlone(unittest.TestCase):
    def test_a_passes(self):
        pass

    def test_b_says_it_and_passes(self):
        write(b'["bye"]\\n')

    def test_c_passes(self):
        pass

    def test_d_says_it_and_waits(self):
        write(b'["bye"]\\n')
        time.sleep(60)

    def test_e_passes(self):
        pass


class TestShared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pass

    def test_f_passes(self):
        pass

    def test_g_says_it_and_passes(self):
        write(b'["bye"]\\n')

    def test_h_passes(self):
        pass
""",
    )
    for parallel in ("1", "2"):
        done, record = project.record("--parallel", parallel)
        assert done.code == 1
        ended = by_label(record)
        for name in ("test_a_passes", "test_c_passes", "test_e_passes", "test_f_passes", "test_h_passes"):
            assert ended[name]["outcome"] == "passed", (name, ended[name])
        for name in ("test_b_says_it_and_passes", "test_d_says_it_and_waits", "test_g_says_it_and_passes"):
            assert ended[name]["outcome"] == "error", name
            assert "its process broke off the connection to the judge" in ended[name]["message"]


BYE_AND_MORE = '["bye"]\\n["result", 0, "passed", 0, 0, "", "", "", [], []]'


@pytest.mark.parametrize("said", [BYE_AND_MORE, "garbage", '["praise"]', '["interrupted"]'])
def test_what_is_said_after_all_was_said_is_an_error(project, said):
    """By a process that a probe left behind, when its worker has nothing to do: the run ends, the gate is closed."""
    project.app(
        "shop",
        WRITES
        + f"""
class TestLeaves(unittest.TestCase):
    def test_leaves_a_process(self):
        if os.fork() == 0:
            time.sleep(0.3)
            write(b'{said}\\n')
            os._exit(0)

class TestALong(unittest.TestCase):
    def test_takes_its_time(self):
        time.sleep(1.5)
""",
    )
    done, record = project.record("--parallel", "2")
    assert done.code == record["exit_code"] == 1, done.err
    (problem,) = [result for result in record["results"] if result["outcome"] != "passed"]
    assert problem["label"] == "runner"
    assert problem["outcome"] == "error"
    assert "shop.TestLeaves.test_leaves_a_process" in problem["message"]


def test_a_result_that_was_told_before_its_probe_ended_is_an_error(project):
    """A probe that tells of itself that it passed, and fails, does not pass."""
    project.app(
        "shop",
        WRITES
        + """
class TestTells(unittest.TestCase):
    def test_tells(self):
        write(b'["result", 0, "passed", 0, 0, "", "", "", [], []]\\n')
        self.fail("on purpose")
""",
    )
    done, record = project.record("--retries", "1", "--retry-delay", "0")
    assert done.code == record["exit_code"] == 1
    (error,) = [result for result in record["results"] if result["label"] == "runner"]
    assert "shop.TestTells.test_tells" in error["message"]
