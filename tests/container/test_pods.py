"""The chart's pods, rendered by Helm and run by podman as they are, but for what podman 4.3 does not know.

Adapted: a Job's and a Deployment's template becomes a Pod with a name; the label and the file for the termination
message, which Kubernetes makes, are made; a host port stands for the Service; the volume for /tmp, which podman keeps
under the very name, has the pod's name in it. Dropped: annotations, of which podman takes 63 characters and a checksum
has 64; the HTTP probes, which podman would run with a curl that is not in the image: a test asks what they ask.
"""

from __future__ import annotations

import json
import socket
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.container.conftest import Container
from tests.container.images import set_up, tool
from tests.container.logs import collected
from tests.helm.charts import NEW, Rendered, pod_of, render
from tests.helm.tools import UnavailableError, fetch
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB_UID = "5a4c2a3e-7c1f-4f7b-9c55-000000000001"

# Prints what a restricted pod comes to, as its own PID 1 sees it.
RESTRICTIONS = """\
id -u
grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/1/status
cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null
touch /app/written /etc/django-probe/policy/written 2>/dev/null || echo read-only
touch /tmp/written && echo /tmp
"""


@dataclass(frozen=True)
class Pod:
    """A pod that runs or has run, and the spec that Helm rendered for its only container."""

    container: Container
    rendered: dict[str, Any]
    message: Path
    port: int


@pytest.fixture
def chart(container):
    """A function that renders the chart for the image of this checkout, under a name that no other pod has."""
    try:
        fetch(NEW)
    except UnavailableError as error:
        pytest.skip(str(error))
    repository, _, tag = container.image.rpartition(":")
    release = f"pods-{uuid.uuid4().hex[:8]}"

    def _render(**values: dict) -> Rendered:
        image = {"repository": repository, "tag": tag, "pullPolicy": "Never"}
        return render({"image": image, **values}, release=release)

    return _render


@contextmanager
def played(rendered: Rendered, kind: str, folder: Path) -> Iterator[Pod]:
    """Play the pod of the Job or the Deployment, with the chart's ConfigMaps; both are gone after the block."""
    item = rendered.kind(kind)
    (spec,) = pod_of(item)["spec"]["containers"]
    message = folder / "termination-log"
    message.touch()
    message.chmod(0o666)  # as kubelet makes it
    name, port = item["metadata"]["name"], free_port()
    maps = [each for each in rendered.objects if each["kind"] == "ConfigMap"]
    manifest = folder / "pod.yaml"
    manifest.write_text(yaml.safe_dump_all([*maps, adapted(item, message, port)]), encoding="utf-8")
    try:
        with set_up():  # the first one builds the image of the pod's own process
            tool("podman", "kube", "play", manifest)
        yield Pod(Container(f"{name}-{spec['name']}"), spec, message, port)
    finally:
        tool("podman", "pod", "rm", "--force", "--time", "0", name, check=False)
        for volume in [each["metadata"]["name"] for each in maps] + [f"{name}-tmp"]:
            tool("podman", "volume", "rm", "--force", volume, check=False)


def adapted(item: dict[str, Any], message: Path, port: int) -> dict[str, Any]:
    """Return the pod as podman knows it: what is adapted and dropped stands at the top of this file."""
    pod = json.loads(json.dumps(pod_of(item)))  # what was rendered is kept for others
    name, spec = item["metadata"]["name"], pod["spec"]
    (container,) = spec["containers"]
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        container.pop(probe, None)
    for each in container.get("ports", []):
        each["hostPort"] = port
    for each in (*spec["volumes"], *container["volumeMounts"]):
        if each["name"] == "tmp":
            each["name"] = f"{name}-tmp"
    spec["volumes"].append({"name": "message", "hostPath": {"path": str(message), "type": "File"}})
    container["volumeMounts"].append({"name": "message", "mountPath": "/dev/termination-log"})
    labels = {**pod["metadata"]["labels"], "batch.kubernetes.io/controller-uid": JOB_UID}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ask(port: int, probe: dict[str, Any]) -> int | None:
    """Ask what a probe of the manifest asks, as kubelet does; give the status, None where there is no answer."""
    headers = {each["name"]: each["value"] for each in probe["httpGet"]["httpHeaders"]}
    connection = HTTPConnection("127.0.0.1", port, timeout=probe["timeoutSeconds"])
    try:
        connection.request("GET", probe["httpGet"]["path"], headers=headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def test_gate__its_pod_ends_with_0_and_the_junit_in_its_log(chart, tmp_path):
    """With the policy of the ConfigMap, the Job's id as the id of the run, and a termination message."""
    with played(chart(), "Job", tmp_path) as pod:
        code = pod.container.wait()
        log = pod.container.logs()
    assert code == 0, log
    assert collected(log)["test_none_is_unapplied"] == []
    assert JOB_UID in log
    assert log.splitlines()[-1].startswith("gate deploy: PASSED (exit 0)")
    assert json.loads(pod.message.read_text(encoding="utf-8"))["counts"]


def test_gate__its_pod_ends_with_1_where_the_fault_is_rehearsed(chart, tmp_path):
    """The probe of the second ConfigMap fails, and the JUnit says so."""
    with played(chart(gate={"fault": "fail"}), "Job", tmp_path) as pod:
        code = pod.container.wait()
        log = pod.container.logs()
    assert code == 1, log
    assert collected(log) == {"test_fails_on_purpose": ["failure"]}


def test_web__its_pod_is_ready_under_its_restrictions(chart, tmp_path):
    """What kubelet asks is answered with 200: not root, no capability, read-only, at most 256 MiB."""
    with played(chart(web={"enabled": True}), "Deployment", tmp_path) as pod:
        limit = time.monotonic() + PATIENCE
        while (status := ask(pod.port, pod.rendered["readinessProbe"])) != 200:
            assert time.monotonic() < limit, (status, pod.container.logs())
            time.sleep(0.05)
        assert pod.rendered["readinessProbe"]["httpGet"]["path"] == "/probe/ready/"
        assert [ask(pod.port, pod.rendered[probe]) for probe in ("startupProbe", "livenessProbe")] == [200, 200]
        seen = pod.container.execute("sh", "-c", RESTRICTIONS).split()
    bits = ["CapEff:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2"]
    assert seen == ["10001", *bits, str(256 << 20), "read-only", "/tmp"]


def test_pods__leave_nothing_behind(chart, tmp_path):
    """No pod and no volume."""
    rendered = chart()
    with played(rendered, "Job", tmp_path) as pod:
        pod.container.wait()
    name = rendered.kind("Job")["metadata"]["name"]
    release = name.removesuffix("-django-probe-gate-1")
    assert release not in tool("podman", "pod", "ps", "--format", "{{.Name}}").stdout
    assert release not in tool("podman", "volume", "ls", "--format", "{{.Name}}").stdout
