"""Settings and environment variables that nothing reads: the list of names is whole, and a slip is told."""

from __future__ import annotations

import ast
import re

import pytest

from django_probe.naming import misspelt
from tests.conftest import ROOT

NAME = re.compile(r"PROBE_[A-Z][A-Z_]*")


def written(*folders):
    """Return the names that the code of these folders has as texts, as it reads settings and environment."""
    return {
        node.value
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "misspelt.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and NAME.fullmatch(str(node.value))
    }


def test_names__are_those_that_the_code_reads():
    """A new setting or variable goes into django_probe/naming/misspelt.py; one that is gone leaves it."""
    assert written("django_probe", "deploy") == misspelt.SETTINGS | misspelt.VARIABLES | misspelt.OWN
    assert not misspelt.SETTINGS & misspelt.VARIABLES


def test_names__are_those_that_the_chart_sets():
    """The variables that the chart's templates give a container are known, so that no pod is warned of them."""
    named = re.compile(r"name: (PROBE_[A-Z_]+)")
    given = {
        name
        for path in (ROOT / "helm").rglob("templates/*")
        if path.is_file()
        for name in named.findall(path.read_text(encoding="utf-8"))
    }
    assert given
    assert given <= misspelt.SETTINGS | misspelt.VARIABLES


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PROBE_TARGET", "PROBE_TARGETS"),
        ("PROBE_POLICY_FILE", "PROBE_POLICY"),
        ("PROBE_TERMINATON_LOG", "PROBE_TERMINATION_LOG"),
        ("PROBE_RELEASES", "PROBE_RELEASE"),
        ("PROBE_TARGETS", None),
        ("PROBE_SUPERVISOR", None),
        ("PROBE_PASSWORD", None),
        ("PROBE_USER", None),
        ("TARGETS", None),
        ("PROBE_PORT", None),
        ("PROBE_PORT_8000_TCP_ADDR", None),
        ("PROBE_SERVICE_HOST", None),
        ("PROBE_PATHS_SERVICE_PORT_HTTP", None),
    ],
)
def test_variables__that_look_like_a_known_one(name, meant):
    """A slip is; a team's own, and what Kubernetes names after a Service, is not."""
    told = [sentence for _, sentence in misspelt.variables([name])]
    expected = f'the environment variable {name} is read by nobody; did you mean "{meant}"?'
    assert told == ([expected] if meant else [])


def test_check__W004_warns_of_settings_that_nothing_reads(project):  # noqa: N802 (the check's id)
    """In every `manage.py check`, with the nearest name; it is a warning."""
    project.configure(
        'PROBE_TARGET = ["https://shop.example/"]\nPROBE_RELEASE = "v1"\nPROBE_ZZZ = 1\nPROBE_REDACT = []\n'
    )
    done = project.run("check", "--tag", "probes")
    assert done.code == 0
    assert done.err.count("(django_probe.W004)") == 3
    assert "PROBE_TARGET is no setting of django_probe's." in done.err
    assert 'HINT: Did you mean "PROBE_TARGETS"? Give one of your own another prefix than PROBE_.' in done.err
    assert "PROBE_RELEASE is read from the environment alone, and this setting by nobody." in done.err
    assert "PROBE_ZZZ is no setting of django_probe's.\n\tHINT: Give one of your own another prefix" in done.err


def test_run__warns_of_variables_that_nothing_reads(project):
    """One line on standard error; a variable that a check of the policy names is the policy's own."""
    project.apps.append("django_probe.contrib.checks")
    project.configure()
    project.write("probe.yaml", 'checks: {port: {tcp: "${PROBE_RUNNERS}:1"}}\ngates: {deploy: {probes: [checks]}}\n')
    env = {"PROBE_POLICY": "probe.yaml", "PROBE_TARGET": "x", "PROBE_RUNNERS": "127.0.0.1"}
    done = project.probe("--gate", "deploy", "--list", env=env)
    assert (done.code, done.out) == (0, "checks.tcp.port\n"), done.err
    warning = 'the environment variable PROBE_TARGET is read by nobody; did you mean "PROBE_TARGETS"?'
    assert done.err == f"warning: {warning}\n"
