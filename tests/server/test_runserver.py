"""Readiness under Django's own server for development."""

from __future__ import annotations

import os
import time

from tests.patience import PATIENCE
from tests.webservers import runserver, site

PROBES = """
import unittest

from django.test import tag


@tag("ready")
class TestShop(unittest.TestCase):
    def test_open(self):
        self.fail("the shop is closed")
"""


def test_a_change_of_the_probe_is_seen(project):
    """The thread does not keep the autoreloader from its work: a probe that is mended opens the gate."""
    project.app("shop", PROBES)
    site(project, policy="gates: {ready: {tags: [ready], every: 200ms}}")
    with runserver(project) as server:
        server.until((503, "not ready: failing"))
        probes = project.write("shop/probes.py", PROBES.replace('self.fail("the shop is closed")', "pass"))
        give_up = time.monotonic() + PATIENCE
        while _ready(server) != (200, "ready"):
            assert time.monotonic() < give_up, server.log
            os.utime(probes)  # the reloader looks once a second, and at a file that it has seen before
            time.sleep(1.5)


def _ready(server):
    """Ask, where the server is not just being started again."""
    try:
        return server.ready()
    except OSError:
        return None
