"""The chart lints and renders, by both Helms alike, and Kubernetes knows every field of it."""

from __future__ import annotations

import json
import os

import pytest

import django_probe
from tests.helm.charts import CHART, CI_FILES, HELMS, helm, render, values_of
from tests.helm.kubernetes import NEWEST, OLDEST, validate
from tests.helm.tools import ROOT

GOLDEN = ROOT / "tests" / "helm" / "golden"
# Of the Prometheus operator and the Gateway API, whose schemas are not: they are looked at field by field in
# test_monitoring.py and test_web.py.
CUSTOM = {"ServiceMonitor", "PrometheusRule", "HTTPRoute"}


def switches(values: dict, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of each `enabled` in the values."""
    found = [(*path, key) for key in values if key == "enabled"]
    return found + [
        each for key, value in values.items() if isinstance(value, dict) for each in switches(value, (*path, key))
    ]


# What cannot be on without another value beside it.
NEEDED = {
    "history": {"databaseSecret": {"name": "probe-history"}},
    "httpRoute": {"parentRefs": [{"name": "public"}]},
}
SWITCHES = [".".join(path) for path in switches(values_of(CHART / "values.yaml")) if len(path) > 1]


@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.stem)
def test_lint__is_clean(version, path):
    """`helm lint --strict` finds nothing in the chart with the values of each file in ci/."""
    linted = helm(version, "lint", "--strict", str(CHART), "--values", str(path))
    assert linted.code == 0, linted.text + linted.error
    assert "0 chart(s) failed" in linted.text
    assert "[WARNING]" not in linted.text


@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.stem)
def test_template__is_the_golden_manifest(version, path):
    """Both Helms render what the golden file says; UPDATE_GOLDEN=1 writes it anew, for a look at its diff."""
    rendered = render(values_of(path), version=version)
    assert rendered.code == 0, rendered.error
    golden = GOLDEN / path.name.replace("-values", "")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered.text, encoding="utf-8")
    assert rendered.text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("switch", SWITCHES)
def test_template__renders_with_each_switch_alone(switch):
    """Each `enabled` can be on, and off, with nothing else set but what it needs, and both Helms say the same."""
    for value in (True, False):
        part, *rest = switch.split(".")
        inner: object = value
        for key in reversed(rest):
            inner = {key: inner}
        values = {part: {**NEEDED.get(part, {}), **inner}}
        texts = {version: render(values, version=version) for version in HELMS}
        assert all(each.code == 0 for each in texts.values()), texts
        assert len({each.text for each in texts.values()}) == 1


@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
def test_every_object__is_valid(kubernetes):
    """Kubernetes knows every field of every object, and takes its value, in the oldest and the newest version."""
    objects = [each for path in CI_FILES for each in render(values_of(path)).objects]
    unique = {json.dumps(each): each for each in objects if each["kind"] not in CUSTOM}
    assert {each["kind"] for each in unique.values()} >= {"Job", "CronJob", "Deployment", "Ingress"}
    for each in unique.values():
        assert validate(each, kubernetes) == kubernetes


def test_kubernetes_older_than_needed__is_refused(version):
    """The chart says which Kubernetes it needs before anything is installed."""
    refused = render({}, "--kube-version", "1.30.0", version=version)
    assert refused.code != 0
    assert "chart requires kubeVersion: >=1.31.0-0" in refused.error


def test_objects__stay_in_the_release_s_namespace():
    """Every object of the chart names its namespace, so that `helm template | kubectl apply` puts it there too."""
    for path in CI_FILES:
        for each in render(values_of(path)).objects:
            if each["metadata"]["name"].startswith("shop-django-probe"):  # not an extraObject, which says it itself
                assert each["metadata"]["namespace"] == "prod", each


def test_no_object__gives_rights_on_the_cluster():
    """There is no RBAC: neither gates nor the server talk to the API of Kubernetes."""
    kinds = {each["kind"] for path in CI_FILES for each in render(values_of(path)).objects}
    assert not [kind for kind in kinds if "Role" in kind]


def test_app_version__is_the_package_s():
    """The image that the chart takes by itself holds this version of django-probe."""
    assert values_of(CHART / "Chart.yaml")["appVersion"] == django_probe.__version__
