"""What the options take, and what they refuse with exit code 2 before anything runs."""

from __future__ import annotations

import json

import pytest

from tests.projects import new_project, python

REFUSED = {
    "--parallel": ["-1", "x", "1001", "1.5", "", " 1", "\u0661"],
    "--timeout": ["0", "0s", "soon", "-1", "200h", "", "nan"],
    "--deadline": ["0", "x", "1d"],
    "--retries": ["-1", "x", "1.5", "", "9" * 5000],
    "--retry-delay": ["x", "-1s"],
    "--shard": ["1", "1/1", "2/2", "-1/2", "a/b", "0/0", "1/2/3", "/", "", "0/\u0662", " 0/2", "0/" + "9" * 5000],
    "--durations": ["-1", "x"],
    "--database-access": ["write", "READ-ONLY", ""],
}
ACCEPTED = {
    "--parallel": {"0": 0, "1": 1, "1000": 1000},
    "--timeout": {"250ms": 0.25, "2m30s": 150.0, "5": 5.0},
    "--deadline": {"3m": 180.0},
    "--retries": {"0": 0, "3": 3},
    "--retry-delay": {"0": 0.0, "2s": 2.0},
    "--shard": {"0/1": "0/1", "3/4": "3/4"},
    "--durations": {"0": 0, "5": 5},
    "--database-access": {"read-only": "read-only", "rollback": "rollback", "read-write": "read-write"},
}

PARSE = """\
import contextlib, io, json, sys
from django_probe.management.commands.probe import Command

def parse(*arguments):
    command = Command()
    command._called_from_command_line = True
    parser = command.create_parser("manage.py", "probe")
    err = io.StringIO()
    try:
        with contextlib.redirect_stderr(err):
            return vars(parser.parse_args(arguments))
    except SystemExit as error:
        return [error.code, err.getvalue().splitlines()[-1]]

"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project whose one probe leaves a file when it runs."""
    made = new_project(tmp_path_factory.mktemp("arguments"))
    made.app(
        "shop",
        """\
        import unittest
        from pathlib import Path
        class TestA(unittest.TestCase):
            def test_a(self): Path("it-ran").touch()
        """,
    )
    return made


def test_option__a_wrong_value_is_exit_2_and_says_which_option(site):
    """Every option that takes a value, with every kind of value that is none."""
    pairs = [(option, value) for option, values in REFUSED.items() for value in values]
    done = python(site, f"{PARSE}\nprint(json.dumps([parse(f'{{o}}={{v}}') for o, v in {pairs!r}], default=str))")
    assert done.code == 0, done.err

    for (option, value), answer in zip(pairs, json.loads(done.out), strict=True):
        assert isinstance(answer, list), f"{option} {value} was accepted: {answer}"
        code, line = answer
        assert code == 2
        assert line.startswith(f"manage.py probe: error: argument {option}: "), line


def test_option__a_right_value_is_taken(site):
    """As numbers, seconds and names."""
    pairs = [(option, value) for option, values in ACCEPTED.items() for value in values]
    done = python(site, f"{PARSE}\nprint(json.dumps([parse(o, v) for o, v in {pairs!r}], default=str))")
    assert done.code == 0, done.err

    for (option, value), answer in zip(pairs, json.loads(done.out), strict=True):
        assert answer[option.strip("-").replace("-", "_")] == ACCEPTED[option][value]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--parallel", "x"], "argument --parallel: expected a whole number from 0 to 1000, got 'x'"),
        (["--shard", "2/2"], "argument --shard: expected I/N with I from 0 to N-1, such as 0/4, got '2/2'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        # An abbreviation may mean another option tomorrow.
        (["--time", "3s"], "unrecognized arguments: --time"),
        (["--gate"], "argument --gate: expected one argument"),
        (["-k"], "argument -k: expected one argument"),
    ],
)
def test_command__a_bad_option_is_exit_2_and_nothing_ran(site, arguments, says):
    """The last line on standard error says what is wrong; there is no traceback."""
    done = site.probe("shop", *arguments)

    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1].startswith(f"manage.py probe: error: {says}")
    assert "Traceback" not in done.err
    assert not (site.path / "it-ran").exists()


def test_command__what_django_refuses_is_exit_2_too(site):
    """1 would say that a probe did not pass."""
    done = site.probe("shop", "--force-color", "--no-color")

    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert not (site.path / "it-ran").exists()


def test_command__takes_every_option_of_the_documentation(site):
    """All of them at once, those of the original that do nothing here included."""
    done = site.probe(
        *("--gate", "default", "--tag", "smoke", "--exclude-tag", "slow", "-k", "a"),
        *("--parallel", "2", "--timeout", "9s", "--deadline", "30s", "--retries", "1", "--retry-delay", "1ms"),
        *("--failfast", "--shard", "0/1", "--allow-empty", "--database-access", "rollback", "--durations", "3"),
        *("--no-history", "--noinput", "--no-input", "--no-color", "--verbosity", "2", "--", "shop"),
    )

    assert done.code == 0, done.err


def test_help__names_every_option(site):
    """Whoever asks the command sees all that it can do."""
    done = site.probe("--help")

    assert done.code == 0
    for option in (*REFUSED, "--gate", "--policy", "--tag", "--exclude-tag", "-k", "--list", "--failfast"):
        assert f"{option} " in done.out
    for option in ("--allow-empty", "--junit", "--json", "--summary", "--no-history", "--noinput"):
        assert option in done.out
