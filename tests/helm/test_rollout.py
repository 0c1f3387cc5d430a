"""`django-probe rollout` with the real Helm and kubectl, and a stand-in for the API of Kubernetes that they ask.

It holds what the programs of tests/rollout are made to say against what the real ones say.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from django_probe.rollout.cluster import Cluster, Release, UnreadableError
from django_probe.rollout.command import read
from tests.helm.charts import CHART
from tests.helm.tools import ROOT, fetch
from tests.rollout.world import job, pod, said

if TYPE_CHECKING:
    from pathlib import Path

LABELS = {"django-probe/gate": "deploy"}
MANIFEST = json.dumps({"metadata": {"name": "shop-probe-gate-11", "labels": LABELS}})
HOOK = {"name": "shop-probe-gate-11", "kind": "Job", "manifest": MANIFEST, "last_run": {"phase": "Succeeded"}}
RELEASE = {"name": "shop", "version": 11, "namespace": "prod", "info": {"status": "deployed"}, "hooks": [HOOK]}
KINDS = {"pods": "Pod", "events": "Event", "secrets": "Secret", "jobs": "Job"}


def resources(version: str, *names: str) -> dict:
    """Return what the API says that it has."""
    found = [{"name": name, "kind": KINDS[name], "namespaced": True, "verbs": ["get", "list"]} for name in names]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": found}


def secrets(selector: str) -> list[dict]:
    """Return the Secret in which Helm keeps the release, if that is the one that is asked for."""
    if "name=shop" not in selector.split(","):
        return []
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(RELEASE).encode()))).decode()
    labels = {"name": "shop", "owner": "helm", "status": "deployed", "version": "11"}
    name = "sh.helm.release.v1.shop.v11"
    return [{"metadata": {"name": name, "labels": labels}, "type": "helm.sh/release.v1", "data": {"release": packed}}]


class Api(BaseHTTPRequestHandler):
    """As much of the API as they need."""

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer, or refuse: nobody may list events here."""
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        kinds = address.path.rpartition("/")[2]
        status, said_ = 200, self.answer(address.path, query)
        if said_ is None:
            status = 403 if kinds == "events" else 404
            reason = {403: "Forbidden", 404: "NotFound"}[status]
            said_ = {"kind": "Status", "status": "Failure", "reason": reason, "code": status, "message": "no events"}
        content = json.dumps({"apiVersion": "v1", **said_}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        """Return what is at a path, None where nothing is."""
        batch = {"groupVersion": "batch/v1", "version": "v1"}
        group = {"name": "batch", "versions": [batch], "preferredVersion": batch}
        closed = pod(of="job-11", code=1, said=said(1, "closed"))
        items = {
            "secrets": secrets(query.get("labelSelector", "")),
            "jobs": [bare(job(11, state="Complete"))],
            "pods": [bare(closed)],
        }
        fixed: dict[str, dict[str, Any]] = {
            "/version": {"major": "1", "minor": "31", "gitVersion": "v1.31.0"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "groups": [group]},
            "/api/v1": resources("v1", "pods", "events", "secrets"),
            "/apis/batch/v1": resources("batch/v1", "jobs"),
        }
        folder, _, kinds = path.rpartition("/")
        if folder.endswith("/namespaces/prod") and kinds in items:
            version = "batch/v1" if kinds == "jobs" else "v1"
            return {"kind": f"{KINDS[kinds]}List", "apiVersion": version, "items": items[kinds]}
        return fixed.get(path)


def bare(item: dict) -> dict:
    """Return an object as it is in a list of the API, which does not repeat the kind."""
    return {name: value for name, value in item.items() if name != "kind"}


@pytest.fixture
def words(version, tmp_path, monkeypatch) -> list[str]:
    """An upgrade by each Helm, with a kubectl beside it, in a cluster that knows the release `shop`."""
    monkeypatch.setenv("PATH", f"{fetch(version).folder}:{os.environ['PATH']}")
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}")
        yield ["helm", "upgrade", "shop", str(CHART), "--namespace", "prod", "--kubeconfig", str(config)]
        server.shutdown()


def kubeconfig(folder: Path, url: str) -> Path:
    """Write the file that says where the cluster is."""
    path = folder / "kubeconfig"
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    clusters, users = [{"name": "c", "cluster": {"server": url}}], [{"name": "u", "user": {}}]
    config = {"apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": users, "contexts": [context]}
    path.write_text(json.dumps({**config, "current-context": "c"}), encoding="utf-8")
    return path


def test_programs__say_what_is_read(words, version):
    """Version, release, Jobs and pods come out as they are; what may not be read is an error with its reason."""
    cluster = Cluster(read(words))
    assert cluster.helm_version() == f"v{version}"
    assert cluster.release() == Release(11, ("shop-probe-gate-11",))
    assert Cluster(read([*words[:2], "nowhere", *words[3:]])).release() is None
    jobs, pods = cluster.look()
    assert [(each.name, each.revision, each.gate, each.state) for each in jobs] == [
        ("shop-probe-gate-11", 11, "deploy", "complete")
    ]
    assert [(each.job, each.exit_code, each.said["reason"]) for each in pods] == [("job-11", 1, "closed")]
    with pytest.raises(UnreadableError, match=r"^kubectl get events: .*Forbidden.*no events"):
        cluster.reasons("job-11")


def test_rollout__of_a_helm_that_cannot_upgrade(words, tmp_path):
    """Its exit code and its words; the gate of the revision before is none of this one."""
    program = [sys.executable, "-m", "django_probe", "rollout", "--junit", "gate.xml", "--", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Error: UPGRADE FAILED" in done.stderr
    assert done.stderr.splitlines()[-1] == "rollout: Helm ended with exit code 1: no gate had begun"
    assert "no gate had begun" in (tmp_path / "gate.xml").read_text(encoding="utf-8")
