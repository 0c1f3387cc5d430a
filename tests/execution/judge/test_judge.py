"""The judge: timeouts, the deadline, parallel, failfast, and a runner that dies."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess

import pytest

from tests.execution.running import Started, by_label, children, outcomes, text_of
from tests.patience import far_enough


def test_a_timeout_raises_in_the_probe_and_its_cleanups_run(project):
    """Wherever Python waits: tearDown and cleanups undo what was begun, and the details show where it waited."""
    project.app(
        "shop",
        """
        import asyncio, ctypes, os, threading, time, unittest
        from pathlib import Path

        class Undone:
            def setUp(self):
                self.addCleanup(self.note, "cleanup")

            def tearDown(self):
                self.note("tearDown")

            def note(self, what):
                with Path(self._testMethodName).open("a") as file:
                    file.write(f"{what}\\n")

        class TestHangs(Undone, unittest.TestCase):
            def test_sleep(self):
                time.sleep(60)

            def test_lock(self):
                lock = threading.Lock()
                lock.acquire()
                lock.acquire()

            def test_busy(self):
                while True:
                    pass

            def test_swallows_exceptions(self):
                while True:
                    try:
                        time.sleep(60)
                    except Exception:
                        pass

            def test_call_into_c(self):
                ctypes.PyDLL(None).sleep(60)

            def test_subtests(self):
                for number in range(20):
                    with self.subTest(number=number):
                        time.sleep(60)

            def test_prints_without_end(self):
                while True:
                    os.write(1, b"x" * 65536)

        class TestAsync(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.addAsyncCleanup(self.note, "cleanup")

            async def asyncTearDown(self):
                await self.note("tearDown")

            async def test_await(self):
                await asyncio.sleep(60)

            async def note(self, what):
                await asyncio.sleep(0)
                with Path(self._testMethodName).open("a") as file:
                    file.write(f"{what}\\n")

        class TestQuick(unittest.TestCase):
            def test_passes(self):
                pass
        """,
    )
    done, record = project.record("--timeout", "1s", "--parallel", "10")
    ended = by_label(record)
    assert done.code == 1
    assert ended.pop("test_passes")["outcome"] == "passed"
    assert {name: result["outcome"] for name, result in ended.items()} == dict.fromkeys(ended, "timeout"), done.err
    assert len(ended) == 8
    for name, result in ended.items():
        assert result["message"].startswith("timed out after 1 s in "), name
        assert f"({name})" in result["message"], "it names the line that waited, and the probe's own"
        assert f"in {name}" in result["details"], name
        assert (project.path / name).read_text() == "tearDown\ncleanup\n", name
        assert result["duration"] > 0.9
    assert "number=0" in ended["test_subtests"]["details"]
    assert "number=1" not in ended["test_subtests"]["details"]


def test_what_an_interrupt_does_not_end_is_killed(project):
    """C code that holds the interpreter, cleanups without end, a stopped process: with the stack where it hung."""
    project.app(
        "shop",
        """
        import ctypes, os, signal, time, unittest
        from pathlib import Path

        class TestHangs(unittest.TestCase):
            def test_c_that_holds_the_interpreter(self):
                libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
                libc.pthread_mutex_lock(mutex)
                print("about to hang", flush=True)
                libc.pthread_mutex_lock(mutex)

            def test_swallows_all(self):
                while True:
                    try:
                        time.sleep(60)
                    except BaseException:
                        pass

            def test_cleanup_without_end(self):
                self.addCleanup(time.sleep, 60)
                time.sleep(60)

            def test_cleanup_of_a_second(self):
                self.addCleanup(Path("cleaned").touch)
                self.addCleanup(time.sleep, 1)
                time.sleep(60)

            def test_stopped(self):
                os.kill(os.getpid(), signal.SIGSTOP)
        """,
    )
    done, record = project.record("--timeout", "1s", "--parallel", "5")
    ended = by_label(record)
    assert done.code == 1
    assert set(outcomes(record).values()) == {"timeout"}, done.err
    assert ended["test_cleanup_of_a_second"]["message"].startswith("timed out after 1 s in ")
    assert (project.path / "cleaned").exists()
    for name in set(ended) - {"test_cleanup_of_a_second"}:
        assert ended[name]["message"].startswith("timed out after 1 s, and had to be killed"), name
    for name in set(ended) - {"test_cleanup_of_a_second", "test_stopped"}:
        assert "Where it hung" in ended[name]["details"], name
        assert f"in {name}" in ended[name]["details"] or name == "test_cleanup_without_end", name
        assert "run_watched" not in ended[name]["details"], name
    assert "in doCleanups" in ended["test_cleanup_without_end"]["details"]
    assert ended["test_c_that_holds_the_interpreter"]["output"] == "about to hang\n"


def test_each_probe_has_its_own_timeout(project):
    """What @probe says beats the gate; the command line beats both."""
    project.app(
        "shop",
        """
        import time, unittest
        from django_probe import probe

        class TestWaits(unittest.TestCase):
            def test_as_the_gate(self):
                time.sleep(1.5)

            @probe(timeout="300ms")
            def test_less(self):
                time.sleep(1.5)
        """,
    )
    project.write("probe.yaml", "gates: {short: {timeout: 50s, parallel: 2}}\n")
    _, record = project.record("--policy", "probe.yaml", "--gate", "short")
    assert outcomes(record) == {"test_as_the_gate": "passed", "test_less": "timeout"}
    assert by_label(record)["test_less"]["message"].startswith("timed out after 0.3 s in ")
    _, record = project.record("--policy", "probe.yaml", "--gate", "short", "--timeout", "20s")
    assert set(outcomes(record).values()) == {"passed"}


def test_the_deadline_ends_the_run(project):
    """Exit 3: what ran is an error, its cleanups run; what was done counts; what never started was not run."""
    project.app(
        "shop",
        """
        import time, unittest
        from pathlib import Path

        class TestWaits(unittest.TestCase):
            def tearDown(self):
                Path(f"undone-{self._testMethodName}").touch()

            def test_a_passes(self):
                pass

            def test_b_waits(self):
                Path("waits").touch()
                time.sleep(60)

            def test_c_never_starts(self):
                pass
        """,
    )
    done, record = far_enough(
        lambda seconds: project.record("--deadline", f"{seconds}s"), lambda _: (project.path / "waits").exists()
    )
    ended = by_label(record)
    assert done.code == 3
    assert record["exit_code"] == 3
    assert record["ended_by"] == "deadline"
    assert not record["passed"]
    assert outcomes(record) == {"test_a_passes": "passed", "test_b_waits": "error", "test_c_never_starts": "not_run"}
    assert ended["test_b_waits"]["message"] == "deadline ended the run while this was running"
    assert ended["test_c_never_starts"]["started_at"] is None
    assert (project.path / "undone-test_b_waits").exists()
    assert not (project.path / "undone-test_c_never_starts").exists()


def test_a_deadline_counts_from_the_start_of_the_process(project):
    """One that is shorter than the start itself ends the run before any probe; the record still is one."""
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
    done, record = project.record("--deadline", "10ms")
    assert done.code == record["exit_code"] == 3
    assert record["ended_by"] == "deadline"
    assert record["counts"]["passed"] == 0


WAITS = """
import os, time, unittest
from pathlib import Path

class TestTogether(unittest.TestCase):
    def meet(self):
        Path(f"here-{self._testMethodName}").write_text(f"{os.getpid()}\\n")
        until = time.monotonic() + 20
        while len(list(Path().glob("here-*"))) < 6:
            self.assertLess(time.monotonic(), until, "the others did not come")
            time.sleep(0.01)
"""


def test_parallel_probes_run_at_the_same_time(project):
    """Six probes that wait for each other all pass with six workers: a class without fixtures is spread freely."""
    methods = "".join(f"\n    def test_{number}(self):\n        self.meet()\n" for number in range(6))
    project.app("shop", WAITS + methods)
    done, record = project.record("--parallel", "6")
    assert done.code == 0, done.err
    assert record["counts"]["passed"] == 6
    assert len({path.read_text() for path in project.path.glob("here-*")}) == 6


def test_probes_that_share_fixtures_stay_in_one_process(project):
    """Those of a class with setUpClass, and those of a module with setUpModule, each set up once."""
    project.app(
        "shop",
        {
            "classes.py": """
                import os, time, unittest
                from pathlib import Path

                class Shared(unittest.TestCase):
                    @classmethod
                    def setUpClass(cls):
                        cls.pid = os.getpid()
                        with Path(f"set-up-{cls.__name__}").open("a") as file:
                            file.write("x")

                    def setUp(self):
                        self.assertEqual(os.getpid(), self.pid)
                        time.sleep(0.05)

                class TestA(Shared):
                    def test_a1(self): pass
                    def test_a2(self): pass
                    def test_a3(self): pass

                class TestB(Shared):
                    def test_b1(self): pass
                    def test_b2(self): pass
                """,
            "modules.py": """
                import os, time, unittest
                from pathlib import Path

                def setUpModule():
                    global pid
                    pid = os.getpid()
                    with Path("set-up-module").open("a") as file:
                        file.write("x")

                class TestC(unittest.TestCase):
                    def test_c1(self): self.assertEqual(os.getpid(), pid)
                    def test_c2(self): self.assertEqual(os.getpid(), pid)

                class TestD(unittest.TestCase):
                    def test_d1(self): self.assertEqual(os.getpid(), pid)
                """,
        },
    )
    done, record = project.record("--parallel", "4")
    assert done.code == 0, done.err
    assert record["counts"]["passed"] == 8
    assert {path.name: path.read_text() for path in project.path.glob("set-up-*")} == {
        "set-up-TestA": "x",
        "set-up-TestB": "x",
        "set-up-module": "x",
    }


FAILS = """
import unittest
from django_probe import probe
from pathlib import Path

class TestOrder(unittest.TestCase):
    {fixture}

    @classmethod
    def note(cls, what):
        with Path("noted").open("a") as file:
            file.write(what + " ")

    def setUp(self):
        self.note(self._testMethodName)

    @probe(warn_only=True)
    def test_a_warns(self):
        self.fail("a warning")

    def test_b_fails(self):
        self.fail("a problem")

    def test_c_never_starts(self):
        pass

    def test_d_never_starts(self):
        pass
"""
FIXTURE = """
    @classmethod
    def setUpClass(cls):
        cls.note("setUpClass")

    @classmethod
    def tearDownClass(cls):
        cls.note("tearDownClass")
"""


def test_failfast_stops_at_the_first_blocking_problem(project):
    """A problem that only warns does not stop the run; the rest was not run, and the gate is closed."""
    project.app("shop", FAILS.format(fixture=""))
    done, record = project.record("--failfast")
    assert done.code == record["exit_code"] == 1
    assert record["ended_by"] == "failfast"
    assert outcomes(record) == {
        "test_a_warns": "failed", "test_b_fails": "failed",
        "test_c_never_starts": "not_run", "test_d_never_starts": "not_run",
    }  # fmt: skip
    assert by_label(record)["test_a_warns"]["blocking"] is False
    assert (project.path / "noted").read_text() == "test_a_warns test_b_fails "


def test_failfast_stops_within_a_class_with_fixtures(project):
    """Its probes stop at the problem too, and its tearDownClass undoes what setUpClass did."""
    project.app("shop", FAILS.format(fixture=FIXTURE))
    done, record = project.record("--failfast")
    assert done.code == 1
    assert record["counts"]["not_run"] == 2, outcomes(record)
    assert (project.path / "noted").read_text() == "setUpClass test_a_warns test_b_fails tearDownClass "


def test_a_runner_that_is_killed_closes_the_gate(project):
    """Who is running goes on; what no worker can be forked for is an error that says so."""
    project.app(
        "shop",
        """
        import os, time, unittest
        from pathlib import Path

        class TestRunner(unittest.TestCase):
            def test_a_waits(self):
                Path("judge").write_text(f"{os.getppid()} {os.getpid()}\\n")
                while not Path("killed").exists():
                    time.sleep(0.01)
                os._exit(0)

            def test_b(self):
                pass

            def test_c(self):
                pass
        """,
    )
    with Started(project) as run:
        judge, worker = map(int, text_of(project.path / "judge").split())
        assert judge == run.process.pid
        runner, _guardian = sorted(set(children(judge)) - {worker})
        os.kill(runner, signal.SIGKILL)
        (project.path / "killed").touch()
        run.signal(0)
        code, record, _ = run.end()
    ended = by_label(record)
    assert code == record["exit_code"] == 1
    assert set(outcomes(record).values()) == {"error"}
    assert len(ended) == 3
    for name in ("test_b", "test_c"):
        assert ended[name]["message"].startswith("no worker could be started for it: "), ended[name]
        assert "SIGKILL" in ended[name]["message"]


def test_forks_that_fail_close_the_gate(project):
    """Where the system gives no processes, every probe is an error that says so, and the run ends."""
    project.app(
        "shop",
        """
        import unittest
        from django_probe.process.originals import Original

        def fork():
            raise BlockingIOError(11, "Resource temporarily unavailable")

        Original.fork = fork

        class TestNone(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): pass
        """,
    )
    done, record = project.record()
    assert done.code == record["exit_code"] == 1
    assert outcomes(record) == {"test_a": "error", "test_b": "error"}
    for result in record["results"]:
        assert "forks fail" in result["message"]


def test_a_fork_that_fails_once_is_tried_again(project):
    """A shortage that passes harms nobody."""
    project.app(
        "shop",
        """
        import unittest
        from django_probe.process.originals import Original

        real, failures = Original.fork, iter([True])

        def fork():
            if next(failures, False):
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return real()

        Original.fork = fork

        class TestLater(unittest.TestCase):
            def test_a(self): pass
        """,
    )
    done, record = project.record()
    assert done.code == 0, done.err
    assert outcomes(record) == {"test_a": "passed"}


FAULTS = """
import mmap
from django_probe.process.originals import Original

real, forks = Original.fork, mmap.mmap(-1, 1)

def fork():
    forks[0] += 1
    number = forks[0]
    if number == 6:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    pid = real()
    if number == 5 and not pid:
        os._exit(0)
    return pid

Original.fork = fork
"""


def test_workers_that_are_forked_together_are_replaced_one_by_one(project):
    """Where one dies while it makes itself ready, and the next fork fails, all that are wanted come all the same."""
    methods = "".join(f"\n    def test_{number}(self):\n        self.meet()\n" for number in range(6))
    project.app("shop", WAITS + methods + FAULTS)
    done, record = project.record("--parallel", "6")
    assert done.code == 0, done.err
    assert record["counts"]["passed"] == 6


def test_of_many_probes_with_every_fault_each_has_one_result(project):
    """Two hundred probes that end in a dozen ways on four workers: each label once, and the counts add up."""
    project.app(
        "shop",
        """
        import os, random, signal, sys, time, unittest

        def passes(self): pass
        def fails(self): self.fail("on purpose")
        def raises(self): raise ValueError("\\ud800")
        def exits(self): os._exit(0)
        def is_killed(self): os.kill(os.getpid(), signal.SIGKILL)
        def says_exit(self): sys.exit()
        def skips(self): self.skipTest("on purpose")
        def hangs(self): time.sleep(60)
        def prints(self): os.write(1, b"x" * 300_000)
        def closes(self): os.closerange(0, 200)
        def leaves_a_child(self): os.fork() or time.sleep(60)
        def interrupts(self): raise KeyboardInterrupt
        def bad_cleanup(self): self.addCleanup(int, "x")

        EXPECTED = {
            passes: "passed", fails: "failed", raises: "error", exits: "error", is_killed: "error", says_exit: "error",
            skips: "skipped", hangs: "timeout", prints: "passed", closes: "error", leaves_a_child: "passed",
            interrupts: "error", bad_cleanup: "error",
        }
        chance = random.Random(20240229)
        choices = [kind for kind in EXPECTED if kind is not hangs]

        def suite_of(name, number, base):
            methods = {}
            for index in range(number):
                kind = hangs if index == 3 else chance.choice(choices)
                methods[f"test_{name}_{index:03}_{EXPECTED[kind]}"] = kind
            return type(f"Test{name}", (base,), methods)

        class Fixture(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.ready = True

            def setUp(self):
                self.assertTrue(self.ready)

        Free = suite_of("Free", 120, unittest.TestCase)
        Bound = suite_of("Bound", 40, Fixture)
        Other = suite_of("Other", 40, Fixture)
        del Fixture
        """,
    )
    done, record = project.record("--parallel", "4", "--timeout", "500ms")
    expected = {name: name.rpartition("_")[2] for name in by_label(record)}
    assert len(expected) == record["selected"] == 200
    assert outcomes(record) == expected, done.err
    assert sum(record["counts"].values()) == 200
    assert done.code == record["exit_code"] == 1
    assert json.loads((project.path / "record.json").read_text()) == record


def test_more_workers_than_the_system_has_descriptors_for(project):
    """The judge raises its own limit as far as it may, and else makes do with fewer workers."""
    methods = "".join(f"\n    def test_{number}(self): time.sleep(0.05)\n" for number in range(60))
    project.app("shop", f"import time, unittest\n\nclass TestMany(unittest.TestCase):{methods}")
    for limit in ("ulimit -Sn 64", "ulimit -n 64"):
        record = project.path / "record.json"
        command = shlex.join(project.command("probe", "--parallel", "60", "--json", str(record)))
        done = subprocess.run(
            ["sh", "-c", f"{limit}; exec {command}"],
            cwd=project.path,
            env=project.environment(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert json.loads(record.read_text())["counts"]["passed"] == 60


def test_signals_that_the_project_handles_are_none_of_the_judge_s(project):
    """Python wakes whoever waits for any signal that has a handler: here for every worker that ends."""
    project.app(
        "shop",
        """
        import os, unittest

        class TestChanges(unittest.TestCase):
            def test_a(self):
                os.environ["LEFT"] = "behind"

            def test_b(self):
                self.assertNotIn("LEFT", os.environ)
        """,
    )
    project.configure("import signal; signal.signal(signal.SIGCHLD, lambda number, frame: None)\n")

    done, record = project.record()

    assert (done.code, record["counts"]["passed"]) == (0, 2), done.err


def test_a_clock_that_a_probe_left_patched_harms_no_result(project):
    """What a worker says of the time is not believed where no calendar has it."""
    project.app(
        "shop",
        """
        import time, unittest
        from unittest import mock

        class TestClock(unittest.TestCase):
            def test_a_patches(self):
                mock.patch("time.time", return_value=1e20).start()

            def test_b_fails(self):
                self.fail("it does")
        """,
    )

    done, record = project.record()

    assert done.code == 1
    assert {result["label"]: result["outcome"] for result in record["results"]} == {
        "shop.TestClock.test_a_patches": "passed",
        "shop.TestClock.test_b_fails": "failed",
    }


PROCESSES = """
import os, time, unittest
from pathlib import Path

STATE = []


def note(name):
    with Path("pids").open("a") as file:
        print(name, os.getpid(), os.getppid(), time.monotonic(), file=file)


class TestAlone(unittest.TestCase):
    def test_a(self):
        note("a")
        STATE.append("a")

    def test_b(self):
        note("b")
        self.assertEqual(STATE, [])


class TestShared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        STATE.append("shared")

    def test_c(self):
        note("c")

    def test_d(self):
        note("d")
        self.assertEqual(STATE, ["shared"])


class TestZ(unittest.TestCase):
    def test_z(self):
        note("z")
        self.assertEqual(STATE, [])
"""


@pytest.mark.parametrize("parallel", ["1", "3"])
def test_with_isolation_process_every_probe_has_a_process_of_its_own(project, parallel):
    """Those that share fixtures have one together; ordered by the gate as by the command line, which goes before."""
    project.app("shop", PROCESSES)
    policy = project.write("probe.yaml", "gates: {default: {isolation: process}, calm: {isolation: worker}}")
    noted = project.path / "pids"
    for arguments in (["--policy", str(policy)], ["--isolation", "process", "--gate", "calm", "--policy", str(policy)]):
        done, record = project.record("--parallel", parallel, *arguments)
        assert done.code == 0, record
        pids = dict(line.split()[:2] for line in noted.read_text().splitlines())
        noted.unlink()
        assert pids["c"] == pids["d"]
        assert len(set(pids.values())) == 4
    # With several workers it is chance which probes share one.
    done = project.probe("--parallel", "1", "--isolation", "worker", "--policy", str(policy))
    assert done.code == 1, "what one left in the worker reached another, or this shows nothing"


def test_with_isolation_process_a_worker_waits_while_another_runs(project):
    """The next probe's process is there before the one before has ended; no more run at a time than `parallel`."""
    project.app(
        "shop",
        """
        import os, time, unittest
        from pathlib import Path

        def siblings():
            return {int(pid) for pid in Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read_text().split()}

        def test(self):
            until = time.monotonic() + 20
            while len(siblings()) < 3:  # this one, the next, and the process that forks them
                self.assertLess(time.monotonic(), until)
                time.sleep(0.01)
            (Path("running") / "it").mkdir(parents=True)
            time.sleep(0.05)
            (Path("running") / "it").rmdir()
            Path("running").rmdir()

        class TestAhead(unittest.TestCase):
            test_a = test_b = test_c = test

        class TestZ(unittest.TestCase):
            def test_z(self):
                pass
        """,
    )
    done, record = project.record("--isolation", "process")
    assert done.code == 0, record


def test_isolation_process_cannot_be_had_in_the_commands_own_process(project):
    """Ordered by the command line it is refused; a gate that has it can be debugged."""
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
    policy = project.write("probe.yaml", "gates: {deploy: {isolation: process}}")
    done = project.probe("--parallel", "0", "--isolation", "process")
    assert done.code == 2
    assert "--parallel 0" in done.err
    assert "Traceback" not in done.err
    done = project.probe("--parallel", "0", "--gate", "deploy", "--policy", str(policy))
    assert done.code == 0
