"""`manage.py probe --list` prints what would run, and says so where it cannot."""

from __future__ import annotations

import os
import subprocess

import pytest


@pytest.mark.parametrize("options", [[], ["--parallel", "0"]])
def test_list__prints_labels_alone_and_runs_nothing(site, options):
    """Imports may print what they like."""
    started = site.path / "it-runs"
    started.unlink(missing_ok=True)

    done = site.probe("--list", "talks", "sleeps", *options)

    assert done.code == 0
    assert done.out.splitlines() == [
        "talks.TestA.test_a",
        "talks.TestA.test_fails",
        "sleeps.TestA.test_a",
        "sleeps.TestA.test_b",
    ]
    assert not started.exists()


def listed(site, stdout, *arguments):
    """Run `probe --list` with its standard output there; give its exit code and what it said."""
    with site.start("probe", "--list", *arguments, stdout=stdout) as command:
        said = command.stderr.read().decode()
        return command.wait(timeout=60), said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["fine"], 4), (["fine", "--parallel", "0"], 4), (["without"], 5)],
)
def test_list__that_cannot_be_delivered_is_one_line_and_exit_4(site, arguments, code):
    """1 would say that the gate is closed: `--list | head -1` has no traceback behind it, a full disk neither."""
    read, write = os.pipe()
    os.close(read)
    gone = listed(site, write, *arguments)
    os.close(write)
    with open("/dev/full", "wb") as full:  # noqa: PTH123 (a device)
        full_up = listed(site, full.fileno(), *arguments)

    assert (gone[0], full_up[0]) == (code, code)
    if code == 4:
        assert gone[1] == "--list: could not be delivered: Broken pipe\n"
        assert full_up[1] == "--list: could not be delivered: No space left on device\n"
    assert "Traceback" not in gone[1] + full_up[1]


def test_list__to_a_standard_output_that_is_closed(site):
    """What `>&-` leaves is no place for a list."""
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *site.command("probe", "--list", "fine")],
        cwd=site.path,
        env=site.environment(),
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (4, b"--list: could not be delivered: standard output is closed\n")


def test_list__is_in_utf8_as_every_report(site):
    """The locale of a cron job is no reason to fail over a label."""
    done = site.probe("--list", "accented", env={"PYTHONIOENCODING": "ascii"})

    assert (done.code, done.out, done.err) == (0, "accented.TestCafé.test_a\n", "")
