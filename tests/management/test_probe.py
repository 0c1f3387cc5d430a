"""`manage.py probe` answers with an exit code, and says the same on every channel that it was asked to use."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest

from tests.management.conftest import PASSES
from tests.patience import PATIENCE, wait_for

# --- exit codes


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["fine"], 0, "gate default: PASSED (exit 0): every blocking probe passed; 1 selected: 1 passed"),
        (["fails", "fine"], 1, "gate default: CLOSED (exit 1): 1 blocking probe did not pass"),
        (["sleeps", "--deadline", "1500ms"], 3, "gate default: CLOSED (exit 3): the deadline ended the run"),
        (["skips"], 5, "gate default: CLOSED (exit 5): every probe that was selected skipped itself"),
        (["without"], 5, "gate default: CLOSED (exit 5): no probe was selected"),
        (["skips", "--allow-empty"], 0, "gate default: PASSED (exit 0): nothing ran, which --allow-empty allows"),
        (["fails", "--allow-empty"], 1, "gate default: CLOSED (exit 1)"),
    ],
)
def test_exit_code__is_the_verdict(site, arguments, code, says):
    """The last line says it with the reason, and the record and the termination message agree."""
    log = site.path / "termination-log"

    done, record = site.record(*arguments, env={"PROBE_TERMINATION_LOG": str(log)})

    assert done.code == code
    assert says in done.err.splitlines()[-1]
    assert record["exit_code"] == json.loads(log.read_text())["exit_code"] == code
    assert record["passed"] is (code == 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_exit_code__of_a_run_that_was_ended_by_a_signal(site, tmp_path, number, code):
    """The reports cover what ran, and what never started is there as that."""
    report, started = tmp_path / "record.json", site.path / "it-runs"
    started.unlink(missing_ok=True)
    process = site.start("probe", "sleeps", "--json", str(report))
    until = time.monotonic() + PATIENCE
    while not started.exists() and time.monotonic() < until:
        time.sleep(0.02)

    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert process.returncode == code
    record = json.loads(report.read_text())
    assert (record["exit_code"], record["ended_by"]) == (code, number.name)
    assert [result["outcome"] for result in record["results"]] == ["error", "not_run"]
    assert f"CLOSED (exit {code})" in err.decode().splitlines()[-1]


def test_a_closed_terminal_is_heard_unless_the_run_was_to_outlive_it(site):
    """SIGHUP that `nohup` has ignored changes nothing; whoever asks for the end by SIGTERM gets it."""
    started = site.path / "it-runs"
    started.unlink(missing_ok=True)
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *site.command("probe", "sleeps")]
    environment = site.environment()
    process = subprocess.Popen(command, cwd=site.path, env=environment, stderr=subprocess.PIPE)
    wait_for(started.exists, "the probe to begin")

    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 143
    assert b"SIGTERM ended the run" in err.splitlines()[-1]


@pytest.mark.parametrize("options", [[], ["--traceback"]])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gate", "nope"], "nope"),
        (["nowhere"], "nowhere"),
        (["--no-color", "--force-color"], "can't be used together"),
    ],
)
def test_exit_code__of_a_mistake_is_2_with_one_line(site, arguments, says, options):
    """Also where Django would let its traceback end Python, in what is the code of a gate that is closed."""
    done = site.probe(*arguments, *options)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("CommandError: ")
    assert says in done.err
    assert len(done.err.splitlines()) == 1


RUNNERS = """\
import sys
from django.conf import settings
from django_probe.errors import UsageError
from django_probe.simple import DjangoProbeSuiteRunner as Base

class Made(Base):
    def __init__(self, **options):
        raise ConnectionError(f"the vault refused {settings.VAULT_TOKEN}")

class Typed(Base):
    def __init__(self, **options):
        raise TypeError(f"not {settings.VAULT_TOKEN}")

class Ends(Base):
    def __init__(self, **options):
        sys.exit(0)

class Builds(Base):
    def build_suite(self, labels, extra_probes=None):
        raise UsageError(f"refused {settings.VAULT_TOKEN}")
"""


@pytest.mark.parametrize(
    ("runner", "says"),
    [
        ("team.Made", "PROBE_RUNNER: team.Made cannot be made: ConnectionError: the vault refused {}"),
        ("team.Typed", "PROBE_RUNNER: team.Typed cannot be made: TypeError: not {}"),
        ("team.Ends", "PROBE_RUNNER: team.Ends cannot be made: SystemExit: 0"),
        ("team.Builds", "refused {}"),
        ("raises.Runner", "PROBE_RUNNER: raises.Runner cannot be imported: ValueError: {}"),
        ("ends.Runner", "PROBE_RUNNER: ends.Runner cannot be imported: SystemExit: 0"),
    ],
)
def test_exit_code__of_a_runner_that_refuses_is_2_and_its_reason_tells_no_secret(project, runner, says):
    """Whatever a team's own code raises, and however it wants to end, before anything ran."""
    project.app("shop", PASSES)
    project.write("team.py", RUNNERS)
    project.write("raises.py", "from django.conf import settings\nraise ValueError(settings.VAULT_TOKEN)\n")
    project.write("ends.py", "raise SystemExit(0)\n")
    project.configure(f'VAULT_TOKEN = "token-4711-4711"\nPROBE_RUNNER = "{runner}"\n')

    done = project.probe()

    assert (done.code, done.out) == (2, "")
    assert done.err == f"CommandError: {says.format('*' * 20)}\n"


def test_exit_code__does_not_wait_for_system_checks(site):
    """An error of theirs would end any other command before it could answer: the gate answers all the same."""
    assert site.run("check").code == 1
    assert site.run("migrate").code == 1

    assert site.probe("fine").code == 0


# --- reports


@pytest.fixture(scope="module")
def reported(site, tmp_path_factory):
    """A run that wrote every report."""
    folder = tmp_path_factory.mktemp("reports")
    paths = {name: folder / name for name in ("junit", "json", "summary", "html")}
    done = site.probe(
        *("fine", "fails"),
        "--annotations",
        *(part for name, path in paths.items() for part in (f"--{name}", str(path))),
        env={
            "GITHUB_ACTIONS": "",
            "PROBE_TERMINATION_LOG": str(folder / "termination"),
            "PROBE_RUN_ID": "pipeline-7",
            "PROBE_RELEASE": "v42",
        },
    )
    paths["termination"] = folder / "termination"
    return done, {name: path.read_text(encoding="utf-8") for name, path in paths.items()}


def test_reports__are_all_written_and_agree(reported):
    """One run, one verdict, however it is read."""
    done, texts = reported
    record, suites = json.loads(texts["json"]), ET.fromstring(texts["junit"])

    assert (done.code, done.out) == (1, "")
    assert (record["passed"], record["exit_code"], record["counts"]["failed"]) == (False, 1, 1)
    assert [case.get("classname") for case in suites.iter("testcase")] == ["fine.TestA", "fails.TestA"]
    assert len(list(suites.iter("failure"))) == 1
    assert "the till is empty" in texts["summary"]
    assert "<title>CLOSED: run of gate default</title>" in texts["html"]
    assert "the till is empty" in texts["html"]
    assert json.loads(texts["termination"])["exit_code"] == 1
    assert "the till is empty" not in texts["termination"]


def test_annotations__are_for_github_actions_alone(site, reported):
    """Beside the code there; elsewhere they would be noise in a log."""
    done = site.probe("fine", "fails", "--annotations", env={"GITHUB_ACTIONS": "true"})

    (line,) = [line for line in done.err.splitlines() if line.startswith("::")]
    assert line.startswith("::error file=fails/probes.py,line=")
    assert line.endswith("title=fails.TestA.test_a::the till is empty")
    assert "::error" not in reported[0].err


def test_reports__carry_the_names_that_the_environment_gives(reported):
    """The run's id, which shards share, and the release that was probed."""
    record = json.loads(reported[1]["json"])

    assert (record["id"], record["release"]) == ("pipeline-7", "v42")


def test_reports__without_names_in_the_environment(site):
    """Each run has an id of its own then, and no release."""
    records = [site.record("fine", env={"PROBE_RUN_ID": "", "PROBE_RELEASE": ""})[1] for _ in range(2)]

    assert records[0]["id"] != records[1]["id"]
    assert records[0]["release"] is None


@pytest.mark.parametrize("options", [[], ["--parallel", "0"]])
@pytest.mark.parametrize("report", ["junit", "json"])
def test_reports__on_standard_output_are_alone_there(site, report, options):
    """Whatever probes and their imports print, and with which means, goes elsewhere."""
    done = site.probe("talks", f"--{report}", "-", *options)

    assert done.code == 1
    if report == "json":
        assert json.loads(done.out)["counts"] == {**json.loads(done.out)["counts"], "passed": 1, "failed": 1}
    else:
        assert len(list(ET.fromstring(done.out).iter("testcase"))) == 2
    assert "gate default: CLOSED" in done.err


def test_reports__show_what_a_problem_printed(site):
    """What a probe printed that passed, and what imports printed, is kept to itself."""
    done = site.probe("talks")

    assert "printed by a probe that fails" in done.err
    assert "printed by a probe\n" not in done.err
    assert "while importing" not in done.err + done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--junit", "-", "--json", "-"], "--junit - and --json - are the same file; give each report one of its own"),
        (["--json", "nowhere/record.json"], "--json nowhere/record.json: there is no folder "),
        (["--junit", "fine"], "--junit fine: is a folder; name a file in it"),
        (["--summary", "fine/"], "--summary fine/: is a folder; name a file in it"),
        (["--html", "nowhere/run.html"], "--html nowhere/run.html: there is no folder "),
    ],
)
def test_reports__that_cannot_be_written_are_refused_before_anything_runs(site, arguments, says):
    """One line, exit 2."""
    started = site.path / "it-runs"
    started.unlink(missing_ok=True)

    done = site.probe("sleeps", *arguments)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"CommandError: {says}")
    assert len(done.err.splitlines()) == 1
    assert not started.exists()


@pytest.mark.parametrize(("env", "code", "verdict"), [({}, 4, 0), ({"FAIL": "yes"}, 1, 1)])
def test_reports__that_cannot_be_delivered_at_the_end(site, tmp_path, env, code, verdict):
    """Exit 4 where the verdict is "passed", and the record still says 0: it is a fact of delivery."""
    folder = tmp_path / "reports"
    folder.mkdir()

    done, record = site.record("removes", "--junit", str(folder / "junit.xml"), env={**env, "REPORTS": str(folder)})

    assert (done.code, record["exit_code"]) == (code, verdict)
    assert f"--junit {folder}/junit.xml: could not be delivered: No such file or directory" in done.err
    assert "Traceback (most recent call last)" not in done.err.partition("could not be delivered")[2]


def test_reports__of_an_earlier_run_are_gone_where_this_one_does_not_get_far(site, tmp_path):
    """Nobody reads the last rollout's "passed" as this one's."""
    stale = tmp_path / "junit.xml"
    stale.write_text("<testsuites/>")

    assert site.probe("no_such_app", "--junit", str(stale)).code == 2

    assert not stale.exists()


def test_reports__of_an_earlier_run_are_gone_where_the_sink_is_none(site, tmp_path):
    """A misspelt variable is found out after the reports were taken away."""
    stale = tmp_path / "record.json"
    stale.write_text("{}")

    done = site.probe("fine", "--json", str(stale), env={"PROBE_REPORT_SINK": "foo"})

    assert (done.code, done.err) == (2, 'CommandError: PROBE_REPORT_SINK: \'foo\' is neither "log" nor "none"\n')
    assert not stale.exists()


# --- what a person sees


def test_console__names_the_slowest_where_asked(site):
    """As many as were asked for, the slowest first."""
    done = site.probe("slow", "--durations", "2")

    slowest = done.err.split("The slowest 2:\n")[1].splitlines()[:2]
    assert [line.split()[-1] for line in slowest] == ["slow.TestA.test_slower", "slow.TestA.test_slow"]


def test_console__verbosity_0_leaves_problems_and_verdict(site):
    """A log of many probes that pass is a line."""
    assert len(site.probe("fine", "--verbosity", "0").err.splitlines()) == 1
    assert "the till is empty" in site.probe("fails", "--verbosity", "0").err


def test_console__says_what_a_run_in_its_own_process_goes_without(site):
    """`--parallel 0` is for a debugger, and no gate."""
    done = site.probe("fine", "--parallel", "0")

    assert done.code == 0
    assert "--parallel 0: in this process, without timeouts, deadline, capture of output or containment" in done.err


@pytest.mark.parametrize(
    ("options", "env", "colors"),
    [
        ([], {}, False),
        (["--force-color"], {}, True),
        (["--no-color"], {}, False),
        (["--force-color"], {"NO_COLOR": "1"}, True),
    ],
)
def test_console__in_a_pipe_has_color_only_by_force(site, options, env, colors):
    """A log file is not a terminal."""
    assert ("\x1b[" in site.probe("fails", *options, env=env).err) is colors


def on_a_terminal(site, *arguments, env=None):
    """Return the exit code, and what a terminal received."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        site.command("probe", *arguments),
        cwd=site.path,
        env=site.environment({"TERM": "xterm", **(env or {})}),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(mine, 65536):
                seen += chunk
        except OSError:  # Linux says EIO once the last writer is gone
            pass
        process.wait(timeout=30)
    os.close(mine)
    return process.returncode, seen.decode()


def test_console__on_a_terminal_shows_what_goes_on(site):
    """A line drawn anew: how many are done, and the slowest in flight. Only problems have lines of their own."""
    code, seen = on_a_terminal(site, "slow", "fails")

    assert code == 1
    frames = seen.split("\r\x1b[K")
    assert any(frame.startswith("2/4 done, 1 problem | 0s slow.TestA.test_slow") for frame in frames), seen
    assert "passed   slow.TestA.test_a" not in seen
    assert "failed   fails.TestA.test_a" in seen
    assert "\x1b[31m" in seen or "\x1b[1;31m" in seen


@pytest.mark.parametrize(("options", "env"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_console__on_a_terminal_without_color(site, options, env):
    """Neither by option nor by environment."""
    code, seen = on_a_terminal(site, "fails", *options, env=env)

    assert code == 1
    assert not re.search(r"\x1b\[[0-9;]*m", seen)


OWN_PARSER = """\
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
from django.core.management import base, execute_from_command_line

made_by_django = base.BaseCommand.create_parser

def create_parser(self, prog_name, subcommand):
    parser = made_by_django(self, prog_name, subcommand)
    parser.add_argument("--configuration")
    return parser

base.BaseCommand.create_parser = create_parser
execute_from_command_line(sys.argv)
"""


def test_options__where_a_project_makes_the_parser(project):
    """As django-configurations does: its function takes nothing of argparse's, and adds an option of its own."""
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
    project.write("manage.py", OWN_PARSER)

    assert project.probe("--configuration", "Production").code == 0
    done = project.probe("--fail")
    assert done.code == 2
    assert "unrecognized arguments: --fail" in done.err, "an abbreviation may mean another option tomorrow"
