"""deploy/entrypoint, the shell script that a container begins with, on this machine."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT

ENTRYPOINT = ROOT / "deploy" / "entrypoint"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with its tables, as the build of the image makes it."""
    path = tmp_path_factory.mktemp("database") / "db.sqlite3"
    command = [sys.executable, str(ROOT / "deploy" / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(command, env={"DATABASE_URL": f"sqlite:///{path}"}, check=True, timeout=60)
    return path


@pytest.fixture
def image(tmp_path, database):
    """A folder like /app in the image, and one for temporary files."""
    shutil.copytree(ROOT / "deploy", tmp_path / "app" / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "app" / "django_probe").symlink_to(ROOT / "django_probe")
    shutil.copy(database, tmp_path / "app")
    (tmp_path / "tmp").mkdir()
    return tmp_path


def start(image, *arguments, **variables):
    """Start the entrypoint of the folder with this Python first on PATH."""
    own = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "TMPDIR": str(image / "tmp")}
    return subprocess.Popen(
        [str(image / "app" / "deploy" / "entrypoint"), *arguments],
        env={**own, "PYTHONPATH": str(image / "app"), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        cwd=image,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(image, *arguments, **variables):
    """Run the entrypoint to its end; give exit code, standard output and error."""
    process = start(image, *arguments, **variables)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_gate__is_the_command_with_its_options(image):
    """The gate that is named runs, and its exit code comes through."""
    code, out, err = run(image, "gate", "deploy", "--junit", "-", "probe_platform")
    assert code == 0, err
    assert out.startswith("<testsuites ")
    assert err.splitlines()[-1].startswith("gate deploy: PASSED")
    code, _, err = run(image, "gate", "nosuch")
    assert code == 2
    assert "nosuch" in err


@pytest.mark.parametrize("arguments", [("gate",), ("gate", "--junit", "-"), ()])
def test_usage__one_line_and_exit_code_2(image, arguments):
    """Without the gate's name, or without anything."""
    code, out, err = run(image, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "gate NAME" in err


def test_gate__is_the_process_that_gets_the_signal(image):
    """No shell stands between: SIGTERM is the gate's, which says so."""
    (image / "probes").mkdir()
    probe = "import time, unittest\nclass TestA(unittest.TestCase):\n    def test(self): time.sleep(60)\n"
    (image / "probes" / "slow.py").write_text(probe, encoding="utf-8")
    process = start(image, "gate", "deploy", "slow", PROBE_PATH=str(image / "probes"))
    assert "1 probe to run" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 143
    assert "SIGTERM ended the run" in err


def test_manage__runs_a_command(image):
    """What Django's manage.py would."""
    code, out, _ = run(image, "manage", "probe", "--list", "probe_http")
    assert (code, out) == (0, "probe_http.TestTargets.test_each_answers_as_the_release\n")


def test_collect__reads_logs(image):
    """The options and exit codes of django_probe.collect."""
    code, _, err = run(image, "collect")
    assert code == 20
    assert err.startswith("collect: no report")


def test_anything_else__is_executed(image):
    """With its arguments as they are, and its own exit code."""
    assert run(image, "printf", "%s|", "a b", "$HOME") == (0, "a b|$HOME|", "")
    assert run(image, "sh", "-c", "exit 9")[0] == 9


def test_database__is_copied_to_where_it_can_be_written(image):
    """The embedded one stays as the image has it, and a copy that is there is used again."""
    template = (image / "app" / "db.sqlite3").read_bytes()
    code = "from django.contrib.auth.models import User; User.objects.create(username='a'); print(User.objects.count())"
    for count in ("1", "unique"):
        _, out, err = run(image, "manage", "shell", "--no-imports", "-c", code)
        assert count in (out.strip() or err.lower())
    assert (image / "app" / "db.sqlite3").read_bytes() == template
    assert [path.name for path in (image / "tmp").iterdir()] == ["django-probe.sqlite3"]


@pytest.mark.parametrize(
    "variables", [{"DATABASE_URL": "sqlite:////nowhere/db"}, {"DJANGO_SETTINGS_MODULE": "team_settings"}]
)
def test_database__of_ones_own_is_left_alone(image, variables):
    """Where the environment names a database, or settings of a team, nothing is copied and nothing is set."""
    (image / "app" / "team_settings.py").write_text("from deploy.settings import *\n", encoding="utf-8")
    code = "import os; print(os.environ.get('DATABASE_URL'))"
    _, out, err = run(image, "manage", "shell", "--no-imports", "-c", code, **variables)
    assert out.strip() == str(variables.get("DATABASE_URL")), err
    assert list((image / "tmp").iterdir()) == []


def test_serve__a_number_of_workers_that_is_none_is_one_line(image):
    """Else gunicorn would read it before its configuration, and would end in a traceback; set and empty is not set."""
    assert run(image, "serve", WEB_CONCURRENCY="many") == (
        2,
        "",
        "WEB_CONCURRENCY: expected a whole number, got 'many'\n",
    )
    assert run(image, "serve", "--print-config", WEB_CONCURRENCY="")[0] == 0


# Those of docs/container-settings.md that only a run reads.
OF_A_RUN = {
    "PROBE_POLICY": "/nope",
    "PROBE_RUNNER": "a.b",
    "PROBE_TARGETS": "foo",
    "PROBE_TARGET_TIMEOUT": "x",
    "PROBE_REPORT_SINK": "x",
    "PROBE_TERMINATION_LOG": "/nope/log",
}


def test_table__says_what_only_a_run_reads():
    """The page names these variables, and no other ones, as those that a server does not look at."""
    page = (ROOT / "docs" / "container-settings.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith("- **What only a run reads:**"))
    assert re.findall(r"`(\w+)`", line) == list(OF_A_RUN)


@pytest.mark.parametrize(("name", "value"), OF_A_RUN.items(), ids=list(OF_A_RUN))
def test_value__that_only_a_run_reads_ends_a_gate(image, name, value):
    """The gate says so in one line and runs nothing."""
    code, _, err = run(image, "gate", "deploy", **{name: value})
    assert (code, err.count("\n")) == (2, 1)
    assert value in err


def test_values__that_only_a_run_reads_end_no_server(image):
    """Gunicorn loads the project as if nothing were wrong."""
    code, _, err = run(image, "serve", "--check-config", **OF_A_RUN)
    assert code == 0, err


def test_value__of_the_settings_ends_gate_and_server(image):
    """What the settings are made of is wrong for both."""
    for arguments in (["gate", "deploy"], ["serve", "--check-config"]):
        code, _, err = run(image, *arguments, CACHE_URL="foo")
        assert code == 2
        assert err.startswith("CACHE_URL: ")


def test_file_of_tokens__is_not_read_before_somebody_asks(image):
    """A server starts without it, and a gate does not care."""
    history = f"sqlite:///{image}/history.sqlite3"
    variables = {"PROBE_HISTORY_DATABASE_URL": history, "PROBE_TOKENS_FILE": "/nope"}
    assert run(image, "serve", "--check-config", **variables)[0] == 0
    code, _, err = run(image, "gate", "deploy", "--list", **variables)
    assert code == 0, err
    assert "/nope" not in err


def test_serve__is_gunicorn_with_our_configuration(image):
    """Options behind it are gunicorn's."""
    code, out, err = run(image, "serve", "--print-config", WEB_CONCURRENCY="2")
    assert code == 0, err
    assert f"{image}/app" in out
    assert any(line.split() == ["workers", "=", "2"] for line in out.splitlines())
