"""The steps of the GitHub Action and of the GitLab component, in the shells that their CIs use, with what is put in."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

import django_probe
from tests.conftest import ROOT
from tests.rollout.world import job, log, pod, said

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rollout.world import World

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
SPEC, COMPONENT = yaml.safe_load_all((ROOT / "templates" / "gate.yml").read_text(encoding="utf-8"))
COMMAND = "helm upgrade shop ./shop -n prod"
# In place of Python and pip: a virtualenv that has the program of this checkout, and says what would be installed.
PYTHON = """\
#!/bin/sh
mkdir -p "$3/bin"
ln -s "$WORLD/django-probe" "$3/bin/django-probe"
printf '#!/bin/sh\\necho "python $*" >>"$WORLD/calls"\\n' >"$3/bin/python"
chmod +x "$3/bin/python"
"""
ODD = """\
helm upgrade shop './my shop' -n prod \\
  --set "greeting=$(touch pwned) `touch pwned` ; touch pwned"
  --set 'a="b", ${{ github.token }} $HOME *'
"""
ODD_WORDS = (
    "helm upgrade shop ./my shop -n prod --set greeting=$(touch pwned) `touch pwned` ; touch pwned "
    '--set a="b", ${{ github.token }} $HOME *'
)


def action(world: World, script: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the Action's own steps as GitHub does, until one fails."""
    values = {name: given.get("default", "") for name, given in ACTION["inputs"].items()} | inputs
    github = {"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": "/the action", "RUNNER_TEMP": str(world.path / "temp")}
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        github[name] = str(world.path / name)
        world.write(name, "")
    environment = {**world.begin(script), **github}
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            given = {name: values[_input(value)] for name, value in step.get("env", {}).items()}
            shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = _run(shell, world.path, {**environment, **given})
            if done.returncode:
                break
    return done


def component(world: World, script: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the component's job as GitLab's runner does in an image that has no bash."""
    values = {name: given.get("default", "") for name, given in SPEC["spec"]["inputs"].items()} | inputs
    (described,) = COMPONENT.values()
    environment = world.begin(script)
    for name, value in described["variables"].items():
        assert value["expand"] is False, "GitLab would put other variables into it"
        environment[name] = values[_input(value["value"])]
    return _run(["sh", "-e", "-c", "\n".join(described["script"])], world.path, environment)


def _input(text: str) -> str:
    """Return the name of the input that a template stands for, which has to be all of the text."""
    return re.fullmatch(r"\$(?:\{\{ inputs\.([\w-]+) \}\}|\[\[ inputs\.([\w-]+) \]\])", text).expand(r"\1\2")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def closing(world) -> World:
    """A cluster in which the gate of the release closes."""
    world.write("python3", PYTHON)
    (world.path / "python3").chmod(0o755)
    world.step(job(11, state="Complete"))
    world.step(job(state="Failed"), pod(code=1, said=said(1, "1 blocking probe did not pass")))
    world.write("log.pod", log("test_pay", fails=True))
    return world


@pytest.fixture
def passing(closing) -> World:
    """A cluster in which it passes."""
    closing.steps = 1
    for old in closing.path.glob("1/*"):
        old.unlink()
    (closing.path / "1").rmdir()
    closing.step(job(state="Complete"), pod(code=0, said=said(0, "every probe passed")))
    closing.write("log.pod", log("test_pay"))
    return closing


def outputs(world: World) -> list[str]:
    """Return the lines of the outputs that the step gave to GitHub."""
    return (world.path / "GITHUB_OUTPUT").read_text(encoding="utf-8").splitlines()


def test_action__of_a_gate_that_passes(passing):
    """It installs itself, and leaves the reports, the summary and the outputs."""
    done = action(passing, "step 1; deployed; exit 0", command=COMMAND)
    assert done.returncode == 0, done.stderr
    assert outputs(passing) == ["exit-code=0", "passed=true"]
    assert "passed (exit 0)" in (passing.path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    assert {"gate.xml", "gate.html"} <= {path.name for path in passing.path.iterdir()}
    calls = (passing.path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[0] == "python -m pip install --quiet --disable-pip-version-check /the action"
    assert COMMAND in calls


def test_action__of_a_gate_that_closes(closing):
    """The step fails as Helm did, and the outputs and the annotation are there all the same."""
    done = action(closing, "step 1; exit 1", command=COMMAND, junit="", html="")
    assert done.returncode == 1
    assert outputs(closing) == ["exit-code=1", "passed=false"]
    assert "::error title=shop.TestShop.test_pay::402 != 200" in done.stderr.splitlines()
    assert not list(closing.path.glob("gate.*"))


def test_component__of_a_gate_that_closes(closing):
    """The job fails as Helm did; it installs the release that the component is of, and keeps the reports."""
    done = component(closing, "step 1; exit 1", command=COMMAND)
    assert done.returncode == 1, done.stderr
    assert "402 != 200" in (closing.path / "gate.xml").read_text(encoding="utf-8")
    assert "402 != 200" in (closing.path / "gate.html").read_text(encoding="utf-8")
    calls = (closing.path / "calls").read_text(encoding="utf-8")
    assert f" django-probe-gate=={django_probe.__version__}\n" in calls


@pytest.mark.parametrize("ci", [action, component])
def test_odd_inputs__are_words_of_helm_alone(closing, ci):
    """Spaces, quotes, lines, `$()` and templates stay what they are: nothing of them is run, whatever the shell."""
    done = ci(closing, "exit 3", command=ODD, junit="it's; touch pwned.xml", html="$(touch pwned).html")
    assert done.returncode == 3, done.stderr
    assert ODD_WORDS in (closing.path / "calls").read_text(encoding="utf-8").splitlines()
    names = {path.name for path in closing.path.iterdir()}
    assert {"it's; touch pwned.xml", "$(touch pwned).html"} <= names
    assert not [name for name in names if name.startswith("pwned")]


@pytest.mark.parametrize("ci", [action, component])
@pytest.mark.parametrize(("command", "says"), [("", "no command is there"), ("helm upgrade 'shop", "mend its quotes")])
def test_command_that_is_none__is_refused(closing, ci, command, says):
    """Exit code 2, one sentence, and Helm is not started."""
    done = ci(closing, "exit 0", command=command)
    assert done.returncode == 2
    assert says in done.stderr
    assert "helm" not in (closing.path / "calls").read_text(encoding="utf-8")


def test_no_step__has_a_template_in_its_shell():
    """What somebody puts in reaches a shell by its environment alone."""
    scripts = [step.get("run", "") for step in ACTION["runs"]["steps"]]
    scripts += next(iter(COMPONENT.values()))["script"]
    assert not [script for script in scripts if "${{" in script or "$[[" in script]
    assert SPEC["spec"]["inputs"]["version"]["default"] == django_probe.__version__
