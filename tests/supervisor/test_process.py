"""The application's process and its supervisor: signals, terminals, and what is left of a run that was killed."""

from __future__ import annotations

import os
import pty
import signal
from pathlib import Path

import pytest

from tests.supervisor.conftest import gone, wait_for

DAEMON = """
import ctypes, os, subprocess, sys
daemon = subprocess.Popen(
    [sys.executable, "-c", "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(600)"],
    start_new_session=True,
)
daemon.wait()
"""
WAITS = """
import subprocess
from django.conf import settings
self.addCleanup(Path(os.environ["CLEANED"]).write_text, "cleaned")
here = Path(os.environ["HERE"])
here.with_suffix(".new").write_text(str(os.getppid()))
here.with_suffix(".new").rename(here)
time.sleep(600)
"""


@pytest.fixture
def started(gate):
    """A run whose probe waits, and the process id of its command."""
    processes = []

    def start(**env):
        names = {"HERE": str(gate.out / "here"), "CLEANED": str(gate.out / "cleaned")}
        process = gate.start("-v0", *gate.options(), IN_PROBE=WAITS, **names, **env)
        processes.append(process)
        return process, int(wait_for(gate.out / "here"))

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def descendants(pid: int) -> set[int]:
    """Return every process that was started below one, by now."""
    found, look = set(), [pid]
    while look:
        parent = look.pop()
        children = Path(f"/proc/{parent}/task/{parent}/children")
        below = [int(child) for child in children.read_text().split()]
        found.update(below)
        look += below
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT, signal.SIGUSR1])
def test_command__that_is_killed(gate, started, number):
    """The reports say so, and every process of the run is ended, a daemon that hides included."""
    process, command = started(IN_SETTINGS=DAEMON)
    below = descendants(process.pid)
    assert command in below
    assert len(below) >= 4, "the command, the loader, a worker, a daemon"

    os.kill(command, number)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 1, err
    assert f"before it had a verdict: it was killed by {number.name}" in gate.startup()["message"]
    assert [pid for pid in below if not gone(pid)] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal__is_passed_on(gate, started, number, code):
    """The probe's cleanups run, and the reports are the command's own."""
    process, _ = started()

    process.send_signal(number)
    _, err = process.communicate(timeout=60)

    assert process.returncode == code, err
    record = gate.record()
    assert (record["ended_by"], record["results"][0]["label"]) == (number.name, "shop.TestA.test_a")
    assert (gate.out / "cleaned").exists()


def test_signal__of_a_terminal_that_hangs_up(gate, started):
    """SIGHUP ends the run, as it does without a supervisor: cleanups run, and the reports say so."""
    process, _ = started()

    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)

    assert process.returncode == 129
    assert gate.record()["ended_by"] == "SIGHUP"
    assert (gate.out / "cleaned").exists()


def test_signal__to_the_whole_group_and_passed_on(gate):
    """`timeout` sends it to its command and to the group: the command gets it twice, and was asked once."""
    env = {"HERE": str(gate.out / "here"), "CLEANED": str(gate.out / "cleaned")}
    gate.python = ("timeout", "6", *gate.python)

    gate.run(*gate.options(), IN_PROBE=WAITS, **env)

    assert gate.record()["ended_by"] == "SIGTERM"
    assert (gate.out / "cleaned").exists()


def test_signal__before_the_command_has_begun(gate):
    """Nobody takes it then: the record is the supervisor's, and its exit code the signal's."""
    here = gate.out / "here"
    waits = "import os, time; open(os.environ['HERE'], 'w').write('x'); time.sleep(600)"
    process = gate.start(*gate.options(), IN_SETTINGS=waits, HERE=str(here))
    wait_for(here)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert process.returncode == 143
    assert "it was killed by SIGTERM while settings and apps were loading" in gate.startup()["message"]
    assert gate.record()["ended_by"] == "SIGTERM"


@pytest.mark.parametrize(
    ("handler", "waits"), [("signal.SIG_IGN", "600"), ("lambda *_: None", "0.5")], ids=["ignored", "taken"]
)
def test_signal__that_an_application_does_not_heed_while_it_loads(gate, handler, waits):
    """It is killed after a while, or at the latest where the command would begin: no probe runs."""
    here = gate.out / "here"
    loads = (
        "import os, signal, time; signal.signal(signal.SIGTERM, {0}); "
        "open(os.environ['HERE'], 'w').write('x'); time.sleep({1})"
    )
    process = gate.start(*gate.options(), IN_SETTINGS=loads.format(handler, waits), HERE=str(here))
    wait_for(here)

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 143
    assert "never began: SIGTERM did not end it, so it was killed" in gate.startup()["message"]
    assert b"to run" not in err


def test_signal__beside_threads_of_a_tracer(started, tmp_path):
    """A thread that runs before the program may get its signals: both SIGTERM and SIGCHLD are noticed there."""
    (tmp_path / "sitecustomize.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    process, _ = started(PYTHONPATH=os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 143, err
    assert wait_for(tmp_path / "cleaned")


def test_supervisor__that_is_killed(started):
    """What it started is ended with it: nobody would hear its verdict."""
    process, command = started()

    process.kill()
    process.communicate(timeout=60)

    assert gone(command)


def on_a_terminal(gate, *arguments, act=None, **env):
    """Run it as the only thing on a terminal, `act`, and return its exit code and what was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(gate.site.path)
        environment = gate.environment({"TERM": "xterm", **env})
        os.execve(gate.python[0], [*gate.python, "probe", *arguments], environment)
    if act:
        act(terminal)
    seen = b""
    try:
        while chunk := os.read(terminal, 65536):
            seen += chunk
    except OSError:  # Linux says EIO once the last writer is gone
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_terminal__ctrl_c_asks_once(gate):
    """The terminal sends SIGINT to the command as well: passed on, it would be a second one, which waits for nobody."""

    def act(terminal):
        wait_for(gate.out / "here")
        os.write(terminal, b"\x03")

    env = {"HERE": str(gate.out / "here"), "CLEANED": str(gate.out / "cleaned")}
    code, seen = on_a_terminal(gate, *gate.options(), act=act, IN_PROBE=WAITS, **env)

    assert code == 130, seen
    assert gate.record()["ended_by"] == "SIGINT"
    assert (gate.out / "cleaned").exists()


def test_terminal__shows_what_goes_on(gate):
    """Once the command has begun the terminal is its own: a progress line, and colours."""
    code, seen = on_a_terminal(gate, IN_PROBE="time.sleep(0.5); self.fail('no')")

    assert code == 1
    assert "\r\x1b[K0/1 done | 0s shop.TestA.test_a" in seen
    assert "\x1b[1;31m" in seen


FORGES = """
import json, os, socket
offer = json.loads(os.environ["PROBE_SUPERVISOR"])
line = socket.socket(fileno=os.dup(offer["line"]))
record = {"exit_code": 0, "passed": True}
for token in ({}, {"token": ""}, {"token": "x" * 32}, {"token": None}):
    line.send(json.dumps({**token, "kind": "ran", "exit": 0, "record": record}).encode())
for stray in (b"hello", b"[1, 2]", b"\\xff" * 100, b"null"):
    line.send(stray)
"""


def test_word__without_the_token(gate):
    """A stray write to the socket is no record."""
    done = gate.run(*gate.options(), changes=True, IN_SETTINGS=FORGES + "os._exit(0)")

    assert done.code == 1, done.err
    assert "status 0" in gate.startup()["message"]


def test_word__beside_stray_ones(gate):
    """Nor does it harm the record that comes."""
    assert gate.run(*gate.options(), changes=True, IN_SETTINGS=FORGES).code == 0
    assert gate.record()["passed"] is True


OPEN = """\
import os
def descriptors():
    for number in os.listdir("/proc/self/fd"):
        if os.path.exists(f"/proc/self/fd/{number}"):
            yield os.readlink(f"/proc/self/fd/{number}")
if __name__ == "__main__":
    print(list(descriptors()))
"""
LOOKS = """
import subprocess, sys, openfiles
from django.conf import settings
below = subprocess.run([sys.executable, "openfiles.py"], capture_output=True, text=True, close_fds=False).stdout
inode = f"socket:[{settings.OFFER['inode']}]"
self.assertIn("pipe", below)
self.assertNotIn(inode, below)
self.assertNotIn(inode, list(openfiles.descriptors()))
self.assertNotIn("PROBE_SUPERVISOR", os.environ)
"""


def test_probe__sees_nothing_of_it(gate):
    """Neither the token nor the descriptors: not in its worker, nor in what it starts."""
    gate.site.write("openfiles.py", OPEN)
    settings = 'import json, os\nOFFER = json.loads(os.environ["PROBE_SUPERVISOR"])'

    done = gate.run(*gate.options(), changes=True, IN_SETTINGS=settings, IN_PROBE=LOOKS)

    assert done.code == 0, gate.record()


@pytest.mark.parametrize("descriptors", ["6", "9", "14"])
def test_supervisor__that_is_short_of_descriptors(gate, descriptors):
    """Whether no process can be started, it can hardly begin, or the run cannot: the reports say that it is closed."""
    gate.python = ("sh", "-c", 'ulimit -n "$0"; exec "$@"', descriptors, *gate.python)

    done = gate.run(*gate.options())

    assert done.code == 1, done.err
    (result,) = gate.record()["results"]
    # The command itself may have come so far that it says why it could not run anything.
    assert (result["label"], result["outcome"]) in {("startup", "error"), ("runner", "error")}
    assert result["message"]
