"""The two commands that a newcomer types, where something is in their way."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SEEN = "database= settings=examples.settings history=sqlite:///build/history.sqlite3"


def script(path: Path, text: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make in the folder, as someone with another system's settings in the shell would."""
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**environment, "DATABASE_URL": "postgres://production", "DJANGO_SETTINGS_MODULE": "theirs", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile and no virtualenv yet."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def installed(checkout: Path) -> Path:
    """A checkout whose virtualenv is there: its Python says what it was asked, and a probe exits as told."""
    says = 'echo "$*" database=$DATABASE_URL settings=$DJANGO_SETTINGS_MODULE history=$PROBE_HISTORY_DATABASE_URL'
    script(checkout / ".venv/bin/python", f'{says}\n[ "$2" != probe ] || exit $(cat code)')
    for stamp in (".made", ".installed"):
        (checkout / ".venv" / stamp).touch()
    return checkout


def test_an_old_python_is_named_with_the_way_out(checkout):
    """Python 3.9 ends `make gate` with one line: what it is, what is needed, what to type."""
    old = script(checkout / "python-old", '[ "$1" != --version ] || { echo Python 3.9.2; exit 0; }; exit 1')
    done = make(checkout, "gate", f"PYTHON={old}")
    assert done.returncode == 2
    assert f"Python 3.11 or newer is needed, and {old} is Python 3.9.2; name another" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_named_with_the_way_out(checkout):
    """Debian ships venv apart: the line says which package to install."""
    bare = script(checkout / "python-bare", 'case "$2" in *ensurepip*) exit 1;; esac')
    done = make(checkout, "gate", f"PYTHON={bare}")
    assert done.returncode == 2
    assert "has no venv module; install it (Debian, Ubuntu: apt-get install python3-venv)" in done.stderr


def test_a_python_that_is_not_there_is_said_to_be_missing(checkout):
    """A mistyped PYTHON is reported as such."""
    done = make(checkout, "gate", "PYTHON=python-nowhere")
    assert done.returncode == 2
    assert "there is no python-nowhere" in done.stderr


def test_an_open_gate_ends_with_success(installed):
    """`make gate` opens the example shop, runs its gate, and says where the report is; no other system is touched."""
    (installed / "code").write_text("0")
    done = make(installed, "gate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"deploy/manage.py shop open {SEEN}",
        f"deploy/manage.py probe --gate deploy --junit build/junit.xml {SEEN}",
        "make gate: the gate is open; the report is build/junit.xml",
    ]


def test_a_policy_of_ones_own_is_used(installed):
    """`make gate PROBE_POLICY=FILE` takes the gate from that file, wherever the variable stands."""
    (installed / "code").write_text("0")
    script(installed / ".venv/bin/python", "echo policy=$PROBE_POLICY")
    for done in (
        make(installed, "gate", "PROBE_POLICY=gates.yaml"),
        make(installed, "gate", PROBE_POLICY="gates.yaml"),
    ):
        assert done.stdout.splitlines()[1] == "policy=gates.yaml"


def test_a_history_of_ones_own_is_used(installed):
    """PROBE_HISTORY_DATABASE_URL is used; an empty one means no history, and one database has all tables."""
    (installed / "code").write_text("0")
    other = make(installed, "gate", PROBE_HISTORY_DATABASE_URL="postgres://own")
    assert [line.partition("history=")[2] for line in other.stdout.splitlines()[:2]] == ["postgres://own"] * 2
    none = make(installed, "gate", PROBE_HISTORY_DATABASE_URL="")
    assert none.stdout.splitlines()[0] == "deploy/manage.py shop open database= settings=examples.settings history="


@pytest.mark.parametrize("what", ["sell-out", "restock"])
def test_the_shop_can_be_broken_and_mended(installed, what):
    """`make sell-out` and `make restock` work in a checkout in which nothing ran before."""
    assert make(installed, what).stdout.splitlines() == [
        f"deploy/manage.py shop open {SEEN}",
        f"deploy/manage.py shop {what} {SEEN}",
    ]


def test_the_server_and_its_users_have_the_history_of_the_gate(installed):
    """`make serve` and `make user` work on the file that `make gate` writes, and the one tells of the other."""
    serve, user = make(installed, "serve"), make(installed, "user")
    address = "http://127.0.0.1:8000/"
    assert serve.stdout.splitlines() == [
        f"deploy/manage.py shop open {SEEN}",
        f"make serve: the shop is at {address}, the log-in to its gates at {address}accounts/login/",
        "make serve: make user makes a user who may log in; Ctrl-C ends the server",
        f"-m gunicorn --config deploy/gunicorn.conf.py deploy.wsgi {SEEN}",
    ]
    assert user.stdout.splitlines()[-1] == f"deploy/manage.py createsuperuser {SEEN}"
    unattended = make(installed, "user", DJANGO_SUPERUSER_PASSWORD="correct horse")
    assert unattended.stdout.splitlines()[-1] == f"deploy/manage.py createsuperuser --noinput {SEEN}"


def test_the_tests_get_no_settings(installed):
    """The settings of the example are for the example's targets alone, and nobody else's reach the tests."""
    says = 'echo "settings=$DJANGO_SETTINGS_MODULE"; mkdir -p build; touch build/tests-x.xml'
    script(installed / ".venv/bin/tox", says)
    (installed / ".venv/.tox").touch()
    assert make(installed, "test").stdout.splitlines() == ["settings="]


def test_a_closed_gate_fails_make_and_shows_its_own_exit_code(installed):
    """The exit code of make is 2 for any error, so the gate's code stands on the screen."""
    (installed / "code").write_text("3")
    done = make(installed, "gate")
    assert done.returncode == 2
    assert "make gate: the gate is CLOSED, exit code 3" in done.stderr
    assert "is open" not in done.stdout
