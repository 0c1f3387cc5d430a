"""Names: short enough for what Kubernetes adds, in any namespace, and two releases side by side."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.helm.charts import CHART, pod_of, render
from tests.helm.kubernetes import validate

ON = {"cronJob": {"enabled": True}, "web": {"enabled": True}, "probes": {"a.py": ""}, "gate": {"fault": "fail"}}
LONGEST_RELEASE = "a-release-whose-name-is-as-long-as-helm-lets-it-be-ok"
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
RELEASES = ["shop", "django-probe", LONGEST_RELEASE, "shop.v2", "7-of-9", "x"]


@pytest.mark.parametrize("release", RELEASES)
def test_names__leave_room_for_what_kubernetes_adds(release):
    """63 characters with what the Job controller adds (revision, index, five letters), 52 for a CronJob."""
    rendered = render(ON, release=release)
    for each in rendered.objects:
        assert DNS_LABEL.fullmatch(each["metadata"]["name"]), each["metadata"]["name"]
        assert len(each["metadata"]["name"]) <= 63
    assert len(rendered.kind("CronJob")["metadata"]["name"]) <= 52
    job = rendered.kind("Job")["metadata"]["name"].removesuffix("-1")
    assert len(job + "-99999" + "-999" + "-abcde") <= 63


def test_full_name__is_a_value():
    """It is how all names begin, and is refused where it is no name; a common label cannot be one of the chart's."""
    for each in render({**ON, "fullnameOverride": "gate-of-shop"}).objects:
        assert each["metadata"]["name"].startswith("gate-of-shop")
    for wrong in ("Gate", "-gate", "7gate", "g" * 41):
        assert "fullnameOverride" in render({"fullnameOverride": wrong}).error
    for key in ("app.kubernetes.io/name", "helm.sh/chart", "django-probe/gate"):
        for place in ("commonLabels", "podLabels"):
            refused = render({place: {key: "x"}})
            assert refused.code
            assert key in refused.error


JOBS = """\
{{- range $revision := list 12 9999999 }}
{{- $root := dict "Values" $.Values "Chart" $.Chart "Release" (dict "Name" $.Release.Name "Revision" $revision) }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: names-{{ $revision }}
data:
  gate: {{ include "django-probe.jobName" (dict "root" $root "what" "gate") }}
  migrate: {{ include "django-probe.jobName" (dict "root" $root "what" "migrate") }}
---
{{- end }}
"""


@pytest.mark.parametrize(("style", "ends"), [("helm", "-12"), ("none", "-12"), ("argocd", "")])
def test_jobs__are_of_their_revision(style, ends, tmp_path):
    """No run deletes the Job of another one; for Argo CD, to whom every revision is the first, the name stays."""
    chart = shutil.copytree(CHART, tmp_path / "django-probe")
    (chart / "templates" / "names.yaml").write_text(JOBS, encoding="utf-8")
    for release in ("shop", LONGEST_RELEASE):
        rendered = render({"gate": {"hook": {"style": style}}}, chart=chart, release=release)
        for job, name in rendered.kind("ConfigMap", "names-12")["data"].items():
            assert name.endswith(f"-{job}{ends}")
        longest = rendered.kind("ConfigMap", "names-9999999")["data"]["gate"] + "-999-abcde"
        assert len(longest) <= 63


@pytest.mark.parametrize(
    "gate", ["deploy", "on", "12", "n", "a-gate-whose-name-is-longer-than-any-label-may-be_" + 20 * "-"]
)
def test_gates__are_found_by_their_labels(gate):
    """Each gate's Job and pod say which gate it is, of which revision, whatever YAML takes the name for."""
    values = {"policy": {"gates": {gate: {}}}, "gate": {"name": gate}, "cronJob": {"enabled": True, "gate": gate}}
    rendered = render(values)
    job, cron = rendered.kind("Job"), rendered.kind("CronJob")["spec"]["jobTemplate"]
    for each in (job, pod_of(job), cron, cron["spec"]["template"]):
        labels = each["metadata"]["labels"]
        assert labels["django-probe/revision"] == "1"
        assert gate.startswith(labels["django-probe/gate"])
        assert labels["django-probe/gate"] == gate[:63].rstrip("-_")


@pytest.mark.parametrize("name", ["1234", "on", "n", "1e3", "0x1F"])
def test_texts__stay_texts_whatever_yaml_takes_them_for(name):
    """A release, a namespace or a chart that looks like a number or a boolean is a text in every object."""
    values = {**ON, "nameOverride": "on", "serviceAccount": {"create": True}, "networkPolicy": {"enabled": True}}
    for each in render(values, "--namespace", "1234", release=name.lower()).objects:
        validate(each)
        assert each["metadata"]["namespace"] == "1234"
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == name.lower()


@pytest.mark.parametrize("release", RELEASES)
def test_labels__are_short_enough(release):
    """No value of a label is longer than 63 characters, or begins or ends with something else than it may."""
    for each in render(ON, release=release).objects:
        for value in each["metadata"].get("labels", {}).values():
            assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value), value


def test_two_releases__share_no_name_and_no_pod():
    """Two releases in a namespace, even with names that are alike for 50 characters, have nothing in common."""
    cut = LONGEST_RELEASE[:-1].rstrip("-")
    pairs = [("shop", "bank"), (cut, f"{cut}x"), ("a.b", "a-b"), ("django-probe", "django-probe-django-probe")]
    for pair in pairs:
        names = [{(each["kind"], each["metadata"]["name"]) for each in render(ON, release=one).objects} for one in pair]
        assert not names[0] & names[1], pair
        selectors = [str(render(ON, release=one).kind("Service")["spec"]["selector"]) for one in pair]
        assert selectors[0] != selectors[1]


def test_name_override__is_in_every_name():
    """The value nameOverride replaces the chart's name in names and labels."""
    rendered = render({**ON, "nameOverride": "gatekeeper"})
    assert {each["metadata"]["name"].startswith("shop-gatekeeper-") for each in rendered.objects} == {True}
    assert rendered.kind("Service")["spec"]["selector"]["app.kubernetes.io/name"] == "gatekeeper"


def test_release_of_the_chart_s_name__is_not_doubled():
    """A release `django-probe` has objects `django-probe-gate-1`, not `django-probe-django-probe-gate-1`."""
    assert render({}, release="django-probe").kind("Job")["metadata"]["name"] == "django-probe-gate-1"
