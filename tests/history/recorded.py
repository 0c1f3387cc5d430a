"""Sites that keep a history: made once, filled by real runs, and asked in a process with Django set up."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from tests.projects import migrated, new_project, python

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Completed, Project

# The environment says whether the gate `deploy` closes, and how long it takes.
PROBES = """\
import os
import time
import unittest


class TestShop(unittest.TestCase):
    def test_opens(self):
        time.sleep(float(os.environ.get("SLOW", "0")))

    def test_sells(self):
        self.assertNotIn("BROKEN", os.environ)
"""
POLICY = """\
gates:
  deploy:
    probes: [shop]
  other:
    probes: [shop.TestShop.test_opens]
"""
PRELUDE = """
import json, os, time
from datetime import UTC, datetime, timedelta
from django.db import connection, connections, transaction
from django_probe.attachments import Attachment
from django_probe.history.http import metrics
from django_probe.history.storage import records, runs, store
from django_probe.history.models import Result, Run
from django_probe.results import Earlier, EndedBy, Outcome, ProbeResult, ProbeRun

def told(**values):
    print("TOLD " + json.dumps(values, default=str))

def summary(run):
    return run and {"id": run.id, "state": run.state, "passed": run.passed, "exit_code": run.exit_code,
                    "missing": run.missing, "reason": run.reason, "counts": run.counts}

def back(seconds, **which):
    Run.objects.filter(**which).update(heartbeat_at=datetime.now(UTC) - timedelta(seconds=seconds))
"""


def new_site(folder: Path, more: str = "", probes: str = PROBES, *, migrate: bool = True) -> Project:
    """Make a project whose gates `deploy` and `other` keep their history in its database."""
    made = new_project(folder)
    made.apps.append("django_probe.history")
    made.app("shop", probes)
    made.write("probe.yaml", POLICY)
    made.configure('PROBE_POLICY = BASE_DIR / "probe.yaml"\n' + more)
    return migrated(made) if migrate else made


def ask(site: Project, code: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run code in the site; give what it handed to `told`."""
    done = python(site, PRELUDE + dedent(code), env)
    lines = [line.removeprefix("TOLD ") for line in done.out.splitlines() if line.startswith("TOLD ")]
    assert done.code == 0, done.err
    assert lines, done
    return json.loads(lines[-1])


def probe(site: Project, code: int, *arguments: str, **env: str) -> Completed:
    """Run the gate `deploy`, or what the arguments say, and check its exit code."""
    done = site.probe(*(arguments or ("--gate", "deploy")), env=env)
    assert done.code == code, done.err
    return done
