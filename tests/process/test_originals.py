"""What probes patch of the standard library reaches neither the engine's clocks nor its way to the judge."""

from __future__ import annotations

import time

import pytest

from tests.execution.running import by_label, outcomes

PATCHES = """
import datetime, json, os, select, signal, socket, time, unittest
from unittest import mock

from freezegun import freeze_time


def broken(*_args, **_kwargs):
    raise RuntimeError("patched")


class TestFrozen(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(freeze_time("2012-01-14"))

    def test_frozen_a(self):
        self.assertEqual(datetime.datetime.now().year, 2012)

    def test_frozen_b(self):
        self.assertEqual(time.gmtime().tm_year, 2012)


class TestLeft(unittest.TestCase):
    def test_left_frozen(self):
        freeze_time("2012-01-14").start()

    def test_left_mocked(self):
        mock.patch("time.time").start()

    def test_left_replaced(self):
        time.time = time.monotonic = time.sleep = broken


class TestPatched(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name in ("time.time", "time.monotonic", "os.write", "os.dup2", "os.getppid", "signal.signal", "json.loads",
                     "socket.socket.recv", "socket.socket.sendall", "select.poll", "os._exit"):
            cls.enterClassContext(mock.patch(name, broken))
        cls.enterClassContext(mock.patch("os.getpid", return_value=1))

    def test_patched_a(self):
        print("printed")
        self.assertEqual(os.getpid(), 1)

    def test_patched_b(self):
        self.fail("on purpose")


class TestZ(unittest.TestCase):
    def test_z(self):
        pass
"""


@pytest.mark.parametrize("parallel", ["1", "2", "0"])
def test_what_probes_patch_does_not_reach_the_engine(project, parallel):
    """Frozen clocks, mocks and functions that are replaced: each result is its probe's own, at its own time."""
    project.app("shop", PATCHES)
    before = time.time()
    done, record = project.record("--parallel", parallel)
    assert done.code == 1, done.err
    assert outcomes(record) == {
        "test_frozen_a": "passed",
        "test_frozen_b": "passed",
        "test_left_frozen": "passed",
        "test_left_mocked": "passed",
        "test_left_replaced": "passed",
        "test_patched_a": "passed",
        "test_patched_b": "failed",
        "test_z": "passed",
    }
    assert by_label(record)["test_patched_b"]["message"] == "on purpose"
    today = time.strftime("%Y-%m-%d", time.gmtime(before)), time.strftime("%Y-%m-%d", time.gmtime())
    for result in record["results"]:
        assert 0 <= result["duration"] < 60, result
        assert result["started_at"][:10] in today, result
    assert 0 <= record["duration"] < 90


def test_a_frozen_clock_does_not_stop_a_timeout(project):
    """A probe that hangs while time stands still ends at its timeout, with its own duration."""
    project.app(
        "shop",
        """
        import time, unittest
        from freezegun import freeze_time

        class TestSlow(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.enterClassContext(freeze_time("2012-01-14"))

            def test_slow(self):
                time.sleep(60)
        """,
    )
    done, record = project.record("--timeout", "500ms")
    assert done.code == 1
    (result,) = record["results"]
    assert result["outcome"] == "timeout"
    assert 0.5 <= result["duration"] < 30
    assert not result["started_at"].startswith("2012")


BUILTINS = """
import unittest
from unittest import mock


def broken(*_args, **_kwargs):
    raise RuntimeError("patched")


class TestLeft(unittest.TestCase):
    pass


for number, name in enumerate(["builtins.round", "builtins.max", "builtins.sorted", "threading.active_count"]):
    def test_passes(self, name=name):
        mock.patch(name, broken).start()
    def test_fails(self, name=name):
        mock.patch(name, broken).start()
        self.fail("on purpose")
    setattr(TestLeft, f"test_passes_{number}", test_passes)
    setattr(TestLeft, f"test_fails_{number}", test_fails)
"""


def test_builtins_that_a_probe_leaves_patched_do_not_break_its_worker(project):
    """The verdict on the probe is its own, whether it passed or failed."""
    project.app("shop", BUILTINS)
    done, record = project.record()
    assert done.code == 1
    found = outcomes(record)
    assert len(found) == 8
    for name, outcome in found.items():
        assert outcome == ("passed" if "passes" in name else "failed"), record["results"]


GREEN = """
import os, select, selectors, socket, sys, time, types


def waits_in_a_hub(*_args, **_kwargs):
    raise RuntimeError("the engine has to wait by itself")


for module, names in [
    (os, ["fork", "read", "write", "open", "fdopen", "waitpid"]),
    (select, ["select", "poll", "epoll"]),
    (selectors, ["DefaultSelector", "EpollSelector", "PollSelector"]),
    (socket, ["socket", "socketpair", "SocketType"]),
    (time, ["sleep"]),
]:
    for name in names:
        setattr(module, name, waits_in_a_hub)

begun_anew = []
for name, function in [("gevent", "reinit"), ("eventlet.hubs", "use_hub")]:
    sys.modules[name] = types.ModuleType(name)
    setattr(sys.modules[name], function, lambda name=name: begun_anew.append((name, os.getpid())))
"""


@pytest.mark.parametrize("parallel", ["2", "0"])
def test_what_settings_patch_does_not_reach_the_engine(project, parallel):
    """Whatever waits may be of gevent or eventlet, which begin anew in each fork; the engine waits by itself."""
    project.configure(GREEN)
    project.app(
        "shop",
        """
        import os, unittest
        import site_settings

        class TestGreen(unittest.TestCase):
            def test_a(self):
                begun = {name for name, process in site_settings.begun_anew if process == os.getpid()}
                self.assertEqual(begun, {"gevent", "eventlet.hubs"} if PARALLEL else set())

            def test_b(self):
                self.fail("on purpose")
        """.replace("PARALLEL", parallel),
    )
    done, record = project.record("--parallel", parallel)
    assert done.code == 1, done.err
    assert outcomes(record) == {"test_a": "passed", "test_b": "failed"}, record["results"]
    assert by_label(record)["test_b"]["message"] == "on purpose"


def test_a_default_timeout_of_sockets_is_not_the_engines(project):
    """Settings may give one to the project's own: a process of the run that has nothing to do for longer stays."""
    project.configure("import socket\nsocket.setdefaulttimeout(0.05)\n")
    project.app(
        "shop",
        """
        import os, time, unittest

        class TestA(unittest.TestCase):
            def test_a(self):
                time.sleep(0.3)
                os._exit(0)

            def test_b(self):
                pass
        """,
    )
    done, record = project.record()
    assert done.code == 1, done.err
    assert outcomes(record) == {"test_a": "error", "test_b": "passed"}, record["results"]
