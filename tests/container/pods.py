"""The chart's pods, rendered by Helm and run by podman as they are, but for what podman 4.3 does not know.

Adapted: a Job's and a Deployment's template becomes a Pod with a name; the label and the file for the termination
message, which Kubernetes makes, are made; a host port stands for the Service; the volume for /tmp, which podman keeps
under the very name, has the pod's name in it. Dropped: annotations, of which podman takes 63 characters and a checksum
has 64; the HTTP probes, which podman would run with a curl that is not in the image: a test asks what they ask.
"""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

import yaml

from tests.container.conftest import Container
from tests.container.images import set_up, tool
from tests.helm.charts import Rendered, pod_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB_UID = "5a4c2a3e-7c1f-4f7b-9c55-000000000001"


@dataclass(frozen=True)
class Pod:
    """A pod that runs or has run, and the spec that Helm rendered for its only container."""

    container: Container
    rendered: dict[str, Any]
    message: Path
    port: int


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
