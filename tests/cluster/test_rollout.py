"""`django-probe rollout` on a real cluster: what passes, what is rolled back, and what only looks like a pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.cluster.conftest import image_values
from tests.cluster.test_release import problems
from tests.cluster.values import FAILING, HANGING, PASSING, SHARDS
from tests.helm.charts import CHART
from tests.helm.tools import ROOT

GATE = "shop-django-probe-gate-1"


def rollout(cluster, folder: Path, values: dict, **image: str) -> tuple[int, str, str]:
    """Roll the release `shop` out; return the exit code, what was printed, and the JUnit XML."""
    back = {"3": "--atomic", "4": "--rollback-on-failure"}[cluster.tools.version[0]]
    (folder / "values.json").write_text(
        json.dumps({"image": {**image_values(cluster.image), **image}, **values}), encoding="utf-8"
    )
    report = folder / "gate.xml"
    helm = ["helm", "upgrade", "shop", str(CHART), "--install", "--namespace", cluster.namespace, "--wait"]
    options = ["--timeout", "300s", back, "--values", str(folder / "values.json")]
    program = [sys.executable, "-m", "django_probe", "rollout", "--junit", str(report), "--", *helm, *options]
    path = f"{Path(cluster.tools.helm).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=600, check=False)
    print(f"{done.stdout}{done.stderr}-> exit {done.returncode}")  # noqa: T201 (evidence)
    return done.returncode, done.stderr, report.read_text(encoding="utf-8") if report.exists() else ""


def test_rollout__of_a_gate_that_passes_and_of_one_that_closes(cluster, tmp_path):
    """Helm's exit code, the log while it runs, and the report of the gate that closed beside the rollback."""
    code, said, report = rollout(cluster, tmp_path, PASSING)
    assert (code, problems(report)) == (0, [])
    assert "gate deploy: PASSED" in said
    code, said, report = rollout(cluster, tmp_path, FAILING)
    assert code != 0
    assert problems(report) == ["test_fails"]
    assert "gate deploy: CLOSED" in said


def test_rollout__of_shards(cluster, tmp_path):
    """Every shard is waited for, and the reports are one."""
    code, _, report = rollout(cluster, tmp_path, SHARDS)
    assert code != 0
    assert problems(report) == ["test_fails"]
    assert len(list(ET.fromstring(report).iter("testcase"))) == 17


def test_rollout__whose_job_is_deleted(cluster, tmp_path):
    """Helm 3 takes it for a pass and Helm 4 for a failure; neither is a rollout that succeeded."""

    def delete() -> None:
        cluster.wait_for("the gate runs", lambda: cluster.get("pods", "--selector", "django-probe/gate=deploy"))
        cluster.kubectl("delete", "job", GATE, "--wait=false")

    saboteur = threading.Thread(target=delete)
    saboteur.start()
    code, said, _ = rollout(cluster, tmp_path, {**HANGING, "gate": {**HANGING["gate"], "deadlineSeconds": 60}})
    saboteur.join()
    assert code != 0
    assert "was deleted before anybody saw its end" in said


def test_rollout__whose_gate_never_starts(cluster, tmp_path):
    """Its image is not there: the reason is told, though the pod is gone at the deadline."""
    values = {"gate": {"startupAllowanceSeconds": 5, "deadlineSeconds": 5, "activeDeadlineSeconds": 45}}
    code, said, report = rollout(cluster, tmp_path, values, repository="registry.invalid/none", tag="0", digest="")
    assert code != 0
    assert "never started: " in said
    assert "ImagePull" in said or "Failed to pull image" in said
    assert "never started" in report
