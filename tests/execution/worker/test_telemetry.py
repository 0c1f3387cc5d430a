"""What a project measures and reports while probes run is sent before a worker ends."""

from __future__ import annotations

SENTRY = """\
from pathlib import Path
import time

held = []


def flush(timeout):
    assert timeout <= 2
    with Path("sent").open("a") as file:
        file.write("".join(f"{event}\\n" for event in held))
    time.sleep(60)  # its server does not answer any more
"""

TRACE = """\
from pathlib import Path


class Provider:
    def force_flush(self, timeout_millis):
        assert timeout_millis <= 2000
        Path("spans").touch()


def get_tracer_provider():
    return Provider()
"""

PROBES = """\
import logging.handlers
import unittest

import opentelemetry.trace
import sentry_sdk

target = logging.FileHandler("logged", delay=True)
logging.getLogger("buffered").addHandler(logging.handlers.MemoryHandler(1000, logging.CRITICAL, target))


class TestTelemetry(unittest.TestCase):
    def test_event(self):
        sentry_sdk.held.append("event")
        logging.getLogger("buffered").warning("held in memory")

    def test_other(self):
        sentry_sdk.held.append("other")
"""


def test_what_is_held_is_sent_and_a_server_that_hangs_holds_up_nothing(project):
    """Sentry, OpenTelemetry and buffering handlers are asked side by side; the verdict does not wait for them."""
    project.write("sentry_sdk.py", SENTRY)
    project.write("opentelemetry/__init__.py", "")
    project.write("opentelemetry/trace.py", TRACE)
    project.app("shop", PROBES)
    done, record = project.record()

    assert done.code == 0, done.err
    assert record["counts"]["passed"] == 2
    assert (project.path / "sent").read_text() == "event\nother\n"
    assert (project.path / "spans").exists()
    assert "held in memory" in (project.path / "logged").read_text()
