"""The runner class is the seam for a team: a subclass may add and be stricter, and the gate answers all the same."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import junitparser
import pytest

from tests.projects import new_project, python

SHOP = """\
import unittest
class TestA(unittest.TestCase):
    def test_a(self): pass
    @unittest.skip("not here")
    def test_b(self): pass
"""

CLOSED = """\
import unittest
class TestA(unittest.TestCase):
    def test_a(self): self.fail("no")
    def test_b(self): self.fail("no")
"""

RUNNERS = """\
import os, sys, time, unittest
from dataclasses import replace
from django.conf import settings
from django_probe.errors import UsageError
from django_probe.execution.suites import SelectedSuite
from django_probe.results import ProbeResult
from django_probe.simple import DjangoProbeSuiteRunner as Base

class Extra(unittest.TestCase):
    def test_x(self): pass
    def test_fails(self): self.fail("extra")

class BuildsMore(Base):
    def build_suite(self, labels, extra_probes=None):
        suite = super().build_suite(labels, extra_probes)
        suite.addTest(Extra("test_x"))
        return suite

class BuildsNothing(Base):
    def build_suite(self, labels, extra_probes=None):
        return unittest.TestSuite()

class BuildRaises(Base):
    def build_suite(self, labels, extra_probes=None):
        raise RuntimeError("no list of probes")

class BuildExits(Base):
    def build_suite(self, labels, extra_probes=None):
        sys.exit(0)

class BuildGivesNone(Base):
    def build_suite(self, labels, extra_probes=None):
        super().build_suite(labels, extra_probes)

class BuildRefuses(Base):
    def build_suite(self, labels, extra_probes=None):
        raise UsageError("this team wants a label")

class Watches(Base):
    def run_suite(self, suite):
        print("before:", suite.countTestCases(), [test.id() for test in suite], file=sys.stderr)
        run = super().run_suite(suite)
        print("after:", dict(run.counts)["passed"], file=sys.stderr)
        return replace(run, release="told by the team")

class RunRaises(Base):
    def run_suite(self, suite):
        super().run_suite(suite)
        raise RuntimeError("the team's own fault")

class RunGivesNone(Base):
    def run_suite(self, suite):
        super().run_suite(suite)

class RunsByItself(Base):
    def run_suite(self, suite):
        return suite.run(unittest.TestResult())

class Stricter(Base):
    def suite_result(self, suite, run):
        return 7 if run.counts["skipped"] else super().suite_result(suite, run)

class Laxer(Base):
    def suite_result(self, suite, run):
        return 0

class OutOfRange(Base):
    def suite_result(self, suite, run):
        return 256

class ResultGivesNone(Base):
    def suite_result(self, suite, run):
        super().suite_result(suite, run)

class ResultRaises(Base):
    def suite_result(self, suite, run):
        raise RuntimeError(f"the team's own fault\\nand not {settings.SECRET_KEY}")

class ResultExits(Base):
    def suite_result(self, suite, run):
        sys.exit(0)

class ResultIsInterrupted(Base):
    def suite_result(self, suite, run):
        raise KeyboardInterrupt("the team's own")

class IsClosed(Base):
    def run_probes(self, labels, extra_probes=None):
        raise GeneratorExit("the team's own")

class IsInterrupted(Base):
    def run_probes(self, labels, extra_probes=None):
        raise KeyboardInterrupt("the team's own")

class AddsProbes(Base):
    def run_probes(self, labels, extra_probes=None):
        return super().run_probes(labels, [Extra("test_x"), Extra("test_fails")])

class GivesZero(Base):
    def run_probes(self, labels, extra_probes=None):
        return 0

class ExitsBefore(Base):
    def run_probes(self, labels, extra_probes=None):
        sys.exit(0)

class GivesThree(Base):
    def run_probes(self, labels, extra_probes=None):
        return 3

class Breaks(Base):
    def run_probes(self, labels, extra_probes=None):
        raise RuntimeError(f"the team's fault, not {settings.SECRET_KEY}")

class BreaksLater(Base):
    def run_probes(self, labels, extra_probes=None):
        super().run_probes(labels, extra_probes)
        raise RuntimeError("the team's own fault")

class TellsNobody(Base):
    def run_probes(self, labels, extra_probes=None):
        with self._session(labels, extra_probes) as session:
            self.run = self._judged(SelectedSuite(session))
        return 0

class Forgets(Base):
    def run_probes(self, labels, extra_probes=None):
        super().run_probes(labels, extra_probes)
        self.run = replace(self.run, results=())
        return 0

class Drops(Base):
    def run_suite(self, suite):
        run = super().run_suite(suite)
        return replace(run, results=run.results[1:])

class DropsAll(Base):
    def run_suite(self, suite):
        return replace(super().run_suite(suite), results=(), allow_empty=True)

class AddsResults(Base):
    def run_suite(self, suite):
        run = super().run_suite(suite)
        return replace(run, results=(*run.results, run.results[0], ProbeResult("team.own", "passed")))

class SaysZero(Base):
    def run_probes(self, labels, extra_probes=None):
        super().run_probes(labels, extra_probes)
        return 0

def gives(code, ends=False):
    class Gives(Base):
        def run_probes(self, labels, extra_probes=None):
            super().run_probes(labels, extra_probes)
            return sys.exit(code) if ends else code
    return Gives

GivesNothing, GivesMore, GivesLess, GivesTrue, GivesText = map(gives, (None, 256, -1, True, "1"))
Gives7, Exits0, ExitsText = gives(7), gives(0, ends=True), gives("no way", ends=True)

def gives_five(**options):
    return 5

def gives_a_runner(**options):
    return Base(**options)

class Signalled(Base):
    def run_suite(self, suite):
        self.hang("first")
        run = super().run_suite(suite)
        self.hang("last")
        return run

    def suite_result(self, suite, run):
        try:
            self.hang("result")
            self.hang("hidden")
        except BaseException:
            if self.where != "hidden":
                raise
        return run.exit_code

    def hang(self, where):
        self.where, number = os.environ["TEAM_HANGS"].split()
        if where == self.where:
            os.kill(os.getpid(), int(number))
            time.sleep(600)

class OldSignature(Base):
    def __init__(self, verbosity, interactive, failfast):
        super().__init__(verbosity, interactive, failfast)

class Unmade(Base):
    def __init__(self, **options): pass

not_a_class = 3
"""

HANGS = {
    "first": ["not_run", "not_run", "error"],
    "last": ["passed", "skipped", "error"],
    "result": ["passed", "skipped", "error"],
    "hidden": ["passed", "skipped"],
}


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A project with runner classes of its own, one of which the environment names."""
    made = new_project(tmp_path_factory.mktemp("team"))
    made.app("shop", SHOP)
    made.app("closed", CLOSED)
    made.write("team.py", RUNNERS)
    made.write("broken.py", "def broken(:\n")
    made.configure('import os\nPROBE_RUNNER = os.environ.get("TEAM_RUNNER")\n')
    return made


@pytest.fixture
def answer(team, tmp_path):
    """What runs the command with a runner class, and gives how it ended, its record and its JUnit."""

    def run(runner, *arguments):
        paths = tmp_path / "record.json", tmp_path / "junit.xml"
        env = {"TEAM_RUNNER": f"team.{runner}"}
        done = team.probe(*(arguments or ["shop"]), "--json", str(paths[0]), "--junit", str(paths[1]), env=env)
        return done, json.loads(paths[0].read_text(encoding="utf-8")), junitparser.JUnitXml.fromfile(str(paths[1]))

    return run


def labels(record):
    """Return what ran."""
    return [result["label"] for result in record["results"]]


def problems(junit):
    """Count the failures and errors that a CI would show."""
    return junit.failures + junit.errors


def test_build_suite__may_add_probes(answer):
    """What no probes module gave has the name of its own module in its label."""
    done, record, _ = answer("BuildsMore")

    assert done.code == 0
    assert labels(record) == ["shop.TestA.test_a", "shop.TestA.test_b", "team.Extra.test_x"]


def test_build_suite__may_leave_all_out(answer):
    """Nothing ran then, and that is no pass."""
    done, record, junit = answer("BuildsNothing")

    assert (done.code, record["exit_code"], problems(junit)) == (5, 5, 1)


@pytest.mark.parametrize("options", [[], ["--parallel", "0"]])
@pytest.mark.parametrize(
    ("runner", "says"),
    [
        ("BuildRaises", "build_suite() failed: RuntimeError: no list of probes"),
        ("BuildExits", "build_suite() failed: SystemExit: 0"),
        ("BuildGivesNone", "build_suite() failed: TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_build_suite__that_fails_is_an_error_in_the_record(answer, runner, says, options):
    """The gate is closed and every report says why, wherever the probes are loaded."""
    done, record, junit = answer(runner, "shop", *options)

    assert (done.code, record["exit_code"], problems(junit)) == (1, 1, 1)
    assert [result["message"] for result in record["results"]] == [says]
    assert "Traceback" in record["results"][0]["details"]


def test_build_suite__may_refuse_as_the_original_does(team):
    """A UsageError is the user's to mend: one line, exit 2."""
    done = team.probe(env={"TEAM_RUNNER": "team.BuildRefuses"})

    assert (done.code, done.out, done.err) == (2, "", "CommandError: this team wants a label\n")


def test_run_suite__gets_the_labels_and_gives_the_record(answer):
    """A team may watch, and add to the record."""
    done, record, _ = answer("Watches")

    assert done.code == 0
    assert "before: 2 ['shop.TestA.test_a', 'shop.TestA.test_b']\n" in done.err
    assert "after: 1\n" in done.err
    assert record["release"] == "told by the team"


@pytest.mark.parametrize(
    ("runner", "says"),
    [
        ("RunRaises", "the runner itself failed: RuntimeError: the team's own fault"),
        ("RunGivesNone", "the runner itself failed: TypeError: run_suite() gave None, not a ProbeRun"),
        (
            "RunsByItself",
            (
                "the runner itself failed: TypeError: shop.TestA.test_a is loaded in another process and runs in "
                "run_suite() alone"
            ),
        ),
        ("ResultGivesNone", "the runner itself failed: TypeError: suite_result() gave None, not an exit code"),
        ("ResultRaises", "the runner itself failed: RuntimeError: the team's own fault"),
        ("ResultExits", "the runner itself failed: SystemExit: 0"),
        ("ResultIsInterrupted", "the runner itself failed: KeyboardInterrupt: the team's own"),
    ],
)
def test_run__what_breaks_in_an_override_closes_the_gate(answer, runner, says):
    """Exit code, record and JUnit say so; a gate that breaks must never be a gate that is open."""
    done, record, junit = answer(runner)

    assert (done.code, record["exit_code"], problems(junit)) == (1, 1, 1)
    assert record["results"][-1]["message"] == says
    assert "Traceback" in record["results"][-1]["details"]
    assert "not-a-secret-of-anybody" not in done.err + str(record)
    # What ran stays in the record.
    assert len(record["results"]) == (1 if runner == "RunsByItself" else 3)


def test_suite_result__may_be_stricter(answer):
    """The code is in the record before anything is rendered: all say 7."""
    done, record, junit = answer("Stricter")

    assert (done.code, record["exit_code"], record["passed"], problems(junit)) == (7, 7, False, 1)
    assert "suite_result() of the team's own runner asked for exit code 7" in done.err


def test_suite_result__that_is_laxer_is_not_heard(answer):
    """Nothing that a team writes opens a gate that the record closes."""
    done, record, junit = answer("Laxer", "closed")

    assert (done.code, record["exit_code"], problems(junit)) == (1, 1, 2)


def test_suite_result__that_no_process_can_exit_with_is_1(answer):
    """256 would be 0 to the shell."""
    done, record, _ = answer("OutOfRange")

    assert (done.code, record["exit_code"]) == (1, 1)


def test_run_probes__may_add_probes(answer):
    """`extra_probes` run beside those of the labels, with all the same care."""
    done, record, _ = answer("AddsProbes")

    assert done.code == 1
    assert {result["label"]: result["outcome"] for result in record["results"]} == {
        "shop.TestA.test_a": "passed",
        "shop.TestA.test_b": "skipped",
        "team.Extra.test_x": "passed",
        "team.Extra.test_fails": "failed",
    }


@pytest.mark.parametrize(
    ("runner", "given"),
    [
        ("GivesNothing", "None"),
        ("GivesMore", "256"),
        ("GivesLess", "-1"),
        ("GivesTrue", "True"),
        ("GivesText", "'1'"),
        ("ExitsText", "'no way'"),
    ],
)
def test_run_probes__that_gives_no_exit_code_closes_the_gate(answer, runner, given):
    """A forgotten `return` is one sentence, and 256, which would be 0 to the shell, lets no rollout go on."""
    done, _, _ = answer(runner)

    assert done.code == 1
    *_, last = done.err.splitlines()
    assert last == f"run_probes() of the team's own runner gave {given}, which is no exit code: the gate is closed"
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("runner", "says"),
    [
        ("GivesZero", "gave 0, and there is no record of a run"),
        ("ExitsBefore", "gave 0, and there is no record of a run"),
        ("GivesThree", "gave 3, and there is no record of a run"),
        ("Breaks", "failed: RuntimeError: the team's fault, not ********************, and there is no record of a run"),
        ("IsClosed", "failed: GeneratorExit: the team's own, and there is no record of a run"),
        ("IsInterrupted", "failed: KeyboardInterrupt: the team's own, and there is no record of a run"),
    ],
)
def test_run_probes__without_a_record_closes_the_gate(answer, runner, says):
    """Nothing was proved: exit 1, and every report that was asked for says why."""
    done, record, junit = answer(runner, "closed")

    code = 130 if runner == "IsInterrupted" else 1
    assert (done.code, record["exit_code"], problems(junit)) == (code, code, 1)
    (result,) = record["results"]
    assert (result["label"], result["outcome"]) == ("runner", "error")
    assert result["message"] == f"run_probes() of the team's own runner {says}"
    assert result["message"] in done.err
    assert "not-a-secret-of-anybody" not in done.err + str(record)
    assert ("Traceback" in result["details"]) is (runner in ("Breaks", "IsClosed", "IsInterrupted"))


def test_run_probes__that_fails_after_the_record_closes_the_gate(answer):
    """The reports are out by then: a sentence says what came after."""
    done, record, _ = answer("BreaksLater")

    assert (done.code, record["exit_code"]) == (1, 0)
    assert done.err.splitlines()[-1] == (
        "run_probes() of the team's own runner failed: RuntimeError: the team's own fault: the gate is closed"
    )


@pytest.mark.parametrize(("runner", "label", "code"), [("TellsNobody", "shop", 0), ("TellsNobody", "closed", 1)])
def test_run_probes__that_tells_nobody_of_its_record_is_told_for(answer, runner, label, code):
    """The reports that were asked for are there, and say what the exit code says."""
    done, record, _ = answer(runner, label)

    assert (done.code, record["exit_code"]) == (code, code)
    assert "gate default: " in done.err


def test_run_probes__cannot_take_the_record_back(answer):
    """What every report says is what counts."""
    done, record, _ = answer("Forgets", "closed")

    assert (done.code, record["exit_code"]) == (1, 1)


def test_run_suite__that_leaves_results_out_closes_the_gate(answer):
    """What was selected and has no result is an error of its own."""
    done, record, _ = answer("Drops")
    outcomes = {result["label"]: (result["outcome"], result["message"]) for result in record["results"]}

    assert (done.code, record["exit_code"]) == (1, 1)
    assert outcomes["shop.TestA.test_a"] == ("error", "run_suite() of the team's own runner gave no result for it")
    assert outcomes["shop.TestA.test_b"][0] == "skipped"
    assert answer("DropsAll")[0].code == 1


def test_run_suite__may_add_results(answer):
    """One more of a probe, and one of the team's own, are kept as they are given: they can only close."""
    done, record, _ = answer("AddsResults")

    assert done.code == 0
    assert [result["label"] for result in record["results"]][-2:] == ["shop.TestA.test_a", "team.own"]


def test_run_probes__may_give_a_code_of_its_own(answer):
    """It comes after the reports, and can only close."""
    assert answer("Gives7")[0].code == 7
    assert answer("Gives7", "closed")[0].code == 1


def test_run_probes__that_exits_does_not_open_the_gate(answer):
    """The record counts, whichever way Python is ended."""
    assert answer("Exits0")[0].code == 0
    assert answer("Exits0", "closed")[0].code == 1


def test_run_probes__that_gives_another_code_does_not_open_the_gate(answer):
    """The record counts."""
    done, record, _ = answer("SaysZero", "closed")

    assert (done.code, record["exit_code"]) == (1, 1)


@pytest.mark.parametrize(
    ("runner", "says"),
    [
        ("nowhere.Runner", "PROBE_RUNNER: nowhere.Runner cannot be imported: "),
        ("team.Missing", "PROBE_RUNNER: team.Missing cannot be imported: "),
        ("Runner", "PROBE_RUNNER: Runner cannot be imported: "),
        ("broken.Runner", "PROBE_RUNNER: broken.Runner cannot be imported: SyntaxError: "),
        ("team.not_a_class", "PROBE_RUNNER: team.not_a_class cannot be made: "),
        ("team.OldSignature", "PROBE_RUNNER: team.OldSignature cannot be made: "),
        ("team.Unmade", "PROBE_RUNNER: the __init__ of team.Unmade does not call super().__init__()"),
        ("team.gives_five", "PROBE_RUNNER: team.gives_five makes 5, which is no django_probe.simple.Django"),
    ],
)
def test_setting__a_runner_that_cannot_be_had_is_exit_2(team, runner, says):
    """One line that names the setting and the reason; nothing ran."""
    done = team.probe("shop", env={"TEAM_RUNNER": runner})

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"CommandError: {says}")
    assert len(done.err.splitlines()) == 1


def test_setting__may_name_what_makes_a_runner(team):
    """A function is as good as a class."""
    assert team.probe("shop", env={"TEAM_RUNNER": "team.gives_a_runner"}).code == 0


def test_class__runs_without_the_command(team):
    """The original's four lines: it fails fast, tells on standard error, and keeps the record."""
    done = python(
        team,
        """\
        from django_probe.simple import DjangoProbeSuiteRunner
        runner = DjangoProbeSuiteRunner()
        print(runner.run_probes(["closed"]), [result.outcome.value for result in runner.run.results])
        runner = DjangoProbeSuiteRunner(verbosity=0, interactive=False, failfast=False)
        print(runner.run_probes(["closed"]), [result.outcome.value for result in runner.run.results])
        print(DjangoProbeSuiteRunner().run_probes(["shop"]))
        print(DjangoProbeSuiteRunner(allow_empty=True).run_probes(["auth"]))
        """,
    )

    assert done.out.splitlines() == ["1 ['failed', 'not_run']", "1 ['failed', 'failed']", "0", "0"], done.err
    assert "gate default: CLOSED (exit 1)" in done.err
    assert "gate default: PASSED (exit 0)" in done.err


def test_class__build_suite_gives_tests_and_run_suite_takes_its_own_alone(team):
    """Each step by itself does what its name says, or says what it needs."""
    done = python(
        team,
        """\
        from django_probe.simple import DjangoProbeSuiteRunner
        runner = DjangoProbeSuiteRunner()
        suite = runner.build_suite(["shop"])
        print(suite.countTestCases())
        try:
            runner.run_suite(suite)
        except TypeError as error:
            print(error)
        """,
    )

    assert done.out == "2\nrun_suite() takes the suite that run_probes() gives it\n", done.err


def test_call_command__is_the_command_without_a_process(team):
    """It returns where the gate is open, and raises what the command would exit with."""
    done = python(
        team,
        """\
        import io, json
        from django.core.management import CommandError, call_command
        out = io.StringIO()
        print(call_command("probe", "shop", "--json", "-", stdout=out, stderr=io.StringIO()))
        print(json.loads(out.getvalue())["counts"]["passed"])
        for label in ("closed", "nowhere", "auth"):
            try:
                call_command("probe", label, verbosity=0)
            except (SystemExit, CommandError) as error:
                print(type(error).__name__, getattr(error, "code", None) or error.returncode)
        """,
    )

    assert done.out.splitlines() == ["None", "1", "SystemExit 1", "CommandError 2", "SystemExit 5"], done.err


@pytest.mark.parametrize(("by", "code", "parallel"), [("SIGTERM", 143, "1"), ("SIGINT", 130, "0")])
@pytest.mark.parametrize("where", HANGS)
def test_signal__ends_an_override_that_hangs(answer, monkeypatch, where, by, code, parallel):  # noqa: PLR0917
    """It raises there as it does in a probe; the reports have what ran, and say what the exit code says."""
    monkeypatch.setenv("TEAM_HANGS", f"{where} {int(signal.Signals[by])}")
    done, record, junit = answer("Signalled", "shop", "--parallel", parallel)

    assert (done.code, record["exit_code"], record["ended_by"]) == (code, code, by), done.err
    assert [result["outcome"] for result in record["results"]] == HANGS[where]
    assert problems(junit) == 1
    if where != "hidden":
        *_, broken = record["results"]
        assert broken["message"] == f"{by} ended the run while the runner itself was at work"
        assert "in hang" in broken["details"]


def test_signal__after_the_verdict_changes_nothing(team, tmp_path):
    """The reports say what the exit status is going to be: from then on a signal is ignored, to the very end."""
    team.write(
        "signals.py",
        """\
        import atexit, os, signal
        from django_probe.simple import DjangoProbeSuiteRunner as Base

        def send():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)

        class Signalled(Base):
            def run_probes(self, labels, extra_probes=None):
                atexit.register(send)
                code = super().run_probes(labels, extra_probes)
                send()
                return code
        """,
    )
    for parallel in ("1", "0"):
        record = tmp_path / parallel
        env = {"TEAM_RUNNER": "signals.Signalled"}
        done = team.probe("shop", "--parallel", parallel, "--json", str(record), env=env)

        assert (done.code, json.loads(record.read_text(encoding="utf-8"))["exit_code"]) == (0, 0), done.err


@pytest.mark.parametrize("parallel", [1, 0])
def test_signal__handlers_of_a_program_that_goes_on_are_its_own_again(team, parallel):
    """Without the command, the process does not end with the run."""
    done = python(
        team,
        f"""\
        import os, signal
        from dataclasses import replace
        from django_probe import conf
        from django_probe.simple import DjangoProbeSuiteRunner
        signal.signal(signal.SIGTERM, lambda number, frame: print("heard"))
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
        gate = replace(conf.policy().gate(None), parallel={parallel})
        print(DjangoProbeSuiteRunner(gate=gate).run_probes(["shop"]))
        os.kill(os.getpid(), signal.SIGTERM)
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        """,
    )

    assert done.out.splitlines() == ["0", "heard", "True"], done.err


def test_print__in_settings_does_not_change_the_exit_code(project):
    """Standard output may be full or nobody's: Python would end with 120, while the record says 0."""
    project.app("shop", SHOP)
    project.configure("print('loading settings')\n")
    with (
        Path("/dev/full").open("wb") as full,
        project.start("probe", "--gate", "default", stdout=full.fileno()) as command,
    ):
        assert (command.wait(timeout=30), b"PASSED" in command.stderr.read()) == (0, True)
    with (
        Path("/dev/full").open("wb") as full,
        project.start("probe", "--gate", "nope", stdout=full.fileno()) as command,
    ):
        assert command.wait(timeout=30) == 2


@pytest.mark.parametrize("refused", [["--gate", "nope"], ["--policy", "nowhere.toml"], ["nowhere"], []])
def test_report__of_an_earlier_run_does_not_outlive_a_refusal(team, tmp_path, refused):
    """Exit 2 leaves no report behind that says passed, whatever it was that could not be done."""
    junit, message = tmp_path / "junit.xml", tmp_path / "message"
    env = {"PROBE_TERMINATION_LOG": str(message)}
    assert team.probe("shop", "--junit", str(junit), env=env).code == 0
    assert message.read_text()

    done = team.probe(*refused, "--junit", str(junit), env=env if refused else {**env, "TEAM_RUNNER": "nowhere.Runner"})

    assert done.code == 2
    assert not junit.exists()
    assert message.read_text() == ""
