"""What `ready/` says of the gate `ready`, from the policy to the line that everybody may read."""

from __future__ import annotations

import re
import time

import pytest

from django_probe.readiness import rounds, state
from tests.conftest import ROOT
from tests.patience import TRIES
from tests.projects import new_project, python
from tests.webservers import gunicorn, site

READY = "gates: {ready: {tags: [ready], timeout: 500ms, every: 200ms}}"
PASSING = """
import unittest
from django.test import tag

@tag("ready")
class TestShop(unittest.TestCase):
    def test_open(self): pass
"""


def shop(body: str, *, decorators: str = "") -> str:
    """Return a module with one probe of the gate `ready`."""
    return f"""
import time
import unittest
from pathlib import Path
from django.test import TestCase, tag
from django_probe import probe

HERE = Path(__file__).parent

@tag("ready")
{decorators}
class TestShop(unittest.TestCase):
    def test_open(self):
        {body}
"""


FAILING = shop('self.fail("402 != 200")')
SAYS = {
    "no policy": (None, PASSING, (200, "ready: no probes")),
    "no such gate": ("gates: {deploy: {}}", PASSING, (200, "ready: no probes")),
    "none selected": ("gates: {ready: {tags: [other]}}", PASSING, (200, "ready: no probes")),
    "no probes at all": (READY, None, (200, "ready: no probes")),
    "all skipped": (READY, shop('self.skipTest("not today")'), (200, "ready: no probes")),
    "passing": (READY, PASSING, (200, "ready")),
    "chosen by label": ("gates: {ready: {probes: [shop.TestShop]}}", PASSING, (200, "ready")),
    "failing": (READY, FAILING, (503, "not ready: failing")),
    "async, and nobody awaits it": (READY, PASSING.replace("def", "async def"), (503, "not ready: failing")),
    "leaving": (READY, shop('raise SystemExit("gone")'), (503, "not ready: failing")),
    "failing, by policy a warning": (
        "gates: {ready: {tags: [ready], warn_only: [shop.TestShop]}}",
        FAILING,
        (200, "ready"),
    ),
    "failing, by its own wish a warning": (
        READY,
        shop("self.fail()", decorators="@probe(warn_only=True)"),
        (200, "ready"),
    ),
    "too slow": (READY, shop("time.sleep(0.6)"), (503, "not ready: failing")),
    "attaches what nobody asks for": (
        READY,
        shop('__import__("django_probe").attach("page", "x" * 2_000_000)'),
        (200, "ready"),
    ),
    "slow as it said": (READY, shop("time.sleep(0.6)", decorators='@probe(timeout="5s")'), (200, "ready")),
    "invalid policy": ("gates: {ready: {timout: 1s}}", PASSING, (503, "not ready: invalid policy")),
    "a key that a thread cannot honour": (
        "gates: {ready: {parallel: 2}}",
        PASSING,
        (503, "not ready: invalid policy"),
    ),
    "unknown app": ("gates: {ready: {probes: [shoop]}}", PASSING, (503, "not ready: unknown label")),
    "unknown probe": ("gates: {ready: {probes: [shop.TestX]}}", PASSING, (503, "not ready: unknown label")),
    "does not import": (READY, "import nothing_of_this_name", (503, "not ready: probes not loaded")),
    "leaves on import": (READY, "import sys; sys.exit(0)", (503, "not ready: probes not loaded")),
    "a test of Django's": (
        READY,
        shop("pass").replace("unittest.TestCase", "TestCase"),
        (503, "not ready: probes refused"),
    ),
    "rollback, which a thread cannot do": (
        READY,
        shop('(HERE / "ran").touch()', decorators='@probe(database_access="rollback")'),
        (503, "not ready: probes refused"),
    ),
    "a fixture of the class fails": (
        READY,
        PASSING + "    @classmethod\n    def setUpClass(cls): raise OSError('no shelf')\n",
        (503, "not ready: failing"),
    ),
    "a fixture of the class fails at the end": (
        READY,
        PASSING + "    @classmethod\n    def tearDownClass(cls): raise OSError('no shelf')\n",
        (503, "not ready: failing"),
    ),
    "a fixture of the module fails": (
        READY,
        PASSING + "\ndef setUpModule(): raise OSError('no shelf')\n",
        (503, "not ready: failing"),
    ),
}
ASK = """
from django.test import Client
def ask():
    answer = Client().get("/probe/ready/")
    return answer.status_code, answer.content.decode().removesuffix("\\n")
print(ask())
"""
ASK_AFTER_A_ROUND = f"""
from django_probe.readiness.keeper import keeper
keeper().wait()
keeper()._first.wait(60)
{ASK}
"""


@pytest.mark.parametrize(("policy", "probes", "said"), SAYS.values(), ids=SAYS)
def test_ready__says_what_the_gate_says(project, policy, probes, said):
    """One line, and nothing of why: no name, no message, no traceback."""
    project.app("shop", probes)
    done = python(site(project, policy=policy), ASK_AFTER_A_ROUND)
    assert done.out == f"{said!r}\n", done.err
    assert not (project.path / "shop" / "ran").exists()


def test_ready__tells_the_log_why(project):
    """What the anonymous are not told stands in the log: which probe, how it ended, what it said; no secret of it."""
    project.configure('PAYMENT_API_KEY = "sk-live-0123456789"\n')
    project.app("shop", shop('self.fail("402 != 200 with sk-live-0123456789")'))
    done = python(site(project, policy=READY), ASK)
    assert "not ready: shop.TestShop.test_open: failed: 402 != 200 with ****" in done.err
    assert "sk-live" not in done.err


@pytest.mark.parametrize("policy", [None, "gates: {deploy: {}}"], ids=["unset", "without the gate"])
def test_ready__tells_the_log_that_there_is_no_policy(project, policy):
    """A process that nobody told of the policy is ready, and says once in its log that it asks nothing."""
    project.app("shop", PASSING)
    rounds = "from django_probe.readiness.rounds import Rounds; here = Rounds(print); here.run(); here.run()"
    done = python(site(project, policy=policy), rounds)
    said = done.err.count("neither the setting nor the variable PROBE_POLICY names a policy file")
    assert said == (policy is None), done.err


def test_ready__tells_the_log_of_changes_alone(project):
    """A gate that stays closed is one warning and not one a round, and so is that it opened again."""
    project.app("shop", shop('self.assertFalse((HERE / "closed").exists(), "closed")'))
    site(project, policy=READY)
    (project.path / "shop" / "closed").touch()
    with gunicorn(project) as server:
        server.until((503, "not ready: failing"))
        time.sleep(0.7)
        (project.path / "shop" / "closed").unlink()
        server.until((200, "ready"))
        time.sleep(0.3)
        assert server.log.count("not ready: shop.TestShop.test_open: failed: True is not false : closed") == 1
        assert server.log.count("ready again") == 1
        assert "Service Unavailable" not in server.log, "Django would mail each 503 to the admins"


def test_ready__what_did_not_load_is_loaded_again(project):
    """A policy and a module that are mended open the gate without a restart."""
    project.app("shop", "import nothing_of_this_name")
    site(project, policy="gates: {ready: {tags: [ready], every: 200ms}}")
    with gunicorn(project) as server:
        server.until((503, "not ready: probes not loaded"))
        project.write("shop/probes.py", PASSING)
        server.until((200, "ready"))
    project.write("probe.yaml", "gates: {ready: {evry: 200ms}}")
    mended = """
import time
from pathlib import Path
Path("probe.yaml").write_text("gates: {ready: {tags: [ready]}}")
time.sleep(10.5)
print(ask())
"""
    done = python(project, ASK + mended)
    assert done.out == "(503, 'not ready: invalid policy')\n(200, 'ready')\n", done.err


def test_ready__a_state_that_is_too_old_is_stale(project):
    """What a round said is worth nothing after max_age."""
    project.app("shop", PASSING)
    site(project, policy="gates: {ready: {tags: [ready], every: 1m, max_age: 2s}}")
    with gunicorn(project) as server:
        server.until((200, "ready"))
        server.until((503, "not ready: stale"))
        assert server.ask("/probe/live/").status == 200


def test_ready__a_warning_that_hangs_does_not_close_the_gate(project):
    """What may not close the gate may not close it by hanging either, until nothing is known any more."""
    project.app("shop", shop("time.sleep(6)", decorators="@probe(warn_only=True)") + "    def test_a(self): pass\n")
    site(project, policy="gates: {ready: {tags: [ready], timeout: 300ms, every: 200ms, max_age: 4s}}")
    with gunicorn(project) as server:
        server.until((503, "not ready: starting"))
        answers = {answer.said for answer in server.until((200, "ready"))}
        assert answers == {(503, "not ready: starting"), (200, "ready")}
        server.until((503, "not ready: stale"))


def test_ready__only_the_first_moments_are_waited_for(project):
    """Who asks a cold process waits 0.8 s for the first result at the most, and later nobody waits."""
    project.app("shop", shop("time.sleep(4)", decorators='@probe(timeout="30s")'))
    site(project, policy=READY)
    with gunicorn(project, "--worker-class", "gthread", "--threads", "20") as server:
        first = server.at_once(10)
        assert {answer.said for answer in first} == {(503, "not ready: starting")}
        assert 0.4 < max(answer.seconds for answer in first) < 4
        assert min(server.ask("/probe/ready/").seconds for _ in range(TRIES)) < 0.4
        server.until((200, "ready"))


def test_ready__a_fixture_that_is_too_slow_closes_the_gate(project):
    """A class's fixture has the gate's timeout for itself: later than that it is no success any more."""
    slow = "    @classmethod\n    def setUpClass(cls):\n        import time\n        time.sleep(0.5)\n"
    project.app("shop", PASSING + slow)
    site(project, policy="gates: {ready: {tags: [ready], timeout: 300ms, every: 1m}}")
    done = python(project, ASK_AFTER_A_ROUND)
    assert done.out == "(503, 'not ready: failing')\n", done.err
    assert "not ready: shop.TestShop.setUpClass: timeout: timed out after 0.3 s: it took 0.5" in done.err


def test_ready__a_fork_begins_anew(project):
    """A process that was forked has its parent's memory and none of its threads: it starts a thread of its own."""
    project.app("shop", PASSING)
    code = """
    import os, threading
    pid = os.fork()
    if not pid:
        said = ask()
        os._exit(0 if said == (200, "ready") and len(threading.enumerate()) == 2 else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    done = python(site(project, policy=READY), ASK + "\n".join(line[4:] for line in code.splitlines()))
    assert done.out == "(200, 'ready')\n0\n", done.err


def test_ready__a_thread_that_cannot_be_had_is_asked_for_again(project):
    """Where the system has no thread to give, the answer comes at once, and the next request tries again."""
    project.app("shop", PASSING)
    code = """
import threading
from unittest import mock
with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")):
"""
    done = python(site(project, policy=READY), ASK.replace("print(ask())", code) + "    print(ask())\nprint(ask())\n")
    assert done.out == "(503, 'not ready: starting')\n(200, 'ready')\n", done.err
    assert "the thread that runs the probes cannot be started: can't start new thread" in done.err


def test_ready__others_have_their_turns_while_probes_run(project):
    """A probe that computes gives way every half millisecond; between the rounds all is as it was."""
    project.app("shop", shop("import sys; self.assertLessEqual(sys.getswitchinterval(), 0.0005)"))
    more = "import sys, time; time.sleep(0.05); print(sys.getswitchinterval())\n"
    done = python(site(project, policy="gates: {ready: {tags: [ready], every: 1m}}"), ASK + more)
    assert done.out == "(200, 'ready')\n0.005\n", done.err


def test_ready__the_next_round_is_the_retry(project):
    """A probe's wish for retries is not heard: each round runs it once, and the one that passes opens the gate."""
    probes = shop(
        '(HERE / "ran").open("a").write("x"); self.assertGreater((HERE / "ran").stat().st_size, 2)',
        decorators="@probe(retries=5)",
    )
    project.app("shop", probes)
    site(project, policy=READY)
    with gunicorn(project) as server:
        server.until((200, "ready"))
        assert server.log.count("not ready: ") == 1


def test_ready__the_state_is_a_record(project):
    """What is kept is the record of the last round, with what a page may show to those who may see it."""
    project.app("shop", FAILING)
    more = """
from django_probe.readiness import keeper
run = keeper.keeper()._round.run
print(run.gate, run.passed, run.exit_code, run.counts["failed"], run.results[0].label, run.results[0].message)
"""
    done = python(site(project, policy=READY), ASK + more)
    assert done.out.splitlines()[1] == "ready False 1 1 shop.TestShop.test_open 402 != 200"


def test_urls__cost_a_server_nothing(tmp_path):
    """The engine, unittest, the policy and YAML are not imported before somebody asks whether the process is ready."""
    site_ = new_project(tmp_path / "site")
    code = """
    import sys
    before = set(sys.modules)
    import django_probe.urls, django_probe.middleware
    new = set(sys.modules) - before
    assert not {name for name in new if name.startswith(("yaml", "unittest", "junit_xml", "django_probe.execution"))}
    print(sorted(name for name in new if name.startswith("django_probe")))
    """
    done = python(site_, code, cold=True)
    readiness = ["readiness", "readiness.keeper", "readiness.state", "readiness.views"]
    process = ["process", "process.environment", "process.originals"]
    names = ["conf", "errors", "middleware", *process, *readiness, "urls"]
    assert done.out == f"{[f'django_probe.{name}' for name in names]}\n", done.out + done.err


def test_document__lists_every_answer():
    """The table of docs/readiness.md has each answer that there is, and no other."""
    page = (ROOT / "docs" / "readiness.md").read_text(encoding="utf-8")
    listed = {(int(status), line) for status, line in re.findall(r"^\| (\d+) `([^`]+)` \|", page, re.MULTILINE)}
    fixed = {state.READY, state.NO_PROBES, state.STARTING, state.TIMEOUT, state.STALE}
    causes = (rounds.FAILING, rounds.INVALID_POLICY, rounds.UNKNOWN_LABEL, rounds.NOT_LOADED, rounds.REFUSED)
    assert listed == fixed | {(503, f"not ready: {cause}") for cause in causes}
