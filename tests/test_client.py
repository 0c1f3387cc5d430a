"""`django_probe.client.Client`: the views of a live project answer it, and what they raise is what is told."""

from __future__ import annotations

import pytest

from tests.execution.running import by_label
from tests.projects import migrated, new_project, python

PROBES = """
import unittest

from django.conf import settings
from django.test import Client as Bare
from django.test import override_settings

from django_probe.client import Client


class TestHome(unittest.TestCase):
    def test_is_served(self):
        self.assertEqual(Client().get("/").status_code, 200)

    def test_is_served_by_django_s_own(self):
        self.assertEqual(Bare().get("/").status_code, 200)

    def test_redirect_is_followed(self):
        answer = Client().get("/away/", follow=True)
        self.assertEqual((answer.status_code, answer.content), (200, b"https shop.example 443"))

    def test_given_host_counts(self):
        for client in (Client(SERVER_NAME="other.shop.example"), Client(headers={"host": "other.shop.example"})):
            self.assertEqual(client.get("/").content, b"https other.shop.example 443")
        answer = Client().get("/", headers={"Host": "other.shop.example"})
        self.assertEqual(answer.content, b"https other.shop.example 443")

    def test_plain_request_is_redirected(self):
        answer = Client().get("/", **{"wsgi.url_scheme": "http"})
        self.assertEqual(answer["Location"], "https://shop.example/")

    def test_a_proxy_s_header_counts(self):
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            self.assertEqual(Client().get("/").content, b"https shop.example 443")
            answer = Client(headers={"x-forwarded-proto": "http"}).get("/")
            self.assertEqual(answer.status_code, 301)

    def test_nothing_of_a_test_run_is_set_up(self):
        from django.core import mail
        Client().get("/")
        self.assertEqual(settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend")
        self.assertFalse(hasattr(mail, "outbox"))
        self.assertEqual(settings.ALLOWED_HOSTS, [".shop.example"])


class TestBroken(unittest.TestCase):
    def test_raises(self):
        self.assertEqual(Client().get("/broken/?token=x").status_code, 200)

    def test_new_session(self):
        self.assertEqual(Client().get("/session/").status_code, 200)

    def test_tracked(self):
        self.assertEqual(Client().get("/tracked/").status_code, 200)

    def test_tracked_and_hidden(self):
        self.assertEqual(Client().get("/hidden/").status_code, 200)
"""
VIEWS = """
from django.contrib.auth.models import Group
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path


def home(request):
    return HttpResponse(f"{request.scheme} {request.get_host()} {request.get_port()}")


def away(request):
    return HttpResponseRedirect("/")


def broken(request):
    raise LookupError("no price")


def session(request):
    request.session["seen"] = True
    return HttpResponse("ok")


def tracked(request):
    Group.objects.create(name="visitors")
    return HttpResponse("ok")


def hidden(request):
    try:
        tracked(request)
    except Exception:
        pass
    return HttpResponse("ok")


urlpatterns = [
    path("", home), path("away/", away), path("broken/", broken), path("session/", session), path("tracked/", tracked),
    path("hidden/", hidden),
]
"""
SETTINGS = """
ALLOWED_HOSTS = [".shop.example"]
SECURE_SSL_REDIRECT = True
INSTALLED_APPS += ["django.contrib.sessions"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware"]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the record says of each probe above."""
    site = new_project(tmp_path_factory.mktemp("client"))
    site.write("site_urls.py", VIEWS)
    site.app("shop", PROBES)
    site.configure(SETTINGS)
    return by_label(migrated(site).record()[1])


def test_client__of_a_live_project_is_answered(results):
    """Its host is allowed, and it asks over HTTPS where plain HTTP is redirected; what is given counts more."""
    ended = {
        name: each["message"] or each["outcome"] for name, each in results.items() if ".TestHome." in each["label"]
    }
    assert ended.pop("test_is_served_by_django_s_own") == "400 != 200"
    assert set(ended.values()) == {"passed"}, ended


def test_view_that_raises__is_the_error(results):
    """The message has the view's own exception and what was asked, the details the view's line."""
    result = results["test_raises"]
    assert result["outcome"] == "error"
    assert result["message"] == "LookupError: no price (asked: GET /broken/)"
    short = result["details"].partition("--- with every frame")[0]
    assert 'raise LookupError("no price")' in short
    assert "in test_raises" in short


@pytest.mark.parametrize(
    ("name", "statement", "place"),
    [
        ("new_session", 'INSERT INTO "django_session"', "shop/probes.py:51 (test_new_session)"),
        ("tracked", 'INSERT INTO "auth_group"', "/site_urls.py:25 (tracked)"),
        ("tracked_and_hidden", 'INSERT INTO "auth_group"', "/site_urls.py:25 (tracked)"),
    ],
)
def test_view_that_writes__is_told_what_to_do(results, name, statement, place):
    """The refusal names the statement, the innermost line of the project's own, and the way out: rollback."""
    message = results[f"test_{name}"]["message"]
    assert '@probe(database_access="rollback")' in message
    assert f"(the statement began: {statement}) at " in message
    assert place in message


HOSTS = [
    (["*"], "localhost"),
    (["*", "shop.example"], "shop.example"),
    ([".Shop.Example"], "shop.example"),
    (["https://shop.example", "shop.example:8000", "", "*.shop.example", "[::1]"], "[::1]"),
    (["shop.example.", "127.0.0.1"], "127.0.0.1"),
]
ASK = """
    from django.core.exceptions import ImproperlyConfigured
    from django.http import HttpResponse
    from django.test import override_settings
    from django.urls import path
    from django_probe.client import Client

    urlpatterns = [path("", lambda request: HttpResponse(request.get_host()))]
    with override_settings(ALLOWED_HOSTS=[".shop.example"], PREPEND_WWW=True, ROOT_URLCONF=__name__):
        print(Client().get("/").content.decode())
    for hosts, debug in {asked!r}:
        with override_settings(ALLOWED_HOSTS=hosts, DEBUG=debug, ROOT_URLCONF=__name__):
            try:
                print(Client().get("/").content.decode())
            except ImproperlyConfigured as error:
                print(error)
"""


def test_allowed_host__is_the_first_that_a_request_can_have(project):
    """Also of a pattern for subdomains; any will do for `*`; an empty list is what Django makes of it."""
    asked = [*((hosts, False) for hosts, _ in HOSTS), ([], True), ([], False), (["shop.example:80"], True)]
    done = python(project, ASK.format(asked=asked))
    with_www, *hosts, empty, unusable = done.out.splitlines()
    assert with_www == "www.shop.example"
    assert hosts == [*(host for _, host in HOSTS), "localhost"], done.err
    end = "so this project answers every request with 400; put the host there that its users ask for"
    assert empty.startswith(f"ALLOWED_HOSTS is empty, {end}")
    assert unusable.startswith(f"ALLOWED_HOSTS names no host that a request can have: ['shop.example:80'], {end}")
