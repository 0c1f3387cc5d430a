"""What the container's project answers under /probe."""

from __future__ import annotations

import pytest

ASK = """
from django.test import Client, override_settings
from django.conf import settings
with override_settings(MIDDLEWARE=settings.MIDDLEWARE if {middleware} else []):
    answers = [Client().get(path, SERVER_NAME={host!r}) for path in {paths}]
"""
PATHS = ["/probe", "/probe/", "/probe/live/", "/probe/ready/"]


@pytest.mark.parametrize("middleware", [True, False])
def test_probe__answers_with_and_without_its_slash(deployment, middleware):
    """Readiness and liveness answer 200 at once, by the middleware and by the URLs; nothing redirects."""
    code = ASK.format(middleware=middleware, paths=PATHS, host="localhost")
    assert deployment.evaluate(code, "[answer.status_code for answer in answers]") == [200] * 4


def test_host__leads_to_the_gates(deployment):
    """Whoever types no path is led to /probe/, with a history and without one."""
    code = ASK.format(middleware=True, paths=["/"], host="localhost")
    said = "[[answer.status_code, answer.headers['Location']] for answer in answers]"
    assert deployment.evaluate(code, said) == [[302, "/probe/"]]


def test_probe__answers_kubelet(deployment):
    """The pod's address as the Host is no reason to refuse kubelet, though ALLOWED_HOSTS has it not."""
    code = ASK.format(middleware=True, paths=PATHS, host="10.1.2.3")
    assert deployment.evaluate(code, "[answer.status_code for answer in answers]") == [200] * 4


def test_probe__a_probe_on_the_path_closes_readiness(deployment):
    """A team's probe that is tagged for it is asked in the web process, by the policy of the container."""
    deployment.write(
        "probes/shop.py",
        """
        import unittest
        from django.test import tag

        @tag("ready")
        class TestShop(unittest.TestCase):
            def test_open(self): self.fail()
        """,
    )
    code = "import logging; logging.disable()\n" + ASK.format(middleware=True, paths=["/probe/ready/"], host="10.1.2.3")
    said = deployment.evaluate(code, "[answers[0].status_code, answers[0].content.decode()]", PROBE_PATH="probes")
    assert said == [503, "not ready: failing\n"]
