"""The rehearsal: what `gate.fault` mounts is run by the container's project, and closes the gate as it should."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.helm.charts import environment, pod_of, render
from tests.helm.tools import ROOT
from tests.patience import PATIENCE, far_enough

if TYPE_CHECKING:
    from pathlib import Path


def rehearse(fault: str, folder: Path, deadline: int) -> subprocess.CompletedProcess[str]:
    """Put the ConfigMap's files where the Job mounts them, and run what the Job runs."""
    rendered = render({"gate": {"fault": fault, "deadlineSeconds": deadline}})
    for name, text in rendered.kind("ConfigMap", "-rehearsal")["data"].items():
        (folder / name).write_text(text, encoding="utf-8")
    (container,) = pod_of(rendered.kind("Job"))["spec"]["containers"]
    variables = {
        name: value for name, value in environment(container).items() if name in ("PROBE_PATH", "PROBE_POLICY")
    }
    (mount,) = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "rehearsal"]
    assert container["args"][0] == "gate"
    return subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "manage.py"), "probe", "--gate", *container["args"][1:]],
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            **{name: value.replace(mount, str(folder)) for name, value in variables.items()},
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(("fault", "code"), [("fail", 1), ("hang", 3)])
def test_rehearsal__closes_the_gate(fault, code, tmp_path):
    """`fail` is a probe that fails; `hang` is ended by the deadline, before the probe's own timeout, with a report."""
    label = f"rehearsal.TestRehearsal.test_{fault}s_on_purpose"
    done = far_enough(lambda seconds: rehearse(fault, tmp_path, seconds), lambda ended: label in ended.stderr)
    assert done.returncode == code, done.stderr
    assert label in done.stderr
    assert "gate rehearsal: CLOSED" in done.stderr


def test_rehearsal__leaves_the_gate_alone_where_none_is_asked_for():
    """Without a fault there is no such ConfigMap, and the CronJob never rehearses."""
    assert "rehearsal" not in render({"cronJob": {"enabled": True}}).text
    cron = render({"cronJob": {"enabled": True}, "gate": {"fault": "fail"}}).kind("CronJob")
    assert "rehearsal" not in str(cron)
