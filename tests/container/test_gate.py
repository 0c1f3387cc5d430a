"""Gates in a container that is as strict as a restricted pod: read-only, not root, 256 MiB, no volume."""

from __future__ import annotations

from datetime import datetime
from textwrap import dedent

from tests.container.images import inspect
from tests.container.logs import collected

PROBES = ("--env=PROBE_PATH=/probes", "--env=PROBE_REPORT_SINK=log")


def test_gate__passes_without_any_setting(container, tell):
    """The embedded database has its tables; the verdict is the exit code and the last line."""
    with container.start("gate", "deploy") as running:
        code = running.wait()
        log = running.logs()
        state = inspect(running.name)["State"]
    assert code == 0, log
    assert log.splitlines()[-1].startswith("gate deploy: PASSED (exit 0)")
    assert "passed   probe_platform.TestMigrations.test_none_is_unapplied" in log
    began, ended = (datetime.fromisoformat(state[key]) for key in ("StartedAt", "FinishedAt"))
    tell("gate in a container, from its start to its end", f"{(ended - began).total_seconds():.2f} s")


def test_gate__is_closed_by_what_fails(container):
    """Exit code 1, with the reason in the log."""
    done = container.run("gate", "deploy", "--retries", "0", PROBE_TARGETS="http://127.0.0.1:9/")
    assert done.returncode == 1
    assert "http://127.0.0.1:9/: no connection to 127.0.0.1 port 9: Connection refused" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("gate deploy: CLOSED (exit 1)")


def test_gate__ends_on_sigterm_with_its_partial_report(container, probes):
    """What a pod that is deleted says: what ended, what was running, what never began; exit code 143."""
    (probes / "slow.py").write_text(
        dedent(
            """\
            import time, unittest
            class TestA(unittest.TestCase):
                def test_1_quick(self): pass
                def test_2_slow(self): time.sleep(60)
                def test_3_never(self): pass
            """
        ),
        encoding="utf-8",
    )
    mount = f"--volume={probes}:/probes:ro"
    with container.start("gate", "deploy", "slow", "--parallel", "1", options=(*PROBES, mount)) as running:
        running.await_line("passed   slow.TestA.test_1_quick")
        running.signal("TERM")
        code = running.wait(30)  # Kubernetes would kill it then
        log = running.logs()
    assert code == 143, log
    assert collected(log) == {"test_1_quick": [], "test_2_slow": ["error"], "test_3_never": ["skipped"]}
    assert "SIGTERM ended the run" in log.splitlines()[-1]


def test_gate__a_probe_that_needs_more_memory_than_there_is_harms_itself_alone(container, probes):
    """The kernel kills the worker, its record says so, and the others have theirs."""
    (probes / "greedy.py").write_text(
        dedent(
            """\
            import unittest
            class TestA(unittest.TestCase):
                def test_greedy(self): bytearray(b"x") * (400 << 20)
                def test_modest(self): pass
            """
        ),
        encoding="utf-8",
    )
    options = (*PROBES, f"--volume={probes}:/probes:ro", "--memory-swap=256m")
    done = container.run("gate", "deploy", "greedy", "--retries", "0", options=options)
    assert done.returncode == 1, done.stderr
    assert collected(done.stdout) == {"test_greedy": ["error"], "test_modest": []}


def test_entrypoint__the_other_ways(container):
    """`manage` runs a command, `collect` reads a log, anything else is executed with its own exit code."""
    assert container.run("manage", "probe", "--list").stdout.startswith("probe_")
    assert container.run("collect").returncode == 20
    assert container.run("sh", "-c", "exit 7").returncode == 7
    assert container.run("gate").returncode == 2


def test_database__the_embedded_one_can_be_written(container):
    """Also where nothing but the shared memory can be: probes may roll back what they wrote."""
    code = "from django.contrib.auth.models import User; User.objects.create(username='a'); print(User.objects.count())"
    done = container.run("manage", "shell", "--no-imports", "-c", code)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
