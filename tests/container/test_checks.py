"""Six lines of YAML as values of the chart: the gate's pod, played by podman, asks a real server with TLS."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.container.pods import played
from tests.contrib.checks.conftest import certificate, secure_shop  # noqa: F401 (fixtures)
from tests.contrib.checks.test_gate import CLOSED, OPEN, REASONS
from tests.helm.charts import NEW, Rendered, environment, pod_of, render
from tests.helm.tools import UnavailableError, fetch

TRUSTED = "/etc/shop.pem"


@pytest.fixture
def gate(container, secure_shop, certificate, tmp_path):  # noqa: F811 (as above)
    """A function that plays the gate of some checks as the chart renders it, and returns its exit code and log.

    The shop is of the release that the gate judges, or of the one that is named. The pod has the network of this
    machine, where the shop is, and trusts the shop's certificate.
    """
    try:
        fetch(NEW)
    except UnavailableError as error:
        pytest.skip(str(error))
    repository, _, tag = container.image.rpartition(":")
    values: dict[str, Any] = {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "env": [{"name": "SSL_CERT_FILE", "value": TRUSTED}, {"name": "PROBE_RELEASE_HEADER", "value": "X-Release"}],
        "volumes": [{"name": "trusted", "hostPath": {"path": str(certificate[0]), "type": "File"}}],
        "volumeMounts": [{"name": "trusted", "mountPath": TRUSTED, "readOnly": True}],
    }

    def ended(checks: str, release: str = "") -> tuple[int, str]:
        declared = yaml.safe_load(checks.replace("URL", secure_shop.url))
        policy = {"checks": declared, "gates": {"deploy": {"probes": ["checks"], "parallel": 4, "retries": 0}}}
        rendered = render({**values, "policy": policy}, release=f"checks-{tag[:8]}-{len(declared)}")
        (asks,) = pod_of(rendered.kind("Job"))["spec"]["containers"]
        secure_shop.release = release or environment(asks)["PROBE_RELEASE"]
        with played(on_this_machine(rendered), "Job", tmp_path) as pod:
            return pod.container.wait(), pod.container.logs()

    return ended


def on_this_machine(rendered: Rendered) -> Rendered:
    """Return the objects with the machine's own network for the gate's pod."""
    objects = rendered.objects
    for each in objects:
        if each["kind"] == "Job":
            each["spec"]["template"]["spec"]["hostNetwork"] = True
    return Rendered(0, yaml.safe_dump_all(objects), "")


def test_checks__open_the_gate_of_the_right_release(gate):
    """The certificate lasts, the JSON is right, it came in time, and it is of this release."""
    code, log = gate(OPEN)

    assert code == 0, log
    assert "gate deploy: PASSED" in log.splitlines()[-1]


def test_checks__close_the_gate_each_with_its_reason(gate):
    """A certificate with a day left, JSON that differs, a slow answer, an old release: what is read at last says so."""
    code, log = gate(CLOSED.replace("24s", "12s"), release="v41")

    assert code == 1, log
    told = log.partition("The gate is closed by:")[2]
    for name, whole in REASONS.items():
        reason, _, _ = whole.partition("'v42'")  # the chart names the release otherwise
        assert re.search(rf"checks\.http\.{name}: GET \S+: {reason}", told), (name, told)
