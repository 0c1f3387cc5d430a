"""Logging in to the pages of the container's project, over real gunicorn, as a browser and a proxy do it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browsers import chromium
from tests.deploy.conftest import Deployment, with_history
from tests.deploy.visitors import Visitor, serving
from tests.patience import wait_for

PROXY = {"Host": "probe.example.com", "Origin": "https://probe.example.com"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A server with a history, and a user "ann"."""
    made = with_history(Deployment(tmp_path_factory.mktemp("site")), user=True)
    with serving(made) as (port, _):
        yield port


@pytest.fixture(scope="module")
def welcome(site):
    """The answer to a log-in that names no page; each log-in computes a hash for a second."""
    return Visitor(site).log_in()


def test_log_in__with_the_right_password_alone(site):
    """A wrong one is told so, the right one leads on, and log-out ends it."""
    visitor = Visitor(site)
    wrong = visitor.log_in(password="hunter22")
    assert wrong.status == 200
    assert 'role="alert"' in wrong.body
    assert "hunter22" not in wrong.body
    right = visitor.log_in(next="/admin/")
    assert (right.status, right.headers["Location"]) == (302, "/admin/")
    assert "ann" in visitor.get("/accounts/login/").body
    assert visitor.get("/admin/auth/user/").status == 200
    assert visitor.post("/accounts/logout/").status == 302
    assert visitor.get("/admin/auth/user/").status == 302


LIMITED = """
from django.contrib.auth.models import User
from django.test import Client, override_settings

def tried(password, client="198.51.100.1", path="/accounts/login/", user="ann", **more):
    visitor = Client(headers={"host": "localhost", "x-forwarded-for": client})
    answer = visitor.post(path, {"username": user, "password": password, **more})
    return [answer.status_code, answer.headers.get("Retry-After"), "try again in 15 minutes" in answer.content.decode()]

with override_settings(AXES_FAILURE_LIMIT=3, PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
    User.objects.create_superuser("ann", password="correct horse")
    User.objects.create_superuser("ben", password="correct horse")
    wrong = [tried("wrong")[0] for _ in range(2)]
    good = tried("correct horse")[0]
    again = [tried("wrong")[0] for _ in range(3)]
    locked = [tried("correct horse"), tried("correct horse", "6.6.6.6, 198.51.100.1"),
              tried("correct horse", path="/admin/login/")]
    others = [tried("correct horse", "198.51.100.2")[0], tried("correct horse", user="ben")[0]]
"""


def test_log_in__is_limited_for_a_user_at_an_address(kept):
    """After so many wrong passwords the right one is refused too, there alone, and at the admin's log-in as well.

    A good one before that counts from none again; what a client writes into the proxy's header changes nothing.
    """
    code = f"import logging; logging.disable()\n{LIMITED}"
    got = kept.evaluate(code, "[wrong, good, again, locked, others]")
    assert got == [[200, 200], 302, [200, 200, 429], [[429, "900", True]] * 3, [302, 302]]
    assert kept.setting("AXES_FAILURE_LIMIT") == 10


def test_log_in__leads_to_the_gates_and_never_to_another_host(site, welcome):
    """Without `next`, or with one of somebody else."""
    assert welcome.headers["Location"] == "/probe/"
    assert Visitor(site).log_in(next="https://evil.example/").headers["Location"] == "/probe/"


def test_page__allows_its_own_style_and_nothing_else(site):
    """No script, no style attribute, no file: the policy names the one style by its hash."""
    answer = Visitor(site).get("/accounts/login/")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(part.split(maxsplit=1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'", "style-src": f"'sha256-{digest}'", "img-src": "data:", "form-action": "'self'",
        "base-uri": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert not re.search(r"<script|\sstyle=|\son\w+=|\ssrc=", answer.body)


def test_admin__has_its_styles_and_nothing_else_is_given_out(site):
    """Every file that its page names is there; no path leads out of them."""
    page = Visitor(site).get("/admin/login/").body
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(files) > 3
    for path in [*files, "/static/admin/img/icon-yes.svg"]:
        assert Visitor(site).get(path).status == 200, path
    for path in ("/static/admin/../../../deploy/settings.py", "/static/%2e%2e/apps.py", "/static/", "/static/admin/"):
        assert Visitor(site).get(path).status == 404, path


def test_probe__redirects_nowhere(site):
    """Kubelet and others take a redirect for a success: neither a slash nor a log-in is added below /probe."""
    for path in ("/probe", "/probe/live", "/probe/ready/", "/probe/gates/deploy", "/probe/gates/deploy/", "/probe/no"):
        assert not 300 <= Visitor(site).get(path).status < 400, path


def test_behind_tls__one_variable_is_enough(kept_with_ann):
    """With the origin that a browser names the host is allowed, log-in works, and cookies keep to https."""
    with serving(kept_with_ann, CSRF_TRUSTED_ORIGINS="https://probe.example.com") as (port, _):
        answer = Visitor(port, PROXY).log_in()
        assert Visitor(port, {**PROXY, "Origin": "https://evil.example"}).log_in().status == 403
    assert (answer.status, answer.headers["Location"]) == (302, "/probe/")
    session = answer.set_cookies["probe_sessionid"]
    assert (session["secure"], session["httponly"], session["samesite"]) == (True, True, "Lax")
    assert answer.set_cookies["probe_csrftoken"]["secure"] is True


def test_behind_tls__or_a_proxy_that_is_trusted(kept_with_ann):
    """What a trusted proxy says of https is enough for the log-in too; said by anybody else it is not."""
    said = {**PROXY, "X-Forwarded-Proto": "https"}
    for addresses, status in (("127.0.0.1", 302), ("10.0.0.0/8", 403)):
        with serving(kept_with_ann, ALLOWED_HOSTS="probe.example.com", FORWARDED_ALLOW_IPS=addresses) as (port, _):
            assert Visitor(port, said).log_in().status == status


def test_without_tls__cookies_come_back(welcome):
    """On one's own machine a browser would not send a cookie back that keeps to https; scripts see no session."""
    session = welcome.set_cookies["probe_sessionid"]
    assert (session["secure"], session["httponly"]) == ("", True)


@pytest.mark.parametrize(("key", "warned"), [("", True), ("k" * 50, False)])
def test_secret_key__its_absence_is_said_once(kept_with_ann, key, warned):
    """Without one a log-in ends with the server, which is no reason not to serve; with one it outlives it."""
    visitors = []
    for _ in range(2):
        with serving(kept_with_ann, SECRET_KEY=key, WEB_CONCURRENCY="2") as (port, log):
            if not visitors:
                visitors.append(Visitor(port))
                visitors[0].log_in()
            visitors[0].port = port
            seen = [visitors[0].get("/admin/").status for _ in range(6)]
            assert log.read_text().count("SECRET_KEY is not set") == (1 if warned else 0)
    assert set(seen) == ({302} if warned else {200})


def test_readiness__needs_no_history(kept):
    """Kubelet's questions are answered where the history's database is away."""
    with serving(kept, PROBE_HISTORY_DATABASE_URL="postgres://probe@127.0.0.1:9/probe") as (port, _):
        assert Visitor(port).get("/probe/live/").status == 200
        wait_for(lambda: Visitor(port).get("/probe/ready/").status == 200, "the first round")


def test_page__is_good_on_a_phone_in_the_dark(site):
    """At 360 px nothing is cut off, the keyboard leads through it, and axe finds nothing, in light and in dark."""
    axe = Axe()
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 640})
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://127.0.0.1:{site}/accounts/login/?next=/probe/live/")
        page.keyboard.type("ann")  # the first field has the focus
        page.keyboard.press("Tab")
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert axe.run(page, options={"resultTypes": ["violations"]}).response["violations"] == []
            assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/probe/live/")
        # live/ is a line of text without an icon, for which Chromium may ask.
        assert [text for text in said if not text.startswith("Failed to load resource: the server responded")] == []
