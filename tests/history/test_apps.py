"""The history is an app of its own: whoever does not install it has none of it."""

from __future__ import annotations

from tests.projects import python
from tests.webservers import site

CODE = """
import sys
from django.apps import apps
from django.core.management import call_command
from django.test import Client
import django_probe.middleware, django_probe.simple, django_probe.readiness.rounds
import django_probe.management.commands.probe
for path in ("", "live/", "ready/", "gates/deploy/", "runs/x/", "metrics/", "openapi.json"):
    answer = Client(headers={"accept": "text/html", "cookie": "sessionid=x"}).get(f"/probe/{path}")
    print(path, answer.status_code)
print([model._meta.label for model in apps.get_models() if "probe" in model._meta.label])
print([name for name in sys.modules if name.startswith("django_probe.history")])
"""


def test_project__without_the_app_has_no_tables_and_no_pages(project):
    """Neither the engine nor what serves `/probe/` imports any of it; `live/`, `ready/` and the index are as ever."""
    done = python(site(project), CODE)
    assert done.out.splitlines() == [
        " 200",
        "live/ 200",
        "ready/ 200",
        "gates/deploy/ 404",
        "runs/x/ 404",
        "metrics/ 404",
        "openapi.json 404",
        "[]",
        "[]",
    ], done.err
