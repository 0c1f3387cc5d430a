"""Flows of several requests, against a real server."""

from __future__ import annotations

import pytest
import yaml

from tests.conftest import ROOT
from tests.projects import new_project
from tests.webservers import gunicorn

SITE = """
from django.contrib.auth.views import LoginView
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import path


@login_required
def token(request):
    return JsonResponse({"data": {"token": "tok-4711"}})


def orders(request):
    return JsonResponse({"orders": [1]} if request.headers.get("Authorization") == "Bearer tok-4711" else {})


urlpatterns = [
    path("login/", LoginView.as_view(template_name="login.html")), path("api/token", token), path("api/orders", orders)
]
"""
SETTINGS = """
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the one for live systems computes for a second
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"login.html": "{% csrf_token %}{{ form }}"})]},
}]
"""
USER = "from django.contrib.auth.models import User; User.objects.create_user('probe', password='open-sesame-4711')"

FLOWS = """
buys:
  base: "${SHOP_URL}"
  steps:
    - {http: /login, form: {password: "${SHOP_PASSWORD}"}, follow: false, status: 302}
    - {http: /account, contains: Welcome}
    - {http: /stock, save: {token: token}}
    - {http: /orders, send: {Authorization: "Bearer {{ token }}"}, contains: orders}
breaks:
  base: "${SHOP_URL}"
  steps:
    - {http: /stock, save: {token: token}}
    - {http: "/broken?id={{ token }}", send: {Authorization: "Bearer {{ token }}"}}
    - {http: /never}
echoed:
  base: "${SHOP_URL}"
  steps:
    - {http: /login, form: {password: "${SHOP_PASSWORD}"}, follow: false, status: 302}
    - {http: /stock, save: {a: token}}
    - {http: "/echo?a={{ a }}", send: {X-Auth: "${SHOP_SHORT}"}}
carries:
  base: "${SHOP_URL}"
  steps:
    - {http: /login, form: {password: "${SHOP_PASSWORD}"}, contains: Welcome, save: {visit: "cookie:session"}}
    - {http: /stock, save: {again: "cookie:session"}}
    - {http: "/echo?visit={{ visit }}{{ again }}", status: 500}
    - {http: /stock, save: {other: "cookie:other"}}
lacks:
  base: "${SHOP_URL}"
  steps: [{http: /stock, save: {price: "items[0].price"}}]
late:
  base: "${SHOP_URL}"
  steps: [{http: /slow}]
  within: 100ms
"""


@pytest.fixture(scope="module")
def results(checked, shop):
    """One run of all flows."""
    return checked.run(FLOWS, SHOP_URL=shop.url, SHOP_PASSWORD="open-sesame-4711", SHOP_SHORT="hunter2")[1]


def test_flow__one_visitor(results, shop):
    """Cookies, and what an answer says, go along to the later steps, over one connection."""
    assert results["steps.buys"]["outcome"] == "passed"
    ((_, _, headers, _),) = shop.asked("/orders")
    assert (headers["Cookie"], headers["Authorization"]) == ("session=open", "Bearer tok-4711")
    assert shop.connections <= len(results)


def test_flow__cookie_of_any_answer_before(results, shop):
    """What is saved is the cookie that the visitor has, also where a redirect brought it, or an earlier step."""
    assert results["steps.carries"]["outcome"] == "failed"  # of another cookie alone
    assert [path for _, path, _, _ in shop.asked("/echo") if "visit" in path] == ["/echo?visit=openopen"]


def test_flow__failing_step_is_named(results, shop):
    """The step that failed is named, those after it are not asked, and what was saved as a token is not shown."""
    broken = results["steps.breaks"]

    assert broken["outcome"] == "failed"
    assert broken["message"] == f"step 2 of 3, GET {shop.url}/broken?id={{{{ token }}}}: status 500, not below 400"
    assert '{"echo": "********"}' in broken["details"]
    assert "tok-4711" not in str(broken)
    assert shop.asked("/never") == []


def test_flow__secrets_of_earlier_steps_are_not_shown(results):
    """A cookie that came, what was saved from a secret's JMESPath, and a short secret that was sent: all are masked."""
    details = results["steps.echoed"]["details"]

    assert "['/echo?a=********', 'session=********', '********']" in details
    assert not any(secret in details for secret in ("tok-4711", "hunter2"))


@pytest.mark.parametrize(
    ("name", "outcome", "said"),
    [
        ("lacks", "failed", "/stock: there is no text or number at items[0].price to save as price"),
        ("carries", "failed", "step 4 of 4, GET"),
        ("carries", "failed", "/stock: there is no text or number at cookie:other to save as other"),
        ("late", "failed", "each step passed, but it took "),
    ],
)
def test_flow__what_else_is_wrong(results, name, outcome, said):
    """What cannot be saved, what nobody saved, and a flow that is too slow as a whole, each say so."""
    assert results[f"steps.{name}"]["outcome"] == outcome
    assert said in results[f"steps.{name}"]["message"]


def test_flow__logs_in_at_django(tmp_path):
    """The flow of the documentation passes at a site whose log-in is Django's own, with its CSRF protection."""
    page = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(page.partition("<!-- file: flow.yaml -->\n```yaml\n")[2].partition("```")[0])
    site = new_project(tmp_path / "site")
    site.apps = ["django.contrib.sessions", "django_probe.contrib.checks"]
    site.write("site_urls.py", SITE)
    site.configure(SETTINGS)
    assert site.run("migrate").code == site.run("shell", "-c", USER).code == 0

    with gunicorn(site) as server:
        policy = {"checks": {"buy": shown["checks"]["buy"]}, "gates": shown["gates"]}
        text = yaml.safe_dump(policy).replace("https://shop.example", f"http://localhost:{server.port}")
        done, record = site.record(
            "--policy",
            str(site.write("probe.yaml", text)),
            "--gate",
            "deploy",
            env={"PROBE_PASSWORD": "open-sesame-4711"},
        )

    assert done.code == 0, record["results"]
