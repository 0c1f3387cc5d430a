"""A session: what probes start does not outlive the run, and nothing outlives the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.execution.running import Started, children, is_alive, outcomes, text_of, wait_for


def test_what_probes_leave_running_is_gone_when_the_run_ends(project):
    """Threads, children, forks that hold the worker's own pipes, orphans, in sessions of their own or not."""
    project.app(
        "shop",
        """
        import os, subprocess, threading, time, unittest
        from pathlib import Path

        def note(pid):
            with Path("pids").open("a") as file:
                file.write(f"{pid}\\n")

        class TestLeaves(unittest.TestCase):
            def test_thread(self):
                threading.Thread(target=time.sleep, args=(600,)).start()

            def test_child(self):
                note(subprocess.Popen(["sleep", "600"]).pid)

            def test_session(self):
                note(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)

            def test_fork_that_holds_everything(self):
                if pid := os.fork():
                    note(pid)
                else:
                    time.sleep(600)

            def test_fork_in_a_session_that_holds_everything(self):
                if pid := os.fork():
                    note(pid)
                else:
                    os.setsid()
                    time.sleep(600)

            def test_orphan(self):
                if pid := os.fork():
                    os.waitpid(pid, 0)
                else:
                    os.setsid()
                    if pid := os.fork():
                        note(pid)
                        os._exit(0)
                    time.sleep(600)

            def test_session_and_crash(self):
                if pid := os.fork():
                    note(pid)
                    os._exit(1)
                os.setsid()
                time.sleep(600)
        """,
    )
    done, record = project.record()
    assert done.code == 1, done.err
    assert record["counts"]["passed"] == 6, outcomes(record)
    pids = [int(line) for line in (project.path / "pids").read_text().split()]
    assert len(pids) == 6
    assert not [pid for pid in pids if is_alive(pid)]


def test_nothing_survives_the_command_when_it_is_killed(project):
    """The kernel ends the runner and the workers with it, one that hangs in C included."""
    project.app(
        "shop",
        """
        import ctypes, os, time, unittest
        from pathlib import Path

        class TestHangs(unittest.TestCase):
            def test_python(self):
                Path("python").write_text(f"{os.getpid()}\\n")
                time.sleep(600)

            def test_c(self):
                libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
                libc.pthread_mutex_lock(mutex)
                Path("c").write_text(f"{os.getpid()}\\n")
                libc.pthread_mutex_lock(mutex)
        """,
    )
    with Started(project, "--parallel", "2") as run:
        workers = {int(text_of(project.path / name)) for name in ("python", "c")}
        started = set(children(run.process.pid))
        assert workers < started
        run.process.send_signal(signal.SIGKILL)
        run.process.wait()
        wait_for(lambda: not any(map(is_alive, started)), f"the end of {started}")
    assert not (project.path / "record.json").exists()


def test_children_that_nobody_is_told_of_do_not_matter(project):
    """A parent may have had the kernel throw away how its children end, and that is inherited."""
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
    code = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"

    done = subprocess.run(
        [sys.executable, "-c", code, *project.command("probe")],
        cwd=project.path,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lacks", ["processes", "files"])
def test_where_no_process_can_be_started_the_gate_is_closed(project, tmp_path, lacks):
    """Every report is there and says what lacks; to list probes is a mistake with one line."""
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
    if lacks == "processes":
        project.configure("import posix\ndef none():\n    raise BlockingIOError(11, 'no more')\nposix.fork = none\n")
    command = ["sh", "-c", f'{"ulimit -n 12; " if lacks == "files" else ""}exec "$@"', "sh"]
    for options, code in ([], 1), (["--list"], 2):
        reports = [] if code == 2 else ["--json", str(tmp_path / "json"), "--junit", str(tmp_path / "xml")]
        done = subprocess.run(
            [*command, *project.command("probe", *options, *reports)],
            cwd=project.path,
            env=project.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert "no process could be started: " in done.stderr
        assert "Traceback" not in done.stderr
    record = json.loads((tmp_path / "json").read_text())
    assert record["exit_code"] == 1
    assert "<error" in (tmp_path / "xml").read_text()
