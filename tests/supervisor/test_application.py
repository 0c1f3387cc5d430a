"""Which application is started, and that it finds itself as Python would have started it."""

from __future__ import annotations

import json
import os
import sys

import pytest

FINDS_ITSELF = """
import json, os, sys
if os.environ.get("OUT"):
    main = sys.modules["__main__"]
    found = {
        "argv": sys.argv[1:], "script": os.path.realpath(sys.argv[0]), "path": sys.path, "file": main.__file__,
        "name": main.__name__, "own": main.__dict__ is globals(), "cwd": os.getcwd(),
    }
    with open(os.environ["OUT"], "w") as out:
        json.dump(found, out)
"""


def test_script__finds_itself_as_ever(gate):
    """Its arguments, its folder first on the path, its module: what manage.py sees without a supervisor."""
    manage = gate.site.path / "manage.py"
    before = manage.read_text()
    manage.write_text(FINDS_ITSELF + before)
    found = []
    try:
        for name, program in (("supervised", gate.python), ("alone", (sys.executable, "manage.py"))):
            gate.python = program
            assert gate.run("--verbosity", "0", OUT=str(gate.out / name)).code == 0
            found.append(json.loads((gate.out / name).read_text()))
    finally:
        manage.write_text(before)

    assert found[0] == found[1]
    assert found[0]["own"]


def test_script__whose_folder_has_modules_named_as_python_s(gate):
    """Where a script's folder comes first on the path, what the supervisor has imported already does not hide them."""
    own = gate.site.path / "signal.py"
    own.write_text("MINE = True\n")
    # The console script: `python -m` would find the module first of all, as it would without this package.
    script = gate.out / "django-probe"
    script.write_text("from django_probe.__main__ import main\nmain()\n")
    gate.python = (sys.executable, str(script))
    try:
        done = gate.run("--list", IN_MANAGE="import signal\nassert signal.MINE\nprint('mine')\nraise SystemExit(7)")
    finally:
        own.unlink()

    assert "status 7" in done.err
    assert "mine" in done.err


def test_script__that_executes_itself_anew(gate):
    """As one does that changes to a virtualenv: the offer survives, and the deadline counts from the first start."""
    again = """
import os, sys, time
if not os.environ.get("AGAIN"):
    time.sleep(2)
    os.environ["AGAIN"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.argv])
"""
    done = gate.run(*gate.options(), IN_MANAGE=again)

    assert done.code == 0, done.err
    assert gate.record()["duration"] > 2


def test_script__that_is_named(gate, tmp_path):
    """DJANGO_PROBE_MANAGE, from any folder."""
    done = gate.run("--list", cwd=tmp_path, DJANGO_PROBE_MANAGE=str(gate.site.path / "manage.py"))

    assert (done.code, done.out) == (0, "shop.TestA.test_a\n")


def test_script__that_is_not_there(gate, tmp_path):
    """One line says which, and nothing is written."""
    done = gate.run(*gate.options(), cwd=tmp_path, DJANGO_PROBE_MANAGE="src/manage.py")

    assert done.code == 2
    assert done.err == (
        "django-probe probe: DJANGO_PROBE_MANAGE: there is no file src/manage.py; name the project's manage.py\n"
    )


def test_no_script(gate, tmp_path):
    """`python -m django`, with the settings that environment or option name."""
    path = os.pathsep.join([str(gate.site.path), gate.environment({})["PYTHONPATH"]])
    for how in ({"DJANGO_SETTINGS_MODULE": "site_settings"}, {}):
        named = [] if how else ["--settings", "site_settings"]
        done = gate.run("--list", *named, cwd=tmp_path, PYTHONPATH=path, **how)

        assert (done.code, done.out) == (0, "shop.TestA.test_a\n"), done.err

    done = gate.run(*gate.options(), cwd=tmp_path, PYTHONPATH=path, DJANGO_SETTINGS_MODULE="no_settings")
    assert done.code == 1
    assert "No module named 'no_settings'" in gate.startup()["output"]


def test_no_script__and_no_settings(gate, tmp_path):
    """Exit code 2, and what to do."""
    done = gate.run(cwd=tmp_path)

    assert done.code == 2
    assert done.err.startswith(f"django-probe probe: there is no manage.py in {tmp_path}: start this where it is, let")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["prob"]])
def test_program__without_a_known_command(gate, arguments):
    """Usage, exit code 2, and the nearest command for one that is none."""
    done = gate.bare(*arguments)

    assert done.returncode == 2
    assert done.stderr.startswith(b"usage: django-probe probe")
    assert done.stderr.endswith(b'no command "prob"; did you mean "probe"?\n') == bool(arguments)


def test_program__collects(gate):
    """`django-probe collect` reads what `PROBE_REPORT_SINK=log` printed."""
    log = gate.out / "log"
    log.write_text(gate.run(PROBE_REPORT_SINK="log").out)

    done = gate.bare("collect", str(log))

    assert done.returncode == 0
    assert b'name="shop"' in done.stdout


@pytest.mark.parametrize(("option", "says"), [("--help", "--junit PATH"), ("--version", "django-probe 0.")])
def test_program__says_what_it_can(gate, option, says):
    """On standard output, without settings."""
    done = gate.run(option, IN_MANAGE="print('started')")

    assert done.code == 0
    assert says in done.out
    assert done.err == ""


def test_script__that_changes_to_its_own_folder(gate, tmp_path):
    """Relative paths of reports are the caller's: there is one report of each, and it is where the verdict is."""
    manage = gate.site.path / "manage.py"
    changes = f"import os\nos.chdir({str(gate.site.path)!r})"
    done = gate.run(
        *["--junit", "gate.xml", "--json", "./record.json", "--summary", "summary.md"],
        cwd=tmp_path,
        DJANGO_PROBE_MANAGE=str(manage),
        IN_MANAGE=changes,
        PROBE_TERMINATION_LOG="termination",
    )

    assert done.code == 0, done.err
    assert gate.record()["results"][0]["label"] == "shop.TestA.test_a"
    assert not any((gate.site.path / name).exists() for name in ("gate.xml", "record.json", "termination"))
