"""`django-probe render` makes other reports of a record, without the project that it is of."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from django_probe.reports import json as record_json
from tests.reports.conftest import _result, _run


@pytest.fixture
def folder(tmp_path):
    """A folder with the record of a gate that closed."""
    run = _run(_result(outcome="failed", message="402 != 200", owner="payments"), _result("shop.A.test_b", attempts=2))
    (tmp_path / "run.json").write_text(record_json.render(run), encoding="utf-8")
    return tmp_path


def render(folder, *arguments, given=None):
    """Run it in the folder, where no Django project is; give its end."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "no_such_module"}
    command = [sys.executable, "-P", "-m", "django_probe", "render", *arguments]
    return subprocess.run(command, cwd=folder, env=env, input=given, capture_output=True, text=True, check=False)


def test_render__makes_every_report_of_a_record(folder):
    """The exit code is that of the rendering: the gate's own stands in the record."""
    done = render(
        folder, "run.json", *["--junit", "gate.xml", "--html", "run.html", "--summary", "s.md", "--json", "-"]
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads((folder / "run.json").read_text())
    assert '<failure type="failure" message="402 != 200"' in (folder / "gate.xml").read_text()
    assert "Owner: <b>payments</b>" in (folder / "run.html").read_text()
    assert "owner `payments`" in (folder / "s.md").read_text()


def test_render__reads_standard_input(folder):
    """As of `kubectl exec` or curl."""
    done = render(folder, "-", "--summary", "-", given=(folder / "run.json").read_text())

    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "## Gate `deploy`: closed (exit 1)")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run.json"], "nothing to write: give --junit, --json, --summary, --html or several of them, each with a "),
        (["gone.json", "--junit", "a.xml"], "gone.json: cannot be read: No such file or directory"),
        (["bad.json", "--junit", "old.xml"], "bad.json: version: 9 is unknown here, which knows 1; use the "),
        (["run.json", "--junit", "no/a.xml"], "--junit no/a.xml: there is no folder "),
        (["run.json", "--json", "run.json"], "run.json is the record itself; write the report to another file"),
        (["run.json", "--json", "link.json"], "run.json is the record itself; write the report to another file"),
    ],
)
def test_render__refuses_in_one_line(folder, arguments, says):
    """Exit code 2; the record stays, and an earlier report goes, for it would be taken for that of this record."""
    (folder / "bad.json").write_text('{"version": 9}')
    (folder / "link.json").symlink_to("run.json")
    for report in ("a.xml", "old.xml"):
        (folder / report).write_text("old")
    before = (folder / "run.json").read_text()

    done = render(folder, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"django-probe render: {says}")
    assert len(done.stderr.splitlines()) == 1
    assert (folder / "run.json").read_text() == before
    assert (folder / "bad.json").exists()
    assert {report for report in ("a.xml", "old.xml") if report in arguments and (folder / report).exists()} == set()


def test_render__whose_report_cannot_be_delivered(folder):
    """Exit code 4, as of the command."""
    done = render(folder, "run.json", "--junit", "/dev/full")

    assert done.returncode == 4
    assert done.stderr == "django-probe render: --junit /dev/full: could not be delivered: No space left on device\n"


def test_render__of_an_option_that_is_given_twice(folder):
    """Exit code 2: the first report would stay as it was."""
    done = render(folder, "run.json", "--junit", "a.xml", "--junit", "b.xml")

    assert done.returncode == 2
    assert done.stderr.endswith("error: argument --junit: given twice; it writes one report\n")
