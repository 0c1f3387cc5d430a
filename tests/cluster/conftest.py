"""A real cluster: whichever KUBECONFIG names, with CLUSTER_IMAGE naming an image of this repository that it has.

    KUBECONFIG=~/.kube/config CLUSTER_IMAGE=registry.example/django-probe:0.1.0 pytest tests/cluster -rA

Without both everything here is skipped, in CI too. As in tests/helm, one of the two Python environments does it. Each
test has a namespace of its own, which enforces the Pod Security Standard "restricted" and is deleted in the end. Plain
helm and kubectl do the work; each command and what it said is printed as evidence.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.helm.charts import CHART, HELMS
from tests.helm.tools import Tools, UnavailableError, fetch

if TYPE_CHECKING:
    from collections.abc import Callable

if sys.version_info < (3, 13):
    collect_ignore_glob = ["test_*.py"]

NEEDED = ("KUBECONFIG", "CLUSTER_IMAGE")
JOB_NAME = "batch.kubernetes.io/job-name"


def image_values(image: str) -> dict[str, str]:
    """Return the values of the chart for an image named `repository:tag` or `repository@digest`."""
    repository, at, digest = image.partition("@")
    if at:
        return {"repository": repository, "digest": digest}
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:  # what follows the colon is a registry's port
        return {"repository": image, "tag": "latest"}
    return {"repository": repository, "tag": tag}


@dataclass
class Cluster:
    """A namespace of a cluster, and the programs that work in it."""

    tools: Tools
    namespace: str
    image: str

    def run(self, *command: str, stdin: str = "", succeeds: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program, and print what it was asked and what it said."""
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=600, check=False)
        print(f"$ {shlex.join(command)}\n{done.stdout}{done.stderr}-> exit {done.returncode}")  # noqa: T201  (evidence)
        assert not succeeds or done.returncode == 0, done.stderr
        return done

    def kubectl(self, *arguments: str, stdin: str = "", succeeds: bool = True) -> str:
        """Run kubectl in the namespace, and give its standard output."""
        command = (self.tools.kubectl, "--namespace", self.namespace, *arguments)
        return self.run(*command, stdin=stdin, succeeds=succeeds).stdout

    def get(self, kinds: str, *arguments: str) -> list[dict[str, Any]]:
        """Return objects as kubectl has them."""
        done = subprocess.run(
            [self.tools.kubectl, "--namespace", self.namespace, "get", kinds, "--output", "json", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(done.stdout)["items"]

    def helm(self, *arguments: str, stdin: str = "", succeeds: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Helm in the namespace."""
        command = (self.tools.helm, "--namespace", self.namespace, *arguments)
        return self.run(*command, stdin=stdin, succeeds=succeeds)

    def upgrade(self, values: dict[str, Any], *, rolls_back: bool = False) -> int:
        """Install or upgrade the release `shop` with the chart, and give Helm's exit code."""
        back = {"3": "--atomic", "4": "--rollback-on-failure"}[self.tools.version[0]]
        given = json.dumps({"image": image_values(self.image), **values})
        flags = ("--install", "--wait", "--timeout", "300s", *([back] if rolls_back else []), "--values", "-")
        return self.helm("upgrade", "shop", str(CHART), *flags, stdin=given, succeeds=False).returncode

    def log(self, job: str) -> str:
        """Return the log of all pods of a Job."""
        return self.kubectl("logs", "--selector", f"{JOB_NAME}={job}", "--tail=-1")

    def junit(self, job: str) -> str:
        """Return the JUnit XML that `collect` takes out of the log of a Job."""
        collect = (sys.executable, "-m", "django_probe.collect")
        return self.run(*collect, stdin=self.log(job)).stdout

    def wait_for(self, what: str, condition: Callable[[], Any], seconds: float = 120) -> Any:
        """Wait until the condition gives something, and give that."""
        end = time.monotonic() + seconds
        while not (met := condition()):
            assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}\n{self.kubectl('get', 'events')}"
            time.sleep(1)
        return met


@pytest.fixture(params=HELMS, ids=lambda version: f"helm{version[0]}")
def cluster(request):
    """A namespace of the cluster, for each Helm in turn; skipped where no cluster is named."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(f"no cluster: {' and '.join(missing)} not set; the chart was not run on Kubernetes")
    try:
        tools = fetch(request.param)
    except UnavailableError as error:
        pytest.skip(str(error))
    made = Cluster(tools, f"django-probe-{uuid4().hex[:8]}", os.environ["CLUSTER_IMAGE"])
    made.kubectl("create", "namespace", made.namespace)
    made.kubectl("label", "namespace", made.namespace, "pod-security.kubernetes.io/enforce=restricted")
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false", succeeds=False)
