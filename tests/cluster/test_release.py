"""Releases on a real cluster: what the gate decides is what happens to the release."""

from __future__ import annotations

import json
import re
import threading
import xml.etree.ElementTree as ET

from tests.cluster.conftest import JOB_NAME, image_values
from tests.cluster.values import CRON, CROWDED, FAILING, HANGING, PASSING, SHARDS, with_sidecar
from tests.helm.charts import CHART

GATE = "shop-django-probe-gate-1"
NEXT_GATE = "shop-django-probe-gate-2"
WEB = "shop-django-probe-web"


def finished(pod: dict) -> dict:
    """Return how the only container of a pod ended."""
    return pod["status"]["containerStatuses"][0]["state"]["terminated"]


def is_ready(pod: dict) -> bool:
    """Return whether kubelet says so."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))


def problems(junit: str) -> list[str]:
    """Return the names of the cases that failed or erred."""
    return [
        case.get("name")
        for case in ET.fromstring(junit).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]


def test_gate_that_closes__rolls_the_release_back(cluster):
    """A release whose gate passes stays; one whose gate closes is taken back, and tells why; all goes by itself."""
    assert cluster.upgrade(PASSING, rolls_back=True) == 0
    (pod,) = cluster.get("pods", "--selector", f"batch.kubernetes.io/job-name={GATE}")
    assert json.loads(finished(pod)["message"])["passed"] is True
    assert "gate deploy: PASSED" in cluster.log(GATE)
    unhealthy = [each["message"] for each in cluster.get("events", "--field-selector", "reason=Unhealthy")]
    assert unhealthy == [], "a good start warns of nothing, unless the cluster takes more than 3 s for it"
    probes = probes_of_web(cluster)
    said = cluster.helm("test", "shop", "--logs", "--timeout", "300s").stdout
    assert "shop.TestShop.test_passes" in said

    assert cluster.upgrade(FAILING, rolls_back=True) != 0
    *_, failed, latest = json.loads(cluster.helm("history", "shop", "--output", "json").stdout)
    assert (failed["status"], latest["status"]) == ("failed", "deployed")
    assert "rollback" in latest["description"].lower()
    cluster.kubectl("rollout", "status", f"deployment/{WEB}", "--timeout=120s")
    assert probes_of_web(cluster) == probes
    assert "200 ready" in answer_of_web(cluster)

    (pod,) = cluster.get("pods", "--selector", "django-probe/gate=deploy,django-probe/revision=2")
    assert finished(pod)["exitCode"] == 1
    assert problems(cluster.junit(NEXT_GATE)) == ["test_fails"]
    assert problems(cluster.junit(GATE)) == []

    cluster.helm("uninstall", "shop", "--wait", "--timeout", "120s")
    kinds = "deployments,services,cronjobs,configmaps,poddisruptionbudgets,jobs,secrets"
    left = cluster.get(kinds, "--selector", "app.kubernetes.io/instance=shop")
    assert sorted(each["metadata"]["name"] for each in left) == [GATE, NEXT_GATE]
    assert all(each["spec"]["ttlSecondsAfterFinished"] for each in left)


def probes_of_web(cluster) -> list[str]:
    """Return the ConfigMaps that the server's pods have mounted."""
    (deployment,) = cluster.get("deployments", "--selector", "app.kubernetes.io/component=web")
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    return [volume["configMap"]["name"] for volume in volumes if "configMap" in volume]


def answer_of_web(cluster) -> str:
    """Ask the Service from within the server's pod."""
    script = (
        "import urllib.request as r;"
        f"a = r.urlopen(r.Request('http://{WEB}/probe/ready/', headers={{'Host': 'localhost'}}), timeout=10);"
        "print(a.status, a.read().decode())"
    )
    return cluster.kubectl("exec", f"deployment/{WEB}", "--", "python", "-c", script)


def test_log_of_many_probes__fits_a_screen(cluster):
    """What Helm 4 prints of a closed gate of 200 probes is short, and ends with the problem and the verdict."""
    given = json.dumps({"image": image_values(cluster.image), **CROWDED})
    flags = ("--install", "--wait", "--timeout", "300s", "--values", "-")
    done = cluster.helm("upgrade", "shop", str(CHART), *flags, stdin=given, succeeds=False)
    assert done.returncode != 0
    *_, listed, problem, verdict = cluster.log(GATE).splitlines()
    assert listed == "The gate is closed by:"
    assert problem == "  failed   stock.TestStock.test_007: 7 == 7 : sold out"
    assert verdict.startswith("gate deploy: CLOSED (exit 1)")
    assert problems(cluster.junit(GATE)) == ["test_007"]
    if cluster.tools.version.startswith("4"):
        assert "stock.TestStock.test_007: 7 == 7 : sold out" in done.stderr
        assert len(done.stderr) < 200 * 50


def test_evicted_pod__is_an_attempt(cluster):
    """A gate's pod that is evicted is made anew: the report is that of the second, whatever is left of the first."""
    slow = "import time, unittest\nclass TestShop(unittest.TestCase):\n    def test_slow(self): time.sleep(15)\n"

    def evict() -> None:
        (pod, *_) = cluster.wait_for(
            "the gate runs",
            lambda: cluster.get("pods", "--selector", f"{JOB_NAME}={GATE}", "--field-selector", "status.phase=Running"),
        )
        name = pod["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        path = f"/api/v1/namespaces/{cluster.namespace}/pods/{name}/eviction"
        cluster.kubectl("create", "--raw", path, "--filename", "-", stdin=json.dumps(eviction))

    saboteur = threading.Thread(target=evict)
    saboteur.start()
    code = cluster.upgrade({**PASSING, "probes": {"shop.py": slow}})
    saboteur.join()
    assert code == 0
    assert problems(cluster.junit(GATE)) == []


def test_native_sidecar__does_not_keep_a_gate_from_ending(cluster):
    """A container beside the gate that runs for ever ends with it, and the Job is complete."""
    assert cluster.upgrade(with_sidecar(cluster.image), rolls_back=True) == 0
    (job,) = cluster.get("jobs", "--selector", "app.kubernetes.io/component=gate")
    assert job["status"]["succeeded"] == 1
    assert "gate deploy: PASSED" in cluster.log(GATE)


def test_inline_probes_of_the_revision_before__stay_until_the_next(cluster):
    """A web pod goes back to them by `kubectl rollout undo`, and the third revision deletes those of the first."""
    texts = [{"shop.py": f"{PASSING['probes']['shop.py']}\n# {number}\n"} for number in range(3)]

    def kept() -> list[str]:
        found = [each["metadata"]["name"] for each in cluster.get("configmaps")]
        return sorted(name for name in found if name.startswith("shop-django-probe-probes-"))

    assert cluster.upgrade({**PASSING, "probes": texts[0]}) == 0
    first = kept()
    assert len(first) == 1
    assert cluster.upgrade({**PASSING, "probes": texts[1]}) == 0
    assert len(kept()) == 2
    cluster.kubectl("rollout", "undo", f"deployment/{WEB}")
    cluster.kubectl("rollout", "status", f"deployment/{WEB}", "--timeout=120s")
    assert set(first) <= set(probes_of_web(cluster))
    assert cluster.upgrade({**PASSING, "probes": texts[2]}) == 0
    assert len(kept()) == 2
    assert not set(first) & set(kept())


def test_readiness__goes_and_comes_back(cluster):
    """A probe tagged `ready` that fails takes its pod out of service, without a restart, and lets it back in."""
    assert cluster.upgrade({**PASSING, "web": {"enabled": True, "replicas": 1}}) == 0

    def pods(*, ready: bool) -> list[dict]:
        found = cluster.get("pods", "--selector", "app.kubernetes.io/component=web")
        return [pod for pod in found if is_ready(pod) is ready]

    (pod,) = cluster.wait_for("the pod is ready", lambda: pods(ready=True))
    name = pod["metadata"]["name"]
    cluster.kubectl("exec", name, "--", "touch", "/tmp/unready")
    cluster.wait_for("the pod is not ready", lambda: pods(ready=False))
    cluster.kubectl("exec", name, "--", "rm", "/tmp/unready")
    (pod,) = cluster.wait_for("the pod is ready again", lambda: pods(ready=True))
    assert pod["metadata"]["name"] == name
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_cron_job__runs_its_gate(cluster):
    """Within two minutes the CronJob has run the gate `periodic`, and it passed."""
    assert cluster.upgrade(CRON) == 0

    def passed() -> list[dict]:
        jobs = cluster.get("jobs", "--selector", "app.kubernetes.io/component=cron")
        return [job for job in jobs if job.get("status", {}).get("succeeded")]

    job, *_ = cluster.wait_for("a Job of the CronJob has passed", passed, seconds=150)
    assert "gate periodic: PASSED" in cluster.log(job["metadata"]["name"])


def test_shards__all_report_where_one_fails(cluster):
    """Of four pods one fails, the three others go on to their end, and the four reports make one."""
    assert cluster.upgrade(SHARDS) != 0
    pods = cluster.get("pods", "--selector", f"batch.kubernetes.io/job-name={GATE}")
    assert sorted(finished(pod)["exitCode"] for pod in pods) == [0, 0, 0, 1]
    junit = cluster.junit(GATE)
    assert problems(junit) == ["test_fails"]
    assert len(re.findall("<testcase", junit)) == 17


def test_hanging_probe__is_ended_by_the_gate_itself(cluster):
    """The run's own deadline ends it, with exit code 3 and its report, before the Job's deadline deletes the pod."""
    assert cluster.upgrade(HANGING) != 0
    (pod,) = cluster.get("pods", "--selector", f"batch.kubernetes.io/job-name={GATE}")
    assert finished(pod)["exitCode"] == 3
    assert json.loads(finished(pod)["message"])["exit_code"] == 3
    assert problems(cluster.junit(GATE)) == ["test_hangs_on_purpose"]
    (job,) = cluster.get("jobs", "--selector", "app.kubernetes.io/component=gate")
    (reason,) = [each["reason"] for each in job["status"]["conditions"] if each["type"] == "Failed"]
    assert reason == "BackoffLimitExceeded"
