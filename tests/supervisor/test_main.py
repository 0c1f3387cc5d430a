"""`django-probe probe`, held against applications that end the command in every way but the right one."""

from __future__ import annotations

import json

import pytest

import django_probe
from tests.patience import far_enough
from tests.supervisor.conftest import REPORTS

PROBE = "shop.TestA.test_a"


def test_probe__is_the_command(gate):
    """Where nothing is in its way: the same reports, the same exit codes, the same words."""
    done = gate.run(*gate.options(), PROBE_RELEASE="v42")

    assert done.code == 0
    assert "gate default: PASSED (exit 0)" in done.err.splitlines()[-1]
    record = gate.record()
    assert (record["passed"], record["release"]) == (True, "v42")
    assert [result["label"] for result in record["results"]] == [PROBE]


def test_probe__that_fails(gate):
    """The verdict is the command's."""
    done = gate.run(*gate.options(), IN_PROBE="self.fail('no money')")

    assert done.code == 1
    assert gate.record()["results"][0]["message"] == "no money"


@pytest.mark.parametrize(
    ("where", "code", "says"),
    [
        ("IN_MANAGE", "import sys; sys.exit()", "status 0"),
        ("IN_SETTINGS", "import sys; sys.exit()", "status 0"),
        ("IN_SETTINGS", "import os; os._exit(0)", "status 0"),
        ("IN_MODELS", "import sys; sys.exit()", "status 0"),
        ("IN_MODELS", "import os; os._exit(0)", "status 0"),
        ("IN_MODELS", "import sys; sys.exit(2)", "status 2"),
        ("IN_MODELS", "import os; os.kill(os.getpid(), 9)", "SIGKILL"),
        ("IN_MANAGE", "this is no Python", "SyntaxError: invalid syntax"),
        ("IN_SETTINGS", "raise RuntimeError('bad release')", "RuntimeError: bad release"),
        ("IN_MODELS", "import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_probe__of_an_application_that_ends_python(gate, where, code, says):
    """Whatever ends it while it loads: the gate is closed, every report says so, none is of an earlier run."""
    gate.stale()

    done = gate.run("--gate", "deploy", "--shard", "0/2", *gate.options(), **{where: code}, PROBE_RUN_ID="r1")

    assert done.code == 1
    assert "gate deploy: CLOSED (exit 1)" in done.err.splitlines()[-1]
    assert says in gate.startup()["message"]
    record = gate.record()
    assert (record["id"], record["gate"], record["shard"], record["exit_code"]) == ("r1", "deploy", "0/2", 1)


def test_probe__of_settings_that_close_every_descriptor(gate):
    """Nothing runs, since no verdict would be heard, and the reports say what was done."""
    done = gate.run(*gate.options(), changes=True, IN_SETTINGS="import os; os.closerange(3, 500)")

    assert done.code == 1, done.err
    assert "to run" not in done.err
    assert "closed descriptors that are not their own" in gate.startup()["message"]


def test_probe__of_settings_that_empty_the_environment_and_replace_standard_error(gate):
    """The verdict is the command's own, and the summary where it belongs."""
    empties = "import io, os, sys; log = os.environ['PROBE_TERMINATION_LOG']; os.environ.clear(); "
    restores = "os.environ['PROBE_TERMINATION_LOG'] = log; sys.stderr = io.StringIO()"

    done = gate.run(*gate.options(), changes=True, IN_SETTINGS=empties + restores)

    assert done.code == 0, done.err
    assert "gate default: PASSED" in done.err.splitlines()[-1]
    assert json.loads((gate.out / "record.json").read_text())["passed"] is True


def test_probe__of_an_app_config_that_raises(gate):
    """Its traceback is in the log and in the record, without a line of the supervisor's own."""
    gate.site.write(
        "shop/apps.py",
        """
        import os
        from django.apps import AppConfig
        class Shop(AppConfig):
            name = "shop"
            def ready(self):
                exec(os.environ.get("IN_READY", ""))
        """,
    )

    done = gate.run(*gate.options(), IN_READY="raise ConnectionError('no broker')")

    assert done.code == 1
    result = gate.startup()
    assert result["message"].endswith("loading; ConnectionError: no broker")
    assert "in ready" in result["output"]
    assert "manage.py" in result["output"]
    assert "django_probe/supervisor" not in result["output"]
    assert done.err.count("Traceback") == 1


def test_probe__without_the_app(gate):
    """Django's own refusal, which is its exit code 1, is told as it was said."""
    done = gate.run(*gate.options(), IN_SETTINGS="INSTALLED_APPS.remove('django_probe')")

    assert done.code == 1
    assert "Unknown command: 'probe'" in gate.startup()["output"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--parallel", "x"],
        ["--gate", "nope"],
        ["nowhere"],
        ["--unheard-of"],
        ["-k", ""],
        ["--timeout"],
        ["--list"],
        ["--summary", "b.md"],
    ],
)
def test_probe__of_what_is_refused(gate, arguments):
    """Exit code 2, nothing is written, and nothing of an earlier run is left."""
    gate.stale()

    done = gate.run(*arguments, *gate.options())

    assert (done.code, done.out) == (2, "")
    left = [name for name in REPORTS if (gate.out / name).exists() and (gate.out / name).read_text()]
    assert left == []
    if "--unheard-of" in arguments:
        assert done.err.startswith("usage: django-probe probe [option ...] [label ...]\ndjango-probe probe: error:")


def test_probe__whose_report_cannot_be_written(gate):
    """Nothing is even started, and the other reports of an earlier run are gone."""
    gate.stale()

    options = [option.replace(str(gate.out / "gate.xml"), "/no/such/folder/gate.xml") for option in gate.options()]

    done = gate.run(*options, IN_MANAGE="print('started')")

    assert done.code == 2
    assert done.err == (
        "django-probe probe: --junit /no/such/folder/gate.xml: there is no folder /no/such/folder; make it, or name "
        "another\n"
    )
    assert not (gate.out / "record.json").exists()


def test_probe__without_a_manage_py(gate):
    """It says what is missing, and no report of an earlier run is left; nothing of the supervisor's stays open."""
    gate.stale()

    done = gate.run(*gate.options(), DJANGO_PROBE_MANAGE="gone.py")

    assert (done.code, (gate.out / "gate.xml").exists()) == (2, False)
    assert "there is no file gone.py" in done.err


def test_probe__under_warnings_as_errors(gate):
    """Nothing that it opened is left to Python to close."""
    assert "ResourceWarning" not in gate.run(PYTHONWARNINGS="always").err


def test_probe__of_a_deadline_that_passes_while_loading(gate):
    """Settings that hang are no reason to wait for ever."""
    done = gate.run(*gate.options(), "--deadline", "1s", IN_SETTINGS="import time; time.sleep(600)")

    assert done.code == 3
    assert "the deadline passed while settings and apps were loading" in gate.startup()["message"]


def test_probe__counts_the_deadline_from_its_own_start(gate):
    """What loading took is not given again."""
    loading, sleeps = 8, "import time; time.sleep({})"

    def run(seconds):
        deadline = ("--deadline", f"{loading + seconds}s")
        done = gate.run(*gate.options(), *deadline, IN_SETTINGS=sleeps.format(loading), IN_PROBE=sleeps.format(600))
        record = gate.record()
        (result,) = record["results"]
        assert (done.code, result["outcome"]) == (3, "error")
        return loading + seconds, result["label"], record["duration"]

    deadline, label, took = far_enough(run, lambda ended: ended[1] == PROBE)

    assert label == PROBE
    assert deadline <= took < deadline + loading


@pytest.fixture(scope="module")
def policy(told):
    """A policy of two gates: `default` passes, `deploy` has no probe."""
    told.write("gates.yaml", "gates:\n  default: {probes: [shop]}\n  deploy: {probes: [shop], tags: [none]}\n")
    return {"PROBE_POLICY": "gates.yaml"}


@pytest.mark.parametrize(
    "changes",
    [
        "del sys.argv[2:]",
        "sys.argv[2:] = ['--gate', 'default']",
        "sys.argv.remove('deploy'); sys.argv.remove('--gate')",
        "sys.argv.append('--list')",
        "sys.argv.append('--allow-empty')",
    ],
)
def test_probe__of_an_application_that_changes_the_arguments(gate, policy, changes):
    """The verdict of another run is none of this one: the gate is closed, and every report says so."""
    gate.stale()

    done = gate.run("--gate", "deploy", *gate.options(), IN_MODELS=f"import sys; {changes}", **policy)

    assert done.code == 1, done.err
    assert "the command began with other arguments than it was given: " in gate.startup()["message"]
    assert gate.record()["gate"] == "deploy"
    assert done.out == ""
    assert "to run" not in done.err, "nothing of the other run has begun"


def test_probe__of_an_application_that_makes_a_run_of_a_list(gate):
    """Nobody asked for a verdict, and there is none to pass for a list."""
    done = gate.run("--list", IN_MODELS="import sys; del sys.argv[2:]")

    assert done.code == 1
    assert "with other arguments than it was given: none in place of --list" in done.err


def test_probe__whose_probe_calls_the_command(gate):
    """A run inside the run has its own arguments, and changes nothing for the one that was asked for."""
    inside = "from django.core.management import call_command; call_command('probe', 'shop', list=True)"

    done = gate.run("shop", "--parallel", "0", *gate.options(), IN_PROBE=inside)

    assert done.code == 0, done.err
    assert gate.record()["passed"] is True


def test_probe__with_many_arguments(gate):
    """More than one message to the supervisor has room for."""
    done = gate.run(*["shop.TestA.test_a"] * 20_000, *gate.options())

    assert done.code == 0, done.err
    assert gate.record()["counts"]["passed"] == 1


@pytest.mark.parametrize("name", ["gate.xml", "termination"])
def test_probe__whose_report_is_gone(gate, name):
    """A report that somebody will look for, and that the application took away again, is no pass."""
    taken = f"import atexit, pathlib; atexit.register(pathlib.Path({str(gate.out / name)!r}).write_text, '')"

    done = gate.run(*gate.options(), IN_MANAGE=taken)

    assert done.code == 1
    assert "a report is not there: " in gate.startup()["message"]


NOISE = """
import atexit, os, sys
print("settings say hello"); os.system("echo a child says hello")
atexit.register(print, "atexit says goodbye")
atexit.register(os.system, "echo a child says goodbye")
"""


@pytest.mark.parametrize("target", ["-", "/dev/stdout", "/proc/self/fd/1"])
def test_stdout__is_the_report_alone(gate, target):
    """Whatever the project prints, from its first line to atexit; it is on standard error."""
    done = gate.run("--json", target, changes=True, IN_SETTINGS=NOISE, IN_PROBE="print('a probe')")

    assert done.code == 0, done.err
    assert json.loads(done.out)["passed"] is True
    for said in ("settings say hello", "a child says hello", "atexit says goodbye", "a child says goodbye"):
        assert said in done.err


def test_stdout__into_a_file_that_a_report_names(gate):
    """`--json FILE > FILE` is written through the descriptor, as without a supervisor."""
    target = gate.out / "both"
    with target.open("w") as stdout:
        process = gate.start("--json", str(target), stdout=stdout, IN_SETTINGS=NOISE)
        _, err = process.communicate(timeout=90)

    assert process.returncode == 0, err
    assert json.loads(target.read_text())["passed"] is True


def test_stdout__of_the_supervisor_s_own_record(gate):
    """It is pure there as well."""
    done = gate.run("--json", "-", IN_SETTINGS=NOISE + "sys.exit(0)")

    assert (done.code, json.loads(done.out)["exit_code"]) == (1, 1)


def test_stdout__of_a_list(gate):
    """Labels, and nothing else."""
    done = gate.run("--list", IN_SETTINGS=NOISE)

    assert (done.code, done.out) == (0, "shop.TestA.test_a\n")


def test_list__of_an_application_that_does_not_load(gate):
    """Exit 1, and no label that might be taken for all of them."""
    done = gate.run("--list", IN_MODELS="import sys; sys.exit()")

    assert (done.code, done.out) == (1, "")
    assert "startup" in done.err


def test_stdout__with_the_sink_of_a_pod(gate):
    """The XML in the log can be collected, whoever made it."""
    done = gate.run(IN_SETTINGS=NOISE + "sys.exit(0)", PROBE_REPORT_SINK="log")

    assert done.code == 1
    assert done.out.startswith('django-probe:junit 0/1 begin {"run": ')
    *_, end = (line for line in done.out.splitlines() if line.startswith("django-probe:junit"))
    assert end.startswith("django-probe:junit 0/1 end ")
    assert done.out.splitlines()[-1].startswith("gate default: CLOSED (exit 1)")


def test_stdout__closed_from_the_start(gate):
    """A report that was asked for there is not delivered, exit 4; none that was asked for is missed."""
    assert gate.run_closed(1).returncode == 0
    done = gate.run_closed(1, "--json", "-")
    assert done.returncode == 4, done.stderr
    assert gate.run_closed(2).returncode == 0
    assert gate.run_closed(2, IN_SETTINGS="import os; os._exit(0)").returncode == 1


@pytest.mark.parametrize(
    ("ends", "probe", "code"),
    [("os._exit(0)", "self.fail()", 1), ("os._exit(0)", "", 0), ("os._exit(7)", "", 0), ("os.abort()", "", 0)],
)
def test_exit_code__is_the_record_s(gate, ends, probe, code):
    """An app's atexit changes neither an exit code that closes nor one that opens: the reports are out already."""
    settings = f"import atexit, os; pid = os.getpid(); atexit.register(lambda: pid == os.getpid() and {ends})"

    done = gate.run(*gate.options(), changes=True, IN_SETTINGS=settings, IN_PROBE=probe)

    assert (done.code, gate.record()["exit_code"]) == (code, code)


def test_exit_code__under_pythoninspect(gate):
    """Python would ask for a command, get none, and exit with 0."""
    assert gate.run(IN_PROBE="self.fail()", PYTHONINSPECT="1").code == 1


def test_probe__that_hangs_when_all_is_said(gate):
    """A thread that never ends does not keep the gate from answering."""
    settings = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()"

    done = gate.run(*gate.options(), IN_SETTINGS=settings, timeout=60)

    assert done.code == 0
    assert gate.record()["passed"] is True


def test_secrets__of_the_environment(gate):
    """What the application printed is masked, in the record: values of hidden names, and user info of URLs."""
    settings = """
import os, sys
print(os.environ["VAULT_TOKEN"], repr(os.environ["DB_PASSWORD"]), os.environ["SHORT_KEY"], os.environ["PLAIN"])
print("postgres://shop:elephants-42@db/shop")
raise RuntimeError(f"no answer for {os.environ['VAULT_TOKEN']} at {os.environ['BROKER']}")
"""
    secrets = {
        "VAULT_TOKEN": "s.0123456789abcdef",
        "DB_PASSWORD": 'it\'s a "long" one',
        "SHORT_KEY": "abc",
        "PLAIN": "plain-text-value",
        "BROKER": "amqp://shop:rabbits-43@broker",
    }

    done = gate.run(*gate.options(), IN_SETTINGS=settings, **secrets)

    assert done.code == 1
    result = gate.startup()
    written = "".join((gate.out / name).read_text() for name in REPORTS)
    for secret in ("s.0123456789abcdef", 'a "long" one', 'a \\"long', "elephants-42", "rabbits-43"):
        assert secret not in written
    assert "abc" in result["output"]
    assert "plain-text-value" in result["output"]
    assert "RuntimeError: no answer for ****" in result["message"]
    assert "RuntimeError" not in (gate.out / "termination").read_text()


def test_output__is_the_end_of_it(gate):
    """64 KiB at the most, of however much, and standard error has the whole."""
    settings = "for i in range(30000): print('line', i)\nraise SystemExit(3)"

    done = gate.run(*gate.options(), IN_SETTINGS=settings)

    output = gate.startup()["output"]
    assert len(output) <= 64 * 1024
    assert output.endswith("line 29999\n")
    assert "line 0\n" in done.err


RUNNERS = """\
import os, sys
from django_probe.simple import DjangoProbeSuiteRunner

class Returns(DjangoProbeSuiteRunner):
    def run_probes(self, labels, extra_probes=None):
        return 0

class Exits(DjangoProbeSuiteRunner):
    def run_probes(self, labels, extra_probes=None):
        sys.exit(0)

class Vanishes(DjangoProbeSuiteRunner):
    def run_probes(self, labels, extra_probes=None):
        os._exit(0)

class VanishesLater(DjangoProbeSuiteRunner):
    def suite_result(self, suite, run):
        os._exit(0)
"""


@pytest.mark.parametrize("name", ["Returns", "Exits", "Vanishes", "VanishesLater"])
def test_runner__of_a_team_that_has_no_record(gate, name):
    """Exit code 0 is not believed without one, and every report says why."""
    gate.site.write("runners.py", RUNNERS)
    gate.stale()

    done = gate.run(*gate.options(), IN_SETTINGS=f"PROBE_RUNNER = 'runners.{name}'", IN_PROBE="self.fail()")

    assert done.code == 1, done.err
    assert gate.record()["passed"] is False


def test_options__of_a_project_s_own_parser(gate):
    """An option that only the project knows is no reason to lose a report."""
    manage = """
from django.core.management import base
made_by_django = base.BaseCommand.create_parser
def create_parser(self, prog_name, subcommand):
    parser = made_by_django(self, prog_name, subcommand)
    parser.add_argument("--configuration")
    return parser
base.BaseCommand.create_parser = create_parser
"""
    done = gate.run("--configuration", "Production", *gate.options(), IN_MANAGE=manage)

    assert done.code == 0, done.err
    assert gate.record()["passed"] is True


def test_version__is_the_package_s(gate):
    """`django-probe --version` needs no project."""
    done = gate.bare("--version")
    assert (done.returncode, done.stdout.decode().split()) == (0, ["django-probe", django_probe.__version__])


def test_clock__that_settings_froze_does_not_stop_the_deadline(gate):
    """The judge keeps time by a clock that was bound before the settings could patch it."""
    frozen = "import time\ntime.monotonic = lambda: 0.0"
    hangs = "import time; time.sleep(120)"
    done = gate.run(*gate.options(), "--deadline", "6s", changes=True, IN_SETTINGS=frozen, IN_PROBE=hangs)
    assert done.code == 3, done.err
