"""The chart's pods, rendered by Helm and run by podman as `tests/container/pods.py` says."""

from __future__ import annotations

import json
import time
import uuid

import pytest

from tests.container.images import tool
from tests.container.logs import collected
from tests.container.pods import JOB_UID, ask, played
from tests.helm.charts import NEW, Rendered, render
from tests.helm.tools import UnavailableError, fetch
from tests.patience import PATIENCE

# Prints what a restricted pod comes to, as its own PID 1 sees it.
RESTRICTIONS = """\
id -u
grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/1/status
cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null
touch /app/written /etc/django-probe/policy/written 2>/dev/null || echo read-only
touch /tmp/written && echo /tmp
"""


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
