"""The example of an app's own chart with django-probe as its dependency, rendered by both Helms."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import kubernetes_validate
import pytest
import yaml

from tests.helm.charts import CHART, HELMS, helm, pod_of, render
from tests.helm.tools import ROOT

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
    assert kinds == ["ConfigMap", "Deployment", "Job", "Job", "Service"]
    assert texts[0].text == texts[1].text
    for each in texts[0].objects:
        kubernetes_validate.validate(each, "1.31", strict=True)


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
    assert app["env"] == [{"name": "RELEASE", "value": release}]


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
    assert "PROBE_POLICY" not in rendered.text


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
    assert jobs == {"shop-probe-gate-1", "shop-smoke-gate-1", "shop-probe-test", "shop-smoke-test"}
