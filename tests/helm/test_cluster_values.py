"""The releases of tests/cluster render: the part of those tests that needs no cluster."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests import warm
from tests.cluster import values
from tests.cluster.conftest import image_values
from tests.helm.charts import pod_of, render
from tests.helm.kubernetes import validate
from tests.helm.tools import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = ("PASSING", "FAILING", "CROWDED", "CRON", "SHARDS", "HANGING")


@pytest.mark.parametrize("name", RELEASES)
def test_release__renders(name, version):
    """Both Helms take the values, and Kubernetes every object of them."""
    for each in render(getattr(values, name), version=version).objects:
        validate(each)


def test_release_with_a_sidecar__renders():
    """In every pod the sidecar is one that ends with the pod."""
    for each in render(values.with_sidecar("django-probe:7")).objects:
        validate(each)
        if pod := pod_of(each):
            assert [beside["restartPolicy"] for beside in pod["spec"]["initContainers"]] == ["Always"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("django-probe:7", {"repository": "django-probe", "tag": "7"}),
        ("registry.example:5000/probe", {"repository": "registry.example:5000/probe", "tag": "latest"}),
        ("registry.example:5000/probe:7", {"repository": "registry.example:5000/probe", "tag": "7"}),
        ("probe@sha256:0", {"repository": "probe", "digest": "sha256:0"}),
    ],
)
def test_image__is_taken_apart(image, expected):
    """CLUSTER_IMAGE may have a registry's port, a tag, a digest, or none of them."""
    assert image_values(image) == expected


def probe(folder: Path, release: dict, *arguments: str) -> tuple[int, str]:
    """Run the gate of a release's probes and policy in the container's project, on this machine.

    Return its exit code and its log.
    """
    (folder / "probes").mkdir(exist_ok=True)
    for name, text in release["probes"].items():
        (folder / "probes" / name).write_text(text, encoding="utf-8")
    rendered = render(release)
    policy = folder / "probe.yaml"
    policy.write_text(rendered.kind("ConfigMap", "-policy")["data"]["probe.yaml"], encoding="utf-8")
    done = warm.run(
        [sys.executable, ROOT / "deploy" / "manage.py", "probe", "--gate", "deploy", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "PROBE_PATH": str(folder / "probes"),
            "PROBE_POLICY": str(policy),
        },
        cwd=folder,
    )
    return done.returncode, done.stderr.decode()


def test_probes_of_a_crowd__do_what_the_cluster_is_to_show(tmp_path):
    """Of 200 probes one fails."""
    code, log = probe(tmp_path, values.CROWDED)
    assert code == 1
    assert "199 passed, 1 failed" in log, log[-500:]
    assert "failed   stock.TestStock.test_007" in log


def test_probes_of_the_shards__do_what_the_cluster_is_to_show(tmp_path):
    """Of four shards every one has something to do, and exactly one fails."""
    done = [probe(tmp_path, values.SHARDS, "--shard", f"{index}/4") for index in range(4)]
    assert sorted(code for code, _ in done) == [0, 0, 0, 1], done
    assert all("passed   parts.TestPart" in log for _, log in done)
