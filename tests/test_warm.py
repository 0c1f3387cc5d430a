"""A command that starts warm is to its user what one that starts from nothing is: the tests rely on it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm
from tests.patience import PATIENCE, wait_for

BOTH = pytest.mark.parametrize("start", [warm.run, warm.cold], ids=["warm", "cold"])
ENVIRONMENT = {"PATH": os.environ["PATH"], **warm.OWN}


@BOTH
def test_start__gives_arguments_folder_environment_and_streams(start, tmp_path):
    """The script is `__main__`, its folder is where modules are found first, and standard input is empty."""
    (tmp_path / "beside.py").write_text("HERE = True\n", encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, beside\n"
        "os.environ.pop('LC_CTYPE', None)  # Python may set it in a C locale\n"
        "print(__name__, __file__ == sys.argv[0], sys.argv[1:], os.getcwd(), sys.path[0], dict(os.environ) == "
        f"{ENVIRONMENT | {'OWN': 'value'}!r}, repr(sys.stdin.read()), sys.stdout.isatty())\n"
        "print('said', file=sys.stderr)\n"
        "sys.exit(7)\n",
        encoding="utf-8",
    )
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    done = start([sys.executable, script, "a", "b c"], cwd=folder, env={**ENVIRONMENT, "OWN": "value"})

    assert done.returncode == 7, done.stderr
    assert done.stdout.decode() == f"__main__ True ['a', 'b c'] {folder} {tmp_path} True '' False\n"
    assert done.stderr == b"said\n"


@BOTH
@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("pass", 0),
        ("import sys; sys.exit('why')", 1),
        ("raise ValueError", 1),
        ("import os; os._exit(200)", 200),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import atexit, os; atexit.register(os._exit, 5)", 5),
    ],
)
def test_start__ends_as_the_command_ends(start, tmp_path, code, ends):
    """By a code, an error, a signal, or what it does when Python ends."""
    assert start([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT).returncode == ends


@BOTH
def test_start__makes_warnings_errors_where_asked(start, tmp_path):
    """As `-W error` does, and for no command but this one."""
    command = [sys.executable, "-W", "error", "-c", "import warnings; warnings.warn('no')"]

    assert start(command, cwd=tmp_path, env=ENVIRONMENT).returncode == 1
    del command[1:3]
    assert start(command, cwd=tmp_path, env=ENVIRONMENT).returncode == 0


@BOTH
def test_start__may_open_as_many_files_as_who_starts_it(start, tmp_path):
    """The limit is that of now, not of when the tests began."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        done = start([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert int(done.stdout) == soft - 1


@BOTH
def test_start__has_a_time_limit(start, tmp_path):
    """What has not ended by then is killed."""
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"

    with pytest.raises(subprocess.TimeoutExpired):
        start([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT, timeout=2)

    pid = tmp_path / "pid"
    assert not pid.exists() or not _runs(int(pid.read_text(encoding="utf-8")))


def test_start__with_pipes_is_read_from_while_it_runs(tmp_path):
    """A line that it has written is there before it ends, and then all the rest; a wait for its end has a limit."""
    code = "import sys, time; print('first', file=sys.stderr); print('rest'); sys.stdout.flush(); time.sleep(600)"
    with warm.piped([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT) as process:
        assert process.stderr.readline() == b"first\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=0.01)
        process.kill()
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, err) == (-signal.SIGKILL, b"")
    assert out in (b"rest\n", b"")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_start__knows_no_settings_and_no_project(tmp_path):
    """No test's modules and no model are imported, and no settings are known: each command reads them itself."""
    code = (
        "import sys, django.apps, django.conf; print(sorted(name for name in sys.modules if name.startswith(('tests', "
        "'django_probe.history', 'django_probe.contrib'))), django.conf.settings.configured, django.apps.apps.ready, "
        "dict(django.apps.apps.all_models), sys.modules['__main__'].__dict__.keys() <= set(vars()))"
    )

    done = warm.run([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT)

    assert done.stdout == b"[] False False {} True\n", done.stderr


@pytest.mark.parametrize("name", ["PYTHONIOENCODING", "PYTHONPATH", "LC_ALL"])
def test_start__is_cold_where_python_reads_the_environment_when_it_starts(name):
    """A warm process has started before it."""
    assert warm.may_be_warm(ENVIRONMENT) or os.environ.get("PROBE_TESTS_COLD") == "1"
    assert not warm.may_be_warm({**ENVIRONMENT, name: "other"})


@pytest.mark.parametrize(
    "line", [[sys.executable], [sys.executable, "-m", "pip"], [sys.executable, "-I", "x.py"], ["sh", "x.py"]]
)
def test_start__is_cold_for_every_other_command_line(line):
    """Options of Python, modules, and other programs."""
    assert warm.understand(line) is None


def test_start__of_a_server_is_asked_waited_for_and_ended(tmp_path):
    """Gunicorn in a session of its own, with more folders to import from, and its output at once in a file."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "here.py").write_text("print('imported')\n\ndef app(environ, start): pass\n", encoding="utf-8")
    env = {**ENVIRONMENT, "PYTHONPATH": f"{warm.ROOT}:{tmp_path}/more", "PYTHONUNBUFFERED": "1", "HOME": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--preload", "here:app"]
        server = warm.start(command, cwd=tmp_path, env=env, output=log.fileno())
    wait_for(lambda: b"Booting worker" in (tmp_path / "log").read_bytes(), (tmp_path / "log").read_text)

    assert (os.getsid(server.pid), server.poll()) == (server.pid, None)
    with pytest.raises(subprocess.TimeoutExpired):
        server.wait(0.01)
    server.terminate()
    assert (server.wait(PATIENCE), server.poll()) == (0, 0)
    assert (tmp_path / "log").read_text().startswith("imported\n")
