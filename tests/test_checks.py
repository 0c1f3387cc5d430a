"""`manage.py check --deploy` finds what would close the gate, and no other command pays for it."""

from __future__ import annotations

import pytest

from tests.projects import new_project

CHECK = ("check", "--deploy", "--tag", "probes")
READY = """\
import unittest
from django.test import tag
class TestReady(unittest.TestCase):
    @tag("ready")
    def test_a(self): pass
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project in which nothing is wrong but what its environment says of the policy; importing probes is seen."""
    made = new_project(tmp_path_factory.mktemp("checks"))
    made.app("shop", f"from pathlib import Path\nPath('it-was-imported').touch()\n{READY}")
    return made


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A project with Django test classes among its probes, and modules that do not load."""
    made = new_project(tmp_path_factory.mktemp("refused"))
    made.app("good", READY)
    made.app("exits", "import sys; sys.exit(0)")
    made.app("raises", "1 / 0")
    made.app(
        "shop",
        """\
        from django.test import Client, SimpleTestCase, TransactionTestCase
        class TestA(SimpleTestCase):
            def test_a(self): raise SystemExit(3)
            def test_b(self): raise SystemExit(3)
        class TestB(TransactionTestCase):
            def test_a(self): raise SystemExit(3)
        class TestNothing(TransactionTestCase): pass
        """,
    )
    return made


def policy(folder, text):
    """Return the environment that names a policy file with this text."""
    path = folder / "probe.yaml"
    path.write_text(text, encoding="utf-8")
    return {"PROBE_POLICY": str(path)}


def test_check__finds_nothing_where_nothing_is_wrong(shop, tmp_path):
    """A valid policy whose gate `ready` has a probe, and plain test cases."""
    done = shop.run(*CHECK, env=policy(tmp_path, "gates: {ready: {tags: [ready]}}"))

    assert (done.code, done.out) == (0, "System check identified no issues (0 silenced).\n")


def test_check__E001_names_each_django_test_class_and_the_cure(refused):  # noqa: N802 (the check's id)
    """Once a class, not once a method; a module that does not load does not end the command."""
    done = refused.run(*CHECK)

    assert done.code == 1
    assert done.err.count("(django_probe.E001)") == 2
    assert (
        "(django_probe.E001) shop.probes.TestA is a django.test.SimpleTestCase: none of its probes will run."
        in done.err
    )
    assert "shop.probes.TestB is a django.test.TransactionTestCase" in done.err
    assert "HINT: Make it a plain unittest.TestCase" in done.err


def test_check__E003_names_what_is_not_loaded_and_why(refused, project):  # noqa: N802 (the check's id)
    """A module that does not import, and one of which nothing is collected: as a run would say it."""
    done = refused.run(*CHECK)

    assert done.err.count("(django_probe.E003)") == 2
    assert "(django_probe.E003) raises: raises.probes could not be imported: ZeroDivisionError" in done.err

    project.app("bank", "def test_balance(): raise RuntimeError('never ran')\n")
    done = project.run(*CHECK)

    assert done.code == 1
    assert "(django_probe.E003) bank: nothing runs of test_balance() in bank.probes" in done.err


def test_check__looks_at_the_apps_that_it_is_given(refused):
    """`check APP` is about that app."""
    assert refused.run("check", "good", "--deploy", "--tag", "probes").code == 0
    assert refused.run("check", "shop", "--deploy", "--tag", "probes").code == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gates: {deploy: {timout: 3s}}", 'probe.yaml: gates.deploy.timout: unknown key; did you mean "timeout"?'),
        (
            "gates: {ready: {probes: [shop.TestRedy]}}",
            'probe.yaml: gates.ready.probes: label "shop.TestRedy": no probe of the app shop has this label',
        ),
    ],
)
def test_check__E002_says_what_is_wrong_with_the_policy(shop, tmp_path, text, says):  # noqa: N802 (the check's id)
    """The same line that the command would end with, before a rollout needs it."""
    done = shop.run(*CHECK, env=policy(tmp_path, text))

    assert done.code == 1
    assert done.err.count("(django_probe.E002)") == 1
    assert says in done.err


def test_check__E009_says_which_settings_no_gate_would_run_with(project):  # noqa: N802 (the check's id)
    """Each with the sentence that a run ends with, in exit code 2; a pattern is not shown, for it may hold a secret."""
    project.app("shop", READY)
    project.configure("PROBE_REDACT = ['[hidden']\nPROBE_LOG_LEVEL = 'LOUD'\nPROBE_RUNNER = 'nowhere.Runner'\n")
    done = project.run(*CHECK)

    assert done.code == 1
    assert done.err.count("(django_probe.E009)") == 3
    assert "PROBE_REDACT: entry 1 is no regular expression: " in done.err
    assert "PROBE_LOG_LEVEL: expected a level such as " in done.err
    assert "PROBE_RUNNER: nowhere.Runner cannot be imported: ModuleNotFoundError: " in done.err
    assert "[hidden" not in done.err


@pytest.mark.parametrize("gate", ["{tags: [redy]}", "{exclude_tags: [ready]}"])
def test_check__W001_warns_of_a_gate_ready_that_selects_nothing(shop, tmp_path, gate):  # noqa: N802 (the check's id)
    """It is a warning: the exit code is 0, and --fail-level WARNING makes it count."""
    env = policy(tmp_path, f"gates: {{ready: {gate}}}")

    done = shop.run(*CHECK, env=env)

    assert done.code == 0
    assert "(django_probe.W001) " in done.err
    assert 'the gate "ready" selects no probes' in done.err
    assert shop.run(*CHECK, "--fail-level", "WARNING", env=env).code == 1


def test_check__W002_warns_of_a_gate_ready_that_is_stale_between_its_rounds(shop, tmp_path):  # noqa: N802 (the check's id)
    """Every replica would leave its Service for a part of each round."""
    flapping = "gates: {ready: {every: 10s, timeout: 2s, max_age: 11s}}"

    assert "(django_probe.W002) " in shop.run(*CHECK, env=policy(tmp_path, flapping)).err
    assert "W002" not in shop.run(*CHECK, env=policy(tmp_path, flapping.replace("11s", "12s"))).err


def test_check__without_a_gate_ready_does_not_speak_of_it(shop, tmp_path):
    """A project without web processes has no need for one."""
    assert "W001" not in shop.run(*CHECK, env=policy(tmp_path, "gates: {deploy: {tags: [none]}}")).err


@pytest.mark.parametrize("command", [["check"], ["migrate"], ["check", "--deploy", "--tag", "security"]])
def test_check__no_other_command_imports_a_probe(shop, command):
    """A probes module that breaks, or is slow, is the gate's affair alone."""
    trace = shop.path / "it-was-imported"
    trace.unlink(missing_ok=True)

    assert shop.run(*command).code == 0

    assert not trace.exists()
    assert shop.run(*CHECK).code == 0
    assert trace.exists()


def test_check__W003_warns_of_words_of_a_gate_that_choose_nothing(shop, tmp_path):  # noqa: N802 (the check's id)
    """In any gate, `ready` too; a word that chooses something is no warning."""
    text = """\
gates:
  deploy: {tags: [ready, raedy], exclude_tags: [slow], warn_only: [shop, "shop.TestGone.*"], owners: {shop: a, pay: b}}
  ready: {tags: [ready, chekout]}
"""
    done = shop.run(*CHECK, env=policy(tmp_path, text))
    found = [line.partition("(django_probe.W003) ")[2] for line in done.err.splitlines() if "W003" in line]

    assert done.code == 0
    assert sorted(line.partition("probe.yaml: ")[2] for line in found) == [
        'gates.deploy.exclude_tags: no loaded probe has the tag "slow"',
        'gates.deploy.owners: "pay" names no loaded probe',
        'gates.deploy.tags: no loaded probe has the tag "raedy"; did you mean "ready"?',
        'gates.deploy.warn_only: "shop.TestGone.*" names no loaded probe; did you mean "shop.TestReady"?',
        'gates.ready.tags: no loaded probe has the tag "chekout"',
    ]
