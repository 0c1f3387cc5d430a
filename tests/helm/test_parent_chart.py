"""The example of an app's own chart with django-probe as its dependency, rendered by both Helms."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests import warm
from tests.conftest import Completed
from tests.helm.charts import CHART, HELMS, NEW, Rendered, environment, helm, pod_of, render
from tests.helm.kubernetes import validate
from tests.helm.tools import ROOT
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

PARENT = ROOT / "examples" / "parent-chart"


@pytest.fixture(scope="module")
def parents(tmp_path_factory) -> dict[str, Path]:
    """The example with its dependency beside it, as each Helm builds it."""
    return {version: _built(version, tmp_path_factory.mktemp("parent")) for version in HELMS}


def _built(version: str, folder: Path) -> Path:
    shutil.copytree(CHART, folder / "helm" / "django-probe")
    parent = shutil.copytree(PARENT, folder / "examples" / "parent-chart")
    built = helm(version, "dependency", "update", str(parent))
    assert built.code == 0, built.error
    return parent


def test_parent__renders_alike_by_both_helms(parents):
    """One release holds the app and its gate; every object is one that Kubernetes takes."""
    texts = [render({}, version=version, chart=parent) for version, parent in parents.items()]
    kinds = sorted(each["kind"] for each in texts[0].objects)
    assert kinds == ["ConfigMap", "Deployment", "Job", "Pod", "Service"]
    assert texts[0].text == texts[1].text
    for each in texts[0].objects:
        validate(each)


def test_parent__lints(parents, version):
    """Both charts are clean together, with the values that the parent gives."""
    linted = helm(version, "lint", "--strict", "--with-subcharts", str(parents[version]))
    assert linted.code == 0, linted.text


def test_parent__has_the_gate_of_its_own_image(parents, version):
    """The hook runs the app's command in the app's image, named by the alias, and knows the release it judges."""
    rendered = render({}, version=version, chart=parents[version])
    job, deployment = rendered.kind("Job"), rendered.kind("Deployment")
    (gate,) = pod_of(job)["spec"]["containers"]
    (app,) = pod_of(deployment)["spec"]["containers"]
    assert job["metadata"]["name"] == "shop-probe-gate-1"
    assert gate["image"] == app["image"]
    assert gate["command"] == ["django-probe", "probe"]
    release = {each["name"]: each.get("value") for each in gate["env"]}["PROBE_RELEASE"]
    assert {"name": "PROBE_RELEASE", "value": release} in app["env"]


@pytest.mark.parametrize(
    "flags",
    [
        ("--set", "probe.image.tag=2.0.0"),
        ("--set", "probe.image.repository=registry.example/other"),
        ("--set", f"probe.image.digest=sha256:{'0' * 64}"),
        ("--set-string", "probe.image.tag=1e3"),
    ],
    ids=lambda flags: flags[1],
)
def test_image__is_one_value(parents, version, flags):
    """Whatever is set, the gate is the release that it judges; with the gate off, the app has the same image."""
    rendered = render({}, *flags, version=version, chart=parents[version])
    images = [pod_of(rendered.kind(kind))["spec"]["containers"][0]["image"] for kind in ("Deployment", "Job")]
    assert images[0] == images[1] != "registry.example/shop:1.0.0"
    alone = render({}, *flags, "--set", "probe.enabled=false", version=version, chart=parents[version])
    assert pod_of(alone.kind("Deployment"))["spec"]["containers"][0]["image"] == images[0]


def test_image__of_the_app_alone_is_refused(parents, version):
    """A value that nothing reads is no image: what CI set before the gate came is not silently the old release."""
    refused = render({}, "--set", "image=registry.example/shop:2.0.0", version=version, chart=parents[version])
    assert refused.code != 0
    assert "image: the app and its gate have one image: set probe.image.repository and probe.image.tag" in refused.error


def probe(rendered: Rendered, folder: Path, *arguments: str) -> Completed:
    """Run the gate of the rendered Job, with its environment and its policy, in the container's project."""
    (container,) = pod_of(rendered.kind("Job"))["spec"]["containers"]
    policy = folder / "probe.yaml"
    policy.write_text(rendered.kind("ConfigMap", "-policy")["data"]["probe.yaml"], encoding="utf-8")
    variables = {name: value for name, value in environment(container).items() if isinstance(value, str)}
    done = warm.run(
        [sys.executable, ROOT / "deploy" / "manage.py", "probe", *container["args"], *arguments],
        env={
            **variables,
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "PROBE_POLICY": str(policy),
            "PROBE_REPORT_SINK": "none",
            "PROBE_TERMINATION_LOG": "",
        },
        cwd=folder,
        timeout=PATIENCE,
    )
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_gate__runs_every_probe_that_its_values_configure(parents, tmp_path):
    """PROBE_TARGETS is for probe_http, which is among what runs; a target that does not exist closes the gate."""
    rendered = render({}, chart=parents[NEW])
    configured = environment(pod_of(rendered.kind("Job"))["spec"]["containers"][0])
    assert {"PROBE_TARGETS", "PROBE_RELEASE_HEADER"} <= set(configured)
    listed = probe(rendered, tmp_path, "--list")
    assert listed.code == 0, listed.err
    assert {"probe_http.TestTargets.test_each_answers_as_the_release"} <= set(listed.out.split())
    nowhere = {"env": [{"name": "PROBE_TARGETS", "value": "http://127.0.0.1:9/"}]}
    closed = probe(
        render({"probe": nowhere}, chart=parents[NEW]),
        tmp_path,
        "--timeout",
        "1s",
        "--retries",
        "0",
        "--",
        "probe_http",
    )
    assert closed.code == 1, closed.err
    skipping = probe(render({"probe": {"env": []}}, chart=parents[NEW]), tmp_path, "--exclude-tag", "database")
    assert skipping.code == 1, skipping.err
    assert "required" in skipping.err


def test_app__has_the_policy_of_the_gate(parents, version):
    """The same file at the same place, the same release, and a pod that is made anew when the policy changes."""
    policy = {"gates": {"ready": {"tags": ["ready"], "every": "5s"}}}
    pods, names = [], set()
    for values in ({}, {"probe": {"policy": policy}}):
        rendered = render(values, version=version, chart=parents[version])
        app, gate = pod_of(rendered.kind("Deployment")), pod_of(rendered.kind("Job"))
        (container,), (judge,) = app["spec"]["containers"], gate["spec"]["containers"]
        for name in ("PROBE_POLICY", "PROBE_RELEASE"):
            assert environment(container)[name] == environment(judge)[name]
        (mount,) = [each for each in container["volumeMounts"] if each["name"] == "django-probe-policy"]
        assert environment(container)["PROBE_POLICY"] == f"{mount['mountPath']}/probe.yaml"
        (volume,) = [each for each in app["spec"]["volumes"] if each["name"] == "django-probe-policy"]
        names.add(volume["configMap"]["name"])
        pods.append(app["metadata"]["annotations"]["checksum/policy"])
        assert gate["metadata"]["annotations"]["checksum/policy"] == pods[-1]
    assert names == {rendered.kind("ConfigMap", "-policy")["metadata"]["name"]}
    assert pods[0] != pods[1]


def test_app__takes_what_env_says_of_policy_and_release(parents, version):
    """A commit as the release, a policy in the image: the app has what the gate has."""
    given = [{"name": "PROBE_RELEASE", "value": "1e3"}, {"name": "PROBE_POLICY", "value": "/app/probe.yaml"}]
    rendered = render({"probe": {"env": given, "policy": None}}, version=version, chart=parents[version])
    pods = [pod_of(rendered.kind(kind)) for kind in ("Deployment", "Job")]
    for pod in pods:
        assert [each for each in pod["spec"]["containers"][0]["env"] if each in given] == given
    assert "policy" not in str(pods[0]["spec"]["volumes"])
    assert not pods[0]["metadata"].get("annotations")


def test_parent__asks_its_own_server_by_the_chart_s_templates(parents, version):
    """The app's Deployment has the probes of kubelet from the named templates, with the values that the parent gave."""
    (app,) = pod_of(render({}, version=version, chart=parents[version]).kind("Deployment"))["spec"]["containers"]
    paths = [app[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")]
    assert paths == ["/probe/live/", "/probe/ready/", "/probe/live/"]
    assert app["readinessProbe"]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "shop.example"}]


def test_parent__can_switch_the_gate_off(parents, version):
    """With the condition off nothing of the chart is left, and the app's chart renders without its templates."""
    rendered = render({"probe": {"enabled": False}}, version=version, chart=parents[version])
    assert sorted(each["kind"] for each in rendered.objects) == ["Deployment", "Service"]


def test_parent__may_use_the_image_s_policy(parents, version):
    """`policy: null` means the same as it does without a parent."""
    rendered = render({"probe": {"policy": None}}, version=version, chart=parents[version])
    assert "PROBE_POLICY" not in str(rendered.objects)


def test_parent__hears_of_wrong_values(parents, version):
    """What is wrong below the alias is refused as it is without a parent."""
    refused = render({"probe": {"gate": {"name": "deplyo"}}}, version=version, chart=parents[version])
    assert 'gate.name: policy.gates has no gate "deplyo"' in refused.error


def test_gate_job_spec__is_a_job_of_the_parent_s_own(parents, version, tmp_path):
    """`django-probe.gateJobSpec` is what the chart's own Job has, for a Job that the parent writes."""
    parent = shutil.copytree(parents[version], tmp_path / "parent")
    (parent / "templates" / "job.yaml").write_text(
        """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-own
spec:
  {{- include "django-probe.gateJobSpec" .Subcharts.probe | nindent 2 }}
""",
        encoding="utf-8",
    )
    rendered = render({}, version=version, chart=parent)
    assert rendered.kind("Job", "-own")["spec"] == rendered.kind("Job", "-gate-1")["spec"]


def test_two_aliases__are_two_gates_of_one_release(parents, version, tmp_path):
    """The chart twice in a chart, by two aliases: two Jobs, two policies, no name twice."""
    parent = shutil.copytree(parents[version], tmp_path / "examples" / "parent-chart")
    shutil.copytree(CHART, tmp_path / "helm" / "django-probe")
    manifest = yaml.safe_load((parent / "Chart.yaml").read_text(encoding="utf-8"))
    (dependency,) = manifest["dependencies"]
    manifest["dependencies"].append({**dependency, "alias": "smoke", "condition": "smoke.enabled"})
    (parent / "Chart.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    assert helm(version, "dependency", "update", str(parent)).code == 0
    rendered = render({}, version=version, chart=parent)
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered.objects]
    assert len(set(names)) == len(names)
    jobs = {name for kind, name in names if kind == "Job"}
    assert jobs == {"shop-probe-gate-1", "shop-smoke-gate-1"}
