"""Loading: an import that hangs, dies or lies closes the gate, and says which module and where."""

from __future__ import annotations

import pytest

from tests.execution.running import by_label, outcomes
from tests.patience import far_enough

HEALTHY = "import unittest\nclass TestWell(unittest.TestCase):\n    def test_well(self): pass\n"


def test_a_module_that_does_not_import_is_an_error_and_the_others_run(project):
    """An exception, sys.exit(), a syntax error: each an error record with its traceback; a SkipTest skips."""
    project.app("bank", HEALTHY)
    project.app("broken", "import nothing_of_this_name\n")
    project.app("exiting", "import sys\nsys.exit(0)\n")
    project.app("skipping", "import unittest\nraise unittest.SkipTest('not on this system')\n")
    project.app("typo", "def broken(:\n")
    project.app("zoo", HEALTHY.replace("well", "well_too"))
    done, record = project.record()
    assert done.code == record["exit_code"] == 1
    ended = {result["label"]: result for result in record["results"]}
    assert {label: result["outcome"] for label, result in ended.items()} == {
        "bank.TestWell.test_well": "passed",
        "broken": "error",
        "exiting": "error",
        "skipping": "skipped",
        "typo": "error",
        "zoo.TestWell.test_well_too": "passed",
    }
    assert "No module named 'nothing_of_this_name'" in ended["broken"]["message"]
    assert "broken.probes" in ended["broken"]["message"]
    assert "nothing_of_this_name" in ended["broken"]["details"]
    assert ended["skipping"]["message"] == "not on this system"


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("os._exit(0)", "exited with status 0"),
        ("ctypes.string_at(0)", "killed by SIGSEGV"),
        ("os.closerange(0, 256)", "exited with status 1"),
        ("os.fork() or (os.setsid(), time.sleep(600))\nos._exit(0)", "exited with status 0"),
    ],
    ids=["exit", "segfault", "closes all", "exit with a fork that holds all"],
)
def test_an_import_that_ends_the_process_closes_the_gate(project, ending, said):
    """Whatever the status: the record names the module, says how the process ended, and what was printed last."""
    project.app("bank", HEALTHY)
    project.app("shop", f"import ctypes, os, time\nprint('the last words', flush=True)\n{ending}\n")
    done, record = project.record("--timeout", "20s")
    assert done.code == record["exit_code"] == 1
    (result,) = record["results"]
    assert (result["label"], result["outcome"]) == ("shop", "error")
    assert result["message"].startswith("importing shop.probes ended the process: ")
    assert said in result["message"]
    assert "the last words" in result["details"]
    assert record["duration"] < 15, "it was noticed by the time limit alone"


def test_an_import_that_hangs_in_c_has_ten_seconds_at_least(project):
    """Then the gate is closed, and the record has the stack where the import hung."""
    project.app(
        "shop",
        """
        import ctypes

        def hang():
            libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
            libc.pthread_mutex_lock(mutex)
            libc.pthread_mutex_lock(mutex)

        hang()
        """,
    )
    done, record = project.record("--timeout", "1s")
    assert done.code == record["exit_code"] == 1
    (result,) = record["results"]
    assert (result["label"], result["outcome"]) == ("shop", "error")
    assert result["message"] == "importing shop.probes did not end within 10 s"
    assert "in hang" in result["details"]


def test_a_deadline_ends_an_import(project):
    """Exit 3, with the module that was being imported and where it was."""
    project.app("bank", HEALTHY)
    project.app("shop", "import time\n\ndef hang():\n    open('hangs', 'w').close()\n    time.sleep(600)\n\nhang()\n")
    done, record = far_enough(
        lambda seconds: project.record("--deadline", f"{seconds}s"), lambda _: (project.path / "hangs").exists()
    )
    assert done.code == record["exit_code"] == 3
    assert record["ended_by"] == "deadline"
    (result,) = record["results"]
    assert result["message"] == "deadline ended the run while shop.probes was being imported"
    assert "in hang" in result["details"]


def test_what_an_import_leaves_behind_does_no_harm(project):
    """Threads, children and changed handlers of a probes module: its probes run all the same, and the run ends."""
    project.app(
        "shop",
        """
        import signal, subprocess, threading, time, unittest

        threading.Thread(target=time.sleep, args=(600,)).start()
        child = subprocess.Popen(["sleep", "600"])
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("printed while importing")

        class TestAfter(unittest.TestCase):
            def test_passes(self):
                pass

            def test_fails(self):
                self.fail("on purpose")
        """,
    )
    done, record = project.record()
    assert done.code == 1
    assert outcomes(record) == {"test_passes": "passed", "test_fails": "failed"}
    assert by_label(record)["test_fails"]["output"] == ""
