"""Sites that answer under /probe/ with their history: made once, with users and tokens, asked as anybody would ask."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.patience import PATIENCE
from tests.projects import new_project, python
from tests.webservers import ASGI, LOGGING, Answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project
    from tests.webservers import WebServer

VIEW, START = "view-0123456789-abcdefghi", "start-0123456789-abcdefg"
PROBES = """\
import os
import time
import unittest
from pathlib import Path


def told(name):
    file = Path(__file__).with_name(name)
    return file.read_text() if file.exists() else ""


class TestCheckout(unittest.TestCase):
    def test_pay(self):
        self.assertNotIn("pay", told("broken"), "402 is not 200")

    def test_ship(self):
        time.sleep(float(told("slow") or 0))
        self.assertNotIn("ship", told("broken"), "no carrier")


class TestStock(unittest.TestCase):
    def test_counts(self):
        print("counted")
"""
POLICY = """\
gates:
  deploy:
    probes: [shop]
  checkout:
    probes: [shop.TestCheckout]
  stock:
    probes: [shop.TestStock]
  idle:
    probes: [shop.TestStock]
"""
SETTINGS = f"""
INSTALLED_APPS += ["django.contrib.sessions", "django_probe.history"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
PROBE_TOKENS = ["view:{VIEW}", "start:{START}"]
PROBE_POLICY = BASE_DIR / "probe.yaml"
{LOGGING}
"""
URLS = """\
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path

urlpatterns = [
    path("probe/", include("django_probe.urls")),
    path("form/", lambda request: HttpResponse(get_token(request)), name="form"),
]
"""
USERS = {"nobody": [], "viewer": ["view_run"], "starter": ["start_run"]}
_SESSIONS = f"""
import json
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
cookies = {{}}
for name, permissions in {USERS}.items():
    user = User.objects.create(username=name)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    cookies[name] = client.cookies[settings.SESSION_COOKIE_NAME].value
print(json.dumps(cookies))
"""


def new_site(folder: Path, more: str = "", policy: str = POLICY, probes: str = PROBES) -> Project:
    """Make a project that keeps a history and has tokens; nothing is migrated yet."""
    made = new_project(folder / "site")
    made.write("site_urls.py", URLS)
    made.write("asgi.py", ASGI)
    made.write("probe.yaml", policy)
    made.app("shop", probes)
    made.configure(SETTINGS + more)
    return made


def sessions(site: Project) -> dict[str, str]:
    """Make the users; give the cookie of each one's session."""
    done = python(site, _SESSIONS)
    assert done.code == 0, done.err
    return json.loads(done.out)


@dataclass
class Caller:
    """Somebody who asks a server: with a token, with a session, or with nothing."""

    server: WebServer
    headers: dict[str, str] = field(default_factory=dict)
    root: str = "/probe/"

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        """Send one request; an empty header is left out."""
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            path = path if path.startswith("/") else self.root + path
            connection.request(method, path, body, {name: value for name, value in given.items() if value})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        return Answer(response.status, text, response.headers, time.perf_counter() - began)

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, /, *, labels: str | None = None, failed_of: str | None = None) -> Answer:
        """POST the form that starts a run."""
        given = {"labels": labels, "failed_of": failed_of}
        body = urlencode({name: value for name, value in given.items() if value is not None})
        return self.ask("POST", path, body, Content_Type="application/x-www-form-urlencoded")

    def ended(self, run: str | Answer, within: float = PATIENCE) -> dict[str, Any]:
        """Wait until a run that was accepted has ended; give its record."""
        path = run if isinstance(run, str) else run.headers["Location"]
        give_up = time.monotonic() + within
        while (found := json.loads(self.get(path, Accept="application/json").body)).get("state") == "running":
            assert time.monotonic() < give_up, f"{found}\n{self.server.log}"
            time.sleep(0.2)  # each question is work for the server, and the run needs the processor too
        assert "state" in found, found
        return found


def with_token(server: WebServer, token: str = START) -> Caller:
    """Ask with a token."""
    return Caller(server, {"Authorization": f"Bearer {token}", "Accept": "application/json"})


def outcomes(record: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of each probe of a record."""
    return {result["label"]: result["outcome"] for result in record["results"]}
