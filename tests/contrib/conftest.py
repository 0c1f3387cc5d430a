"""Fixtures of the ready-made probes: what runs them, and the servers that they ask."""

from __future__ import annotations

import json
import socket
import socketserver
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

INTERIM = """
import importlib, json, sys, unittest
from django.apps import apps
app, *rest = {label!r}.split(".")
module = importlib.import_module(apps.get_app_config(app).name + ".probes")
loader = unittest.TestLoader()
suite = loader.loadTestsFromName(".".join(rest), module) if rest else loader.loadTestsFromModule(module)
def leaves(s):
    for t in s:
        yield from leaves(t) if isinstance(t, unittest.TestSuite) else [t]
found = []
for test in leaves(suite):
    result = unittest.TestResult()
    test.run(result)
    problems = result.errors + result.failures
    outcome = "error" if result.errors else "failed" if result.failures else "skipped" if result.skipped else "passed"
    method = getattr(test, test._testMethodName)
    found.append(dict(label=app + "." + type(test).__name__ + "." + test._testMethodName, outcome=outcome,
        message=result.skipped[0][1] if result.skipped else "", details="\\n".join(text for _, text in problems),
        tags=sorted(type(test).tags), blocking=not getattr(getattr(method, "__probe_wishes__", None), "warn_only", None)))
open("record.json", "w").write(json.dumps(found))
"""


@pytest.fixture
def outcomes(project):
    """What runs the probes of a label, and gives their results by label."""

    def run(label, **env):
        done = project.run("shell", "-c", INTERIM.format(label=label), env=env)
        assert done.code == 0, done.err
        return {r["label"]: r for r in json.loads((project.path / "record.json").read_text())}

    return run


@pytest.fixture
def outcome(outcomes):
    """What runs the one probe of a label, and gives its result."""

    def run(label, **env):
        (result,) = outcomes(label, **env).values()
        return result

    return run


@pytest.fixture
def closed_port():
    """A port of this machine where nothing answers, held so that nothing begins to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
