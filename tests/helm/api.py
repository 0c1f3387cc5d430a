"""As much of Kubernetes' API as Helm's `lookup` asks for: ConfigMaps by their names."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": "v1",
    "resources": [
        {"name": "configmaps", "singularName": "configmap", "namespaced": True, "kind": "ConfigMap", "verbs": ["get"]}
    ],
}
# By this Helm knows what is a release's own.
OWNED = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "prod"},
}
ANSWERS = {
    "/api/v1": RESOURCES,
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
}


class Cluster(ThreadingHTTPServer):
    """The namespace `prod` with the ConfigMaps of `data`; `asked` are the names of those that were looked up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.data: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []

    @property
    def flags(self) -> tuple[str, ...]:
        """What `helm template` needs to look things up here."""
        return (
            "--dry-run=server",
            "--kube-apiserver",
            f"http://127.0.0.1:{self.server_port}",
            "--kubeconfig=",
            "--disable-openapi-validation",
        )


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cluster

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        place, _, name = path.rpartition("/")
        found = ANSWERS.get(path)
        if place.endswith("/namespaces/prod/configmaps"):
            self.server.asked.append(name)
            if name in self.server.data:
                metadata = {"name": name, "namespace": "prod", **OWNED}
                found = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": self.server.data[name]}
        status = 200 if found else 404
        answer = found or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Serve a cluster until the block ends."""
    with Cluster() as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            served.shutdown()
            thread.join()
