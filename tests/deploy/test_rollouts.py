"""What docs/gitops.md has Argo Rollouts and Flagger send, sent to a server with the history."""

from __future__ import annotations

import base64
import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.conftest import ROOT
from tests.deploy.visitors import serving
from tests.documents import blocks
from tests.patience import PATIENCE, wait_for

TOKEN = "t" * 32
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PROBES = """
    import os, time, unittest
    class TestShop(unittest.TestCase):
        def test_open(self):
            time.sleep(float(os.environ.get("SECONDS", 0)))
            self.assertNotIn("CLOSED", os.environ)
    """
# As Flagger 1.40 sends it.
PAYLOAD = {
    "name": "shop", "namespace": "prod", "phase": "Progressing", "checksum": "85d557f47b", "buildId": "85d557f47b",
    "type": "pre-rollout", "failedChecks": 0, "canaryWeight": 0, "iterations": 0, "remainingTime": 600000000000,
    "metadata": {"timestamp": "1700000000000"},
}  # fmt: skip


def shown(kind: str, argument: str) -> dict:
    """Return an object or the values of the page."""
    page = blocks(ROOT / "docs" / "gitops.md")
    (block,) = [block for block in page if (block.kind, block.argument) == (kind, argument)]
    return yaml.safe_load(block.text)


def send(port: int, line: tuple[str, str], headers: dict[str, str], body: str = "", timeout: float = 20):
    """Send method and URL to the server in place of the one that is named there; give the status and the JSON."""
    method, url = line
    parts = urlsplit(url)
    if parts.password:  # as Go's client does with user information
        token = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", **headers}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", body, {"Host": parts.hostname, **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def flagger(port: int, gate: str = "canary"):
    """Send what Flagger sends."""
    (webhook,) = shown("flagger", "Canary")["spec"]["analysis"]["webhooks"]
    url = webhook["url"].replace("TOKEN", TOKEN).replace("/canary/", f"/{gate}/")
    seconds = float(webhook["timeout"].removesuffix("s"))
    return send(port, ("POST", url), {"Content-Type": "application/json"}, json.dumps(PAYLOAD), seconds)


def rollouts(port: int, name: str):
    """Send what Argo Rollouts sends for a metric of the page; give the status, and whether it is a success."""
    metrics = shown("argo", "AnalysisTemplate")["spec"]["metrics"]
    (metric,) = [metric for metric in metrics if metric["name"] == name]
    web = metric["provider"]["web"]
    assert (web["jsonPath"], metric["successCondition"]) == ("{$}", "result.passed == true")
    headers = {each["key"]: each["value"].replace("{{ args.token }}", TOKEN) for each in web["headers"]}
    status, record = send(port, (web.get("method", "GET"), web["url"]), headers)
    return status, record["passed"] if status == 200 else None


@pytest.fixture
def shop(kept):
    """The container's project with the policy of the page, and a probe that is told how to behave."""
    kept.write("probes/shop.py", PROBES)
    policy = shown("values", "flagger.yaml")["policy"]
    policy["gates"] |= {"periodic": {"probes": ["shop"]}, "slow": {"probes": ["shop"]}}
    policy["gates"]["canary"]["probes"] = ["shop"]
    kept.write("policy.yaml", yaml.safe_dump(policy))
    places = {"PROBE_PATH": str(kept.path / "probes"), "PROBE_POLICY": str(kept.path / "policy.yaml")}
    kept.environment |= {**places, "PROBE_TOKENS": f"start:{TOKEN}", "ALLOWED_HOSTS": "shop-probe-web.prod"}
    return kept


@pytest.mark.parametrize(("variables", "status"), [({}, 200), ({"CLOSED": "1"}, 503)])
def test_flagger__is_told_the_verdict(shop, variables, status):
    """200 goes on, 503 is a failed check; the run is kept, and says how it went."""
    with serving(shop, **variables) as (port, _):
        answered, record = flagger(port)
    assert (answered, record["passed"], record["selected"]) == (status, status == 200, 1)


def test_flagger__is_told_of_a_gate_that_hangs_in_time(shop):
    """The gate's own deadline ends it, while Flagger still listens."""
    shop.environment["SECONDS"] = "60"
    policy = yaml.safe_load((shop.path / "policy.yaml").read_text())
    policy["gates"]["canary"] |= {"deadline": "2s", "timeout": "60s"}  # the page's 12 s, made short
    shop.write("policy.yaml", yaml.safe_dump(policy))
    with serving(shop) as (port, _):
        status, record = flagger(port)
    assert (status, record["exit_code"]) == (503, 3)


def test_flagger__passes_nothing_while_others_are_served(shop):
    """The same gate twice is 409, another one that would have to wait 429 and no run: neither is a pass to Flagger."""
    shop.environment["SECONDS"] = "3"
    with serving(shop) as (port, log), ThreadPoolExecutor() as pool:
        first = pool.submit(flagger, port)
        limit = time.monotonic() + PATIENCE
        while "started: the run" not in log.read_text():
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
        others = [flagger(port, "slow")[0]]
        started = log.read_text().count("started: the run")
        assert (others, started, first.result()[0]) == ([429], 1, 200)


def test_run__of_a_server_that_is_ended_is_recorded_at_once(shop):
    """When a pod is deleted, the run ends by SIGTERM as its server does, and is a record before that is gone."""
    shop.write(
        "probes/shop.py",
        """
        import os, pathlib, time, unittest
        class TestShop(unittest.TestCase):
            def test_open(self):
                pathlib.Path(os.environ["HERE"], "running").touch()
                time.sleep(60)
        """,
    )
    with serving(shop, "--workers", "2", HERE=str(shop.path)) as (port, log):
        status, accepted = send(port, ("POST", "http://shop-probe-web.prod/probe/gates/slow/"), BEARER)
        assert status == 202
        wait_for((shop.path / "running").exists, "the probe runs")
    assert log.read_text().count("Shutting down") == 1
    with serving(shop) as (port, _):
        status, record = send(port, ("GET", f"http://shop-probe-web.prod/probe/runs/{accepted['id']}/"), BEARER)
    assert (status, record["state"], record["ended_by"], record["exit_code"]) == (200, "finished", "SIGTERM", 143)
    assert [each["outcome"] for each in record["results"]] == ["error"]


def test_rollouts__is_told_true_or_false(shop):
    """By the status 200 either way; a metric that only asks is an error until the gate ran."""
    with serving(shop) as (port, _):
        assert rollouts(port, "canary") == (200, True)
        assert rollouts(port, "periodic")[0] == 404
        assert shop.run("probe", "--gate", "periodic", PROBE_TRIGGER="cronjob").returncode == 0
        assert rollouts(port, "periodic") == (200, True)
    with serving(shop, CLOSED="1") as (port, _):
        assert rollouts(port, "canary") == (200, False)
