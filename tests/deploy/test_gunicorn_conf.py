"""deploy/gunicorn.conf.py as gunicorn reads it."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "deploy" / "gunicorn.conf.py"


def gunicorn(*arguments, **variables):
    """Run gunicorn with the file, from a folder that is not the project's."""
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", str(CONFIG), *arguments, "deploy.wsgi"],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def options(*arguments, **variables):
    """Return the options that gunicorn prints."""
    done = gunicorn("--print-config", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    lines = (line.partition(" = ") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def test_defaults__are_those_of_a_pod():
    """Threads, a heartbeat in memory, an end before Kubernetes kills, no access log, no control socket."""
    found = options()
    assert (found["bind"], found["threads"]) == ("['0.0.0.0:8000']", "8")
    assert found["worker_class"] == "deploy.worker.PatientWorker"
    assert found["worker_tmp_dir"] == "/dev/shm"
    assert int(found["graceful_timeout"]) < 30
    assert found["accesslog"] == "None"
    assert found["preload_app"] == "True"
    assert found["chdir"] == str(ROOT)


def test_environment__sets_workers_threads_address_grace_and_log():
    """Each variable of docs/image.md is heard."""
    found = options(
        WEB_BIND="[::]:9000", WEB_CONCURRENCY="3", WEB_THREADS="2", WEB_GRACEFUL_TIMEOUT="50", WEB_ACCESS_LOG="json"
    )
    assert (found["bind"], found["workers"], found["threads"]) == ("['[::]:9000']", "3", "2")
    assert (found["graceful_timeout"], found["accesslog"]) == ("50", "-")


def test_forwarded_headers__nobody_but_this_host_is_trusted_unless_it_is_said():
    """FORWARDED_ALLOW_IPS is gunicorn's own variable: addresses or networks."""
    assert "127.0.0.1" in options()["forwarded_allow_ips"]
    assert "10.0.0.0/8" in options(FORWARDED_ALLOW_IPS="10.0.0.0/8")["forwarded_allow_ips"]
    assert "127.0.0.1" not in options(FORWARDED_ALLOW_IPS="10.0.0.0/8")["forwarded_allow_ips"]


def test_arguments__are_stronger():
    """`serve --workers 2` is the operator's word."""
    assert options("--workers", "2", WEB_CONCURRENCY="3")["workers"] == "2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_CONCURRENCY", "0"),
        ("WEB_THREADS", "many"),
        ("WEB_GRACEFUL_TIMEOUT", "-1"),
        ("WEB_ACCESS_LOG", "yes"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_environment__a_wrong_value_is_one_line_and_exit_code_2(name, value):
    """The line names the variable and the value; nothing is served."""
    done = gunicorn("--check-config", **{name: value})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{name}: {value!r} is n")


@pytest.mark.parametrize(
    ("files", "workers"),
    [
        ({"cpu.max": "max 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "6400000 100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({}, 1),
    ],
    ids=["v2-none", "v2-half", "v2-one-and-a-half", "v2-many", "v1-none", "v1-three", "no-cgroup"],
)
def test_workers__one_for_each_cpu_of_the_limit(tmp_path, files, workers):
    """Version 2 and version 1 of cgroups; one without a limit, four at most."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    config = runpy.run_path(str(CONFIG))
    assert config["default_workers"](config["cpu_limit"](tmp_path)) == workers


def test_page__has_every_variable():
    """The table of docs/image.md names what the file reads, and what gunicorn reads itself."""
    page = (ROOT / "docs" / "image.md").read_text(encoding="utf-8")
    read = set(re.findall(r'"((?:WEB|LOG)_\w+)"', CONFIG.read_text(encoding="utf-8")))
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {*read, "FORWARDED_ALLOW_IPS"}
