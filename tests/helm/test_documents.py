"""What docs/helm.md and docs/argo-flagger.md show is rendered, run with stand-ins for a cluster, or compared.

What a block is stands in a comment on the line before its fence: see KINDS.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import pytest
import yaml

from django_probe.policy_file import parse_policy
from django_probe.reports.sink import wrap
from django_probe.terms import parse_duration
from tests.documents import blocks, commands
from tests.helm.charts import CHART, HELMS, NEW, environment, helm, pod_of, render
from tests.helm.tools import ROOT, fetch

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [ROOT / "docs" / "helm.md", ROOT / "docs" / "argo-flagger.md"]
EXAMPLE = ROOT / "examples" / "parent-chart"
BLOCKS = [block for page in PAGES for block in blocks(page)]
KINDS = {"values", "commands", "script", "ci", "argo", "template", "dependency", "flagger"}
REPORT = '<?xml version="1.0"?>\n<testsuites><testsuite name="shop" tests="1"/></testsuites>\n'
GATE = {"run": "4711", "gate": "deploy"}


def of_kind(kind: str) -> list:
    """Return the blocks of a kind, as parameters of a test."""
    return [pytest.param(block, id=str(block)) for block in BLOCKS if block.kind == kind]


def block_of(kind: str, argument: str):
    """Return the only block of this kind and argument."""
    (block,) = [block for block in BLOCKS if (block.kind, block.argument) == (kind, argument)]
    return block


@pytest.fixture(scope="module")
def parent(tmp_path_factory) -> Path:
    """The example of an app's own chart, with its dependency and the page's template in it."""
    folder = tmp_path_factory.mktemp("documents")
    shutil.copytree(CHART, folder / "helm" / "django-probe")
    made = shutil.copytree(EXAMPLE, folder / "examples" / "parent-chart")
    (made / "templates" / "analysis.yaml").write_text(block_of("template", "analysis.yaml").text, encoding="utf-8")
    assert helm(NEW, "dependency", "update", str(made)).code == 0
    return made


def test_blocks__are_all_tried():
    """Every block says what it is, and there is a test for it."""
    assert {block.kind for block in BLOCKS} == KINDS


@pytest.mark.parametrize("block", of_kind("values"))
def test_values__render(block, version):
    """Values that a page shows are values of the chart."""
    rendered = render(yaml.safe_load(block.text), version=version)
    for each in rendered.objects:
        if each["kind"] not in {"ServiceMonitor", "PrometheusRule"}:  # which are not Kubernetes' own
            kubernetes_validate.validate(each, "1.31", strict=True)


def test_inline_probe__is_python():
    """The probe of the first example compiles."""
    (text,) = yaml.safe_load(block_of("values", "first.yaml").text)["probes"].values()
    compile(text, "shop.py", "exec")


def test_dependency__is_the_example_s():
    """The lines of Chart.yaml that the page shows are those of the example."""
    shown = yaml.safe_load(block_of("dependency", "").text)
    assert shown["dependencies"] == yaml.safe_load((EXAMPLE / "Chart.yaml").read_text(encoding="utf-8"))["dependencies"]


@cache
def options_of(program: str, command: str) -> set[str]:
    """Return the long options that a command of helm or kubectl knows."""
    tools = fetch(NEW)
    path = {"helm": tools.helm, "kubectl": tools.kubectl}[program]
    told = subprocess.run([path, *command.split(), "--help"], capture_output=True, text=True, check=True).stdout
    if program == "kubectl":
        told += subprocess.run([path, "options"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z-]+", told))


def unknown_options(line: str) -> list[str]:
    """Return the options of a command line that the program does not know."""
    program, command, *words = shlex.split(line.partition(" -- ")[0])
    for _ in range({"dependency": 1, "create": 2}.get(command, 0)):  # words that belong to the command
        command, words = f"{command} {words[0]}", words[1:]
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    return [option for option in given if option not in options_of(program, command)]


@pytest.mark.parametrize("block", of_kind("commands"))
def test_commands__have_options_that_exist(block):
    """Helm and kubectl know every option that a page gives them."""
    for line, output in commands(block):
        assert unknown_options(line) == []
        assert not output


def test_commands__name_the_job_that_there_is(parent):
    """The Jobs that the pages ask for by name are those of the releases that they install."""
    named = set(re.findall(r"job-name=([\w-]+)", "".join(block.text for block in BLOCKS if block.kind == "commands")))
    first = render(yaml.safe_load(block_of("values", "first.yaml").text), release="gate")
    app = render({}, chart=parent)
    assert named == {first.kind("Job")["metadata"]["name"], app.kind("Job")["metadata"]["name"]}
    (cron,) = re.findall(r"--from=cronjob/([\w-]+)", PAGES[0].read_text(encoding="utf-8"))
    periodic = render({"probe": {"cronJob": {"enabled": True}}}, chart=parent)
    assert cron == periodic.kind("CronJob")["metadata"]["name"]


def secrets_of(value: object) -> set[tuple[str, str]]:
    """Return name and key of each Secret that is referred to anywhere in an object."""
    match value:
        case {"name": str(name), "key": str(key)}:
            return {(name, key)}
        case {"secretName": str(name), "items": items}:
            return {(name, item["key"]) for item in items}
        case dict():
            return set().union(*map(secrets_of, value.values()))
        case list():
            return set().union(*map(secrets_of, value))
    return set()


def test_commands__make_the_secrets_that_the_values_name():
    """The Secrets that the pages make, with their keys, are those that the pages' values refer to."""
    lines = [line for block in BLOCKS if block.kind == "commands" for line, _ in commands(block)]
    options = {
        line.split()[4]: re.findall(r"--from-(?:literal|file)=(\w+)", line) for line in lines if " secret " in line
    }
    made = {(name, key) for name, keys in options.items() for key in keys}
    values = [yaml.safe_load(block_of("values", name).text) for name in ("history.yaml", "alerts.yaml", "flagger.yaml")]
    assert set().union(*(secrets_of(render(each).objects) for each in values)) == made


def test_timeout__is_longer_than_the_job_may_take(parent):
    """The --timeout of the pages fits the default values."""
    shown = {int(seconds) for block in BLOCKS for seconds in re.findall(r"--timeout (\d+)s", block.text)}
    assert len(shown) == 1
    assert shown.pop() > render({}, chart=parent).kind("Job")["spec"]["activeDeadlineSeconds"]


def stand_in(folder: Path, name: str, script: str) -> None:
    """Put a program on the PATH that stands in for one that needs a cluster."""
    program = folder / name
    program.write_text(f'#!/bin/sh\necho {name} "$@" >>calls\n{script}\n', encoding="utf-8")
    program.chmod(0o755)


@pytest.mark.parametrize("code", [0, 1])
def test_script__keeps_helm_s_exit_code_and_collects_always(code, tmp_path):
    """Whether Helm succeeds or fails, its exit code is the script's, and gate.xml is the report in the pod's log."""
    log = tmp_path / "printed"
    log.write_text(f"probes to run\n{wrap(REPORT, '0/1', GATE)}gate deploy: PASSED\n", encoding="utf-8")
    stand_in(tmp_path, "helm", f"exit {code}")
    stand_in(tmp_path, "kubectl", f'[ "$1" = get ] && wc -l <calls; [ "$1" = logs ] && cat {log}; exit 0')
    done = run_script(tmp_path)
    assert done.returncode == code, done.stderr
    assert '<testsuite name="shop" tests="1" />' in (tmp_path / "gate.xml").read_text(encoding="utf-8")
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert [call.split()[:2] for call in calls] == [
        ["kubectl", "get"],
        ["helm", "upgrade"],
        ["kubectl", "get"],
        ["kubectl", "logs"],
    ]
    assert [option for call in calls for option in unknown_options(call)] == []


def test_script__says_so_where_there_is_no_report(tmp_path):
    """Helm's exit code stays the script's, no file is left that CI could take for a report, and the reason is told."""
    (tmp_path / "gate.xml").write_text("<of-the-last-release/>", encoding="utf-8")
    stand_in(tmp_path, "helm", "exit 1")
    stand_in(tmp_path, "kubectl", "exit 1")
    done = run_script(tmp_path)
    assert done.returncode == 1
    assert "collect: no report is in the log" in done.stderr
    assert not (tmp_path / "gate.xml").exists()


def run_script(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run upgrade.sh in the folder, with its programs; `django-probe-collect` is the real one."""
    python = shlex.quote(sys.executable)
    collect = folder / "django-probe-collect"
    collect.write_text(f'#!/bin/sh\nexec {python} -m django_probe.collect "$@"\n', encoding="utf-8")
    collect.chmod(0o755)
    script = folder / "upgrade.sh"
    script.write_text(block_of("script", "upgrade.sh").text, encoding="utf-8")
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", str(script)],
        cwd=folder,
        env={"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("block", of_kind("ci"))
def test_ci__runs_the_script_and_keeps_the_report(block):
    """Each CI runs upgrade.sh as it is, so that its exit code is the job's, and takes gate.xml whatever that is."""
    assert re.search(r"^.*sh upgrade\.sh'?$", block.text, re.MULTILINE)
    assert "||" not in block.text
    job = block.text if block.argument == "jenkins" else yaml.safe_load(block.text)
    if block.argument == "github":
        upload = job["jobs"]["deploy"]["steps"][-1]
        assert upload["if"] == "${{ !cancelled() }}"
        assert upload["with"]["path"] == "gate.xml"
    elif block.argument == "gitlab":
        assert job["deploy"]["artifacts"] == {"when": "always", "reports": {"junit": "gate.xml"}}
    else:
        assert re.search(r"post \{\s+always \{\s+junit 'gate.xml'", job)


def test_argo_cd__gets_its_hook_and_the_commit(parent, version):
    """With the values and the parameters of the Application the gate is Argo's hook, and knows the commit."""
    source = yaml.safe_load(block_of("argo", "Application").text)["spec"]["source"]["helm"]
    flags = []
    for each in source["parameters"]:
        flag = "--set-string" if each.get("forceString") else "--set"
        flags += [flag, f"{each['name']}={each['value'].replace('$ARGOCD_APP_REVISION', '1e3')}"]
    rendered = render(source["valuesObject"], *flags, version=version, chart=parent)
    job = rendered.kind("Job")
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PostSync"
    assert "helm.sh/hook" not in rendered.text
    (container,) = pod_of(job)["spec"]["containers"]
    assert {"name": "PROBE_RELEASE", "value": "1e3"} in container["env"]
    assert len([each for each in container["env"] if each["name"] == "PROBE_RELEASE"]) == 1


def test_argo_rollouts__gets_the_job_of_the_chart(parent):
    """The AnalysisTemplate's Job is one that Kubernetes takes, the chart's own spec, by both Helms."""
    texts = {
        version: render({"probe": {"gate": {"enabled": False}}}, version=version, chart=parent) for version in HELMS
    }
    assert len({each.text for each in texts.values()}) == 1
    rendered = texts[NEW]
    assert not rendered.has("Job")
    template = rendered.kind("AnalysisTemplate")
    (metric,) = template["spec"]["metrics"]
    assert set(metric) == {"name", "provider"}
    spec = metric["provider"]["job"]["spec"]
    assert spec == render({}, chart=parent).kind("Job")["spec"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "gate"}, "spec": spec}
    kubernetes_validate.validate(job, "1.31", strict=True)
    steps = yaml.safe_load(block_of("argo", "Rollout").text)["spec"]["strategy"]["canary"]["steps"]
    assert steps[-1] == {"analysis": {"templates": [{"templateName": template["metadata"]["name"]}]}}


def test_servers__of_the_recipes_are_there(parent):
    """Argo Rollouts and Flagger ask the Service of the release that the pages install, and a gate that there is."""
    values = yaml.safe_load(block_of("values", "flagger.yaml").text)
    rendered = render({"probe": {**values, "command": []}}, chart=parent)
    service = rendered.kind("Service", "-web")["metadata"]
    template = yaml.safe_load(block_of("argo", "AnalysisTemplate").text)
    (webhook,) = yaml.safe_load(block_of("flagger", "Canary").text)["spec"]["analysis"]["webhooks"]
    urls = [metric["provider"]["web"]["url"] for metric in template["spec"]["metrics"]] + [webhook["url"]]
    (host,) = {urlsplit(url).hostname for url in urls}
    assert host == f"{service['name']}.{service['namespace']}"
    (server,) = pod_of(rendered.kind("Deployment", "-web"))["spec"]["containers"]
    assert host in environment(server)["ALLOWED_HOSTS"].split(",")
    assert f" deployment/{service['name']} -- " in PAGES[0].read_text(encoding="utf-8")
    policy = parse_policy(rendered.kind("ConfigMap", "-policy")["data"]["probe.yaml"], "flagger.yaml")
    assert {urlsplit(url).path.split("/")[3] for url in urls} <= set(policy.gates)


def test_flagger__never_sees_an_answer_without_a_verdict():
    """It takes 202 for a pass: it gives up before that would be said, and after the gate has ended itself."""
    (webhook,) = yaml.safe_load(block_of("flagger", "Canary").text)["spec"]["analysis"]["webhooks"]
    gate = parse_policy(json.dumps(yaml.safe_load(block_of("values", "flagger.yaml").text)["policy"]), "p").gates[
        "canary"
    ]
    wait = parse_duration(parse_qs(urlsplit(webhook["url"]).query)["wait"][0])
    clean_up = 8
    assert gate.deadline + clean_up <= parse_duration(webhook["timeout"]) < wait
