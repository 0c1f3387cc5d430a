"""What docs/helm.md and docs/gitops.md show is rendered, run with stand-ins for a cluster, or compared.

What a block is stands in a comment on the line before its fence: see KINDS.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from django_probe.policy.file import parse_policy
from django_probe.terms import parse_duration
from tests.documents import blocks, commands
from tests.helm.charts import CHART, HELMS, NEW, environment, helm, pod_of, render
from tests.helm.kubernetes import validate
from tests.helm.tools import ROOT, fetch
from tests.recipes import READERS, SHELLS
from tests.rollout.world import job, log, made, pod

if TYPE_CHECKING:
    from pathlib import Path

RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [ROOT / "docs" / "helm.md", ROOT / "docs" / "gitops.md", *RUNBOOKS]
EXAMPLE = ROOT / "examples" / "parent-chart"
BLOCKS = [block for page in PAGES for block in blocks(page)]
KINDS = {
    *("values", "commands", "rbac", "ci", "example", "template", "dependency"),
    *("argo", "flagger", "flux", "kargo", "hook"),  # see test_gitops.py too
}


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
            validate(each)


def test_inline_probe__is_python():
    """The probe of the example compiles."""
    (text,) = yaml.safe_load(block_of("values", "inline.yaml").text)["probes"].values()
    compile(text, "shop.py", "exec")


def test_first_check__comes_to_the_command(version):
    """The check of the first example is in the policy that the gate's pod reads, as in a file of the same lines."""
    values = yaml.safe_load(block_of("values", "first.yaml").text)
    rendered = parse_policy(render(values, version=version).kind("ConfigMap")["data"]["probe.yaml"], "values")
    written = parse_policy(yaml.safe_dump(values["policy"]), "file")
    assert [check.label for check in rendered.checks] == ["checks.http.home"]
    assert [replace(check, line=0) for check in rendered.checks] == [replace(check, line=0) for check in written.checks]


def test_dependency__is_the_example_s():
    """The lines of Chart.yaml that the page shows are those of the example."""
    shown = yaml.safe_load(block_of("dependency", "").text)
    assert shown["dependencies"] == yaml.safe_load((EXAMPLE / "Chart.yaml").read_text(encoding="utf-8"))["dependencies"]


@pytest.mark.parametrize("block", of_kind("example"))
def test_example__has_the_lines_that_are_shown(block):
    """In their order, and as deep as they are there."""
    lines = iter((EXAMPLE / "templates" / block.argument).read_text(encoding="utf-8").splitlines())
    assert all(line in lines for line in block.text.splitlines())


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
    if line.startswith("django-probe rollout "):
        line = line.partition(" -- ")[2]
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
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    (cron,) = {name for text in texts for name in re.findall(r"--from=cronjob/([\w-]+)", text)}
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


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize("block", of_kind("ci"))
def test_ci__deploys_and_keeps_the_report(block, is_open, tmp_path):
    """As each CI runs its job: the exit code is Helm's, gate.xml is the gate's report, and Helm knows every option."""
    system = block.argument
    job_of_ci = READERS[system](block.text)
    (command,) = job_of_ci.commands
    assert unknown_options(command.partition(" -- ")[2]) == []
    world = made(tmp_path)
    world.step()
    world.step(job(state="Complete" if is_open else "Failed"), pod(code=int(not is_open)))
    world.write("log.pod", log("test_pay", fails=not is_open))
    variables = world.begin("step 1; deployed; exit 0" if is_open else "step 1; exit 1", "v4.1.4")
    variables["GITHUB_STEP_SUMMARY"] = str(tmp_path / "summary.md")
    shell = [*SHELLS[system], command]
    done = subprocess.run(shell, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == int(not is_open), done.stderr
    assert ('message="402 != 200"' in (tmp_path / job_of_ci.junit).read_text(encoding="utf-8")) is not is_open
    assert (tmp_path / job_of_ci.html).stat().st_size
    assert (tmp_path / "summary.md").exists() is (system == "github")


def test_rights__are_a_role(parent):
    """What `django-probe rollout` needs is a Role in the namespace of the release, which only reads."""
    role = yaml.safe_load(block_of("rbac", "").text)
    validate(role)
    assert role["metadata"]["namespace"] == render({}, chart=parent).kind("Job")["metadata"]["namespace"]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}


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
    validate(job)
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
