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
    "--policy": [""],
    "--json": [""],
    "--junit": [""],
    "--summary": [""],
    "--html": [""],
}
ACCEPTED = {
    "--parallel": {"0": 0, "1": 1, "1000": 1000},
    "--timeout": {"250ms": 0.25, "2m30s": 150.0, "5": 5.0},
    "--deadline": {"3m": 180.0},
    "--retries": {"0": 0, "3": 3},
    "--retry-delay": {"0": 0.0, "2s": 2.0},
    "--shard": {"0/1": [0, 1], "3/4": [3, 4]},
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
    made.app(
        "tagged",
        """\
        import unittest
        from django.test import tag
        @tag("smoke")
        class TestA(unittest.TestCase):
            def test_a(self): pass
        """,
    )
    made.app(
        "writes",
        """\
        import unittest
        from django.db import connection
        class TestA(unittest.TestCase):
            def test_a(self): connection.cursor().execute("INSERT INTO sold VALUES (1)")
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


def test_option__of_a_report_is_taken_once(site):
    """The first of two would stay as an earlier run left it."""
    options = ("--junit", "--json", "--summary", "--html")
    done = python(site, f"{PARSE}\nprint(json.dumps([parse(o, 'a', o, 'b') for o in {options!r}]))")
    assert done.code == 0, done.err

    says = "manage.py probe: error: argument {}: given twice; it writes one report"
    assert json.loads(done.out) == [[2, says.format(option)] for option in options]


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
    for option in (*REFUSED, "--gate", "--tag", "--exclude-tag", "-k", "--list", "--failfast"):
        assert f"{option} " in done.out
    for option in ("--allow-empty", "--no-history", "--noinput"):
        assert option in done.out


CALL = """\
import io, json
from django.core.management import CommandError, call_command
from django.db import connection

def call(*labels, **options):
    err = io.StringIO()
    try:
        call_command("probe", *labels, stderr=err, **options)
    except CommandError as error:
        return error.returncode, str(error)
    except SystemExit as error:
        return int(error.code), err.getvalue()
    return 0, err.getvalue()

"""


def test_call_command__a_keyword_means_what_the_option_means(site, tmp_path):
    """As a text, as a value, and as a list where the option may be given twice."""
    given = [
        {"timeout": "9s", "deadline": "30s", "retries": "1", "retry_delay": "1ms", "durations": "3", "verbosity": "2"},
        {"timeout": 9, "deadline": 30.0, "retries": 1, "retry_delay": 0.5, "parallel": 2, "failfast": True},
        {"parallel": "2", "shard": "0/1", "tags": "smoke", "exclude_tags": ["slow", "sold"], "k": "test_a"},
        {"tag": ("smoke",), "patterns": ["TestA", "test_a"], "database_access": "rollback"},
    ]
    path = f"__import__('pathlib').Path({str(tmp_path)!r})"
    done = python(
        site,
        f"""{CALL}
print(json.dumps([call("tagged", **options) for options in {given!r}]))
print(json.dumps([call("tagged", json={path} / "record.json"), ({path} / "record.json").exists()]))
print(json.dumps(call("tagged", tags="mok")))
""",
    )

    answers, written, unlike = map(json.loads, done.out.splitlines())
    assert [code for code, _ in answers] == [0] * len(given), answers
    assert all(": 1 passed" in told for _, told in answers), answers
    assert (written[0][0], written[1], unlike[0]) == (0, True, 2)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"database_access": "nonsense"}, "argument --database-access: expected one of read-only, rollback, "),
        ({"timeout": "soon"}, "argument --timeout: expected a duration "),
        ({"timeout": 0}, "argument --timeout: expected a duration of more than nothing, got 0"),
        ({"retries": True}, "argument --retries: expected a whole number from 0 up, got True"),
        ({"parallel": -1}, "argument --parallel: expected a whole number from 0 to 1000, got -1"),
        ({"shard": (0, 2)}, "argument --shard: expected I/N "),
        ({"failfast": "no"}, "argument --failfast: expected true or false, got 'no'"),
        ({"tags": 5}, "argument --tag: 'int' object is not iterable"),
        ({"json": 5}, "argument --json: "),
        ({"policy": ""}, "argument --policy: expected a path, got nothing"),
    ],
)
def test_call_command__a_keyword_that_no_option_takes_is_exit_2(site, option, says):
    """One line that names the option, before anything runs."""
    done = python(site, f"{CALL}\nprint(json.dumps(call('shop', **{option!r})))")

    code, told = json.loads(done.out)
    assert (code, told[: len(says)]) == (2, says)
    assert not (site.path / "it-ran").exists()


@pytest.mark.parametrize(("access", "code", "left"), [("read-only", 1, 0), ("rollback", 0, 0), ("read-write", 0, 1)])
def test_call_command__database_access_as_a_text_is_held(site, access, code, left):
    """A gate that is called from code must not write what the command would not."""
    done = python(
        site,
        f"""{CALL}
connection.cursor().execute("DROP TABLE IF EXISTS sold")
connection.cursor().execute("CREATE TABLE sold (id integer)")
print(call("writes", database_access={access!r})[0])
print(connection.cursor().execute("SELECT count(*) FROM sold").fetchone()[0])
""",
    )

    assert done.out.split() == [str(code), str(left)], done.err
