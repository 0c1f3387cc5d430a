"""The values of the releases that are tried on a cluster; tests/helm renders them."""

from __future__ import annotations

POLICY = {"gates": {"deploy": {"timeout": "20s", "retries": 0}, "ready": {"every": "2s", "tags": ["ready"]}}}
QUICK = {"startupAllowanceSeconds": 60, "deadlineSeconds": 60, "activeDeadlineSeconds": 200}

PROBE = """\
import unittest
from pathlib import Path

from django.test import tag


class TestShop(unittest.TestCase):
    def test_passes(self):
        pass

    @tag("ready")
    def test_is_ready(self):
        self.assertFalse(Path("/tmp/unready").exists())
"""
FAILURE = """

    def test_fails(self):
        self.fail("on purpose")
"""
SPREAD = "import unittest\n" + "".join(
    f"\n\nclass TestPart{number}(unittest.TestCase):\n    def test_passes(self):\n        pass\n"
    for number in range(16)
)

MANY = "import unittest\n\n\nclass TestStock(unittest.TestCase):\n" + "".join(
    f"    def test_{number:03}(self):\n        self.assertNotEqual({number}, 7, 'sold out')\n\n"
    for number in range(200)
)

PASSING = {"policy": POLICY, "gate": QUICK, "web": {"enabled": True}, "probes": {"shop.py": PROBE}}
FAILING = {**PASSING, "probes": {"shop.py": PROBE + FAILURE}}
CROWDED = {"policy": {"gates": {"deploy": {"probes": ["stock"]}}}, "gate": QUICK, "probes": {"stock.py": MANY}}


def with_sidecar(image: str) -> dict:
    """Return a release whose pods have a container beside theirs that never ends by itself."""
    restricted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    sidecar = {
        "name": "proxy",
        "image": image,
        "command": ["python", "-c", "import time; time.sleep(100000)"],
        "restartPolicy": "Always",
        "securityContext": restricted,
        "resources": {"limits": {"memory": "64Mi"}},
    }
    return {**PASSING, "initContainers": [sidecar]}


CRON = {**PASSING, "web": {"enabled": False}, "cronJob": {"enabled": True, "schedule": "* * * * *"}}
SHARDS = {
    "policy": {"gates": {"deploy": {"probes": ["parts", "shop.TestShop.test_fails"]}}},
    "gate": {**QUICK, "shards": 4},
    "probes": {"parts.py": SPREAD, "shop.py": PROBE + FAILURE},
}
HANGING = {"gate": {"fault": "hang", "deadlineSeconds": 15, "activeDeadlineSeconds": 200}}
