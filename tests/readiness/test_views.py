"""The answers of `django_probe.urls`, where a project has no ProbeMiddleware and much other middleware."""

from __future__ import annotations

import time

import pytest
import yaml

from tests import documents
from tests.conftest import ROOT
from tests.projects import new_project, python
from tests.webservers import gunicorn, site

# All that would answer, redirect, look into the database or keep an answer, if the views let it.
HOSTILE = """
MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
for name in ("default", "other"):
    DATABASES[name] = {
        "ENGINE": "django.db.backends.sqlite3", "NAME": "/nothing/here", "ATOMIC_REQUESTS": True,
    }
ALLOWED_HOSTS = ["shop.example", "127.0.0.1"]
"""
PROBES = """
import unittest
from pathlib import Path

from django.test import tag


@tag("ready")
class TestShop(unittest.TestCase):
    def test_open(self):
        self.assertFalse((Path(__file__).parent / "closed").exists(), "the secret of the shop")
"""
PAGE = ROOT / "docs" / "readiness.md"
PATHS = {"/probe/live/": "live", "/probe/live": "live", "/probe/ready/": "ready", "/probe/ready": "ready"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A project whose database cannot be opened, and gunicorn that serves it."""
    project = new_project(tmp_path_factory.mktemp("views") / "site")
    project.app("shop", PROBES)
    site(project, middleware=HOSTILE, policy="gates: {ready: {tags: [ready], every: 100ms}}")
    with gunicorn(project) as running:
        running.folder = project.path / "shop"
        yield running


@pytest.mark.parametrize(("path", "says"), {**PATHS, "/probe/": "ready"}.items())
def test_answer__is_one_line_from_memory(server, path, says):
    """Anonymous, with no database, and with or without the slash: 200, plain text that nobody may keep."""
    answer = server.ask(path)
    assert (answer.status, answer.body) == (200, f"{says}\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Length"] == str(len(answer.body))


@pytest.mark.parametrize("path", [*PATHS, "/probe/"])
def test_answer__to_head_is_that_to_get_without_the_text(server, path):
    """HEAD gives the status and the headers of GET."""
    head, get = server.ask(path, "HEAD"), server.ask(path)
    assert (head.status, head.body) == (200, "")
    kept = ("Content-Type", "Content-Length", "Cache-Control", "Vary")
    assert {name: head.headers[name] for name in kept} == {name: get.headers[name] for name in kept}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/probe/", "/probe/live/", "/probe/ready/"])
def test_answer__to_other_methods_is_405(server, path, method):
    """Neither a login page nor a missing CSRF token comes before it, and it says what is allowed."""
    answer = server.ask(path, method)
    assert answer.said == (405, "method not allowed")
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.headers["Cache-Control"] == "no-store"


def test_index__depends_on_what_is_accepted(server):
    """Caches are told that another Accept may get another answer; kubelet and a browser get this one today."""
    for accept in ("*/*", "text/html,application/xhtml+xml", "application/json"):
        answer = server.ask("/probe/", Accept=accept)
        assert answer.said == (200, "ready")
        assert "Accept" in answer.headers["Vary"].split(", ")


def test_answer__is_never_one_from_a_cache(server):
    """Where Django caches the whole site, and where a client has the answer already: what is true now, and no 304."""
    server.until((200, "ready"))
    (server.folder / "closed").touch()
    try:
        server.until((503, "not ready: failing"))
        headers = {"If-Modified-Since": "Mon, 23 Nov 2037 12:00:00 GMT", "If-None-Match": "*"}
        assert server.ask("/probe/ready/", **headers).said == (503, "not ready: failing")
    finally:
        (server.folder / "closed").unlink()
    server.until((200, "ready"))
    assert server.ask("/probe/ready/", **headers).said == (200, "ready")


def test_answer__tells_the_anonymous_nothing(server):
    """A gate that is closed names no probe, no message and no traceback, whatever a visitor asks for."""
    (server.folder / "closed").touch()
    try:
        server.until((503, "not ready: failing"))
        for accept in ("*/*", "text/html", "application/json"):
            assert server.ask("/probe/?format=json", Accept=accept).said == (503, "not ready: failing")
            assert server.ask("/probe/ready/?verbose=1", Accept=accept).said == (503, "not ready: failing")
        assert server.ask("/probe/live/").said == (200, "live")
    finally:
        (server.folder / "closed").unlink()
    server.until((200, "ready"))


def test_live__starts_nothing(project):
    """A process that is only asked whether it lives runs no probes, and starts no thread for them."""
    project.app("shop", PROBES)
    site(project, middleware="", policy="gates: {ready: {tags: [ready]}}")
    with gunicorn(project) as server:
        for _ in range(5):
            assert server.ask("/probe/live/").said == (200, "live")
        time.sleep(0.5)
        assert server.ask("/pid").body.endswith(" 0")


def test_urls__have_names(project):
    """A project can make the URLs from their names; they end with a slash."""
    code = """
    from django.urls import reverse
    print(*(reverse(f"django_probe:{name}") for name in ("index", "live", "ready")))
    """
    assert python(site(project), code).out == "/probe/ /probe/live/ /probe/ready/\n"


def test_document__kubelet_asks_for_paths_that_answer(server):
    """The probes of the Deployment that docs/readiness.md shows are answered without a redirect."""
    (shown,) = [block for block in documents.blocks(PAGE) if block.argument == "deployment.yaml"]
    (container,) = yaml.safe_load(shown.text)["containers"]
    for probe, says in (("readinessProbe", "ready"), ("livenessProbe", "live")):
        assert server.ask(container[probe]["httpGet"]["path"]).said == (200, says)
