"""Who may see and start runs: users by their permissions, and with a CSRF token; tokens by their scope."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass

import pytest

from tests.projects import migrated, new_project, python
from tests.webservers import ASGI, LOGGING, gunicorn, uvicorn

START = "start-0123456789-abcdefg"
SETTINGS = f"""
INSTALLED_APPS += ["django.contrib.sessions", "django_probe.history"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
PROBE_TOKENS = ["start:{START}"]
CSRF_TRUSTED_ORIGINS = ["https://ops.example"]
{LOGGING}
"""
# The form is the page that a person posts from; it is not exempt, and sets the cookie.
URLS = """\
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_probe.history.http.access.access import Denied, admit
from django_probe.history.visitors import Scope


@csrf_exempt
def runs(request):
    try:
        asking = admit(request, Scope.START if request.method == "POST" else Scope.VIEW)
    except Denied as denied:
        return HttpResponse(denied.sentence, status=denied.status, headers=denied.headers)
    return HttpResponse(f"{asking.name} {'+'.join(sorted(asking.scopes))}")


def form(request):
    return HttpResponse(get_token(request))


urlpatterns = [path("runs/", runs), path("form/", form)]
"""
USERS = {"nobody": [], "viewer": ["view_run"], "starter": ["start_run"], "left": ["view_run", "start_run"], "root": []}
SESSIONS = f"""
import json
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
cookies = {{}}
for name, permissions in {USERS}.items():
    user = User.objects.create(username=name, is_superuser=name == "root")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    cookies[name] = client.cookies[settings.SESSION_COOKIE_NAME].value
User.objects.filter(username="left").update(is_active=False)
print(json.dumps(cookies))
"""
MAY_NOT_SEE = "The user {} may not see runs: the permission probe_history.view_run is missing."
MAY_NOT_START = "The user {} may not start runs: the permission probe_history.start_run is missing."
LOG_IN = "Log in, or send a token."
NO_CSRF = "The CSRF token of this form is missing or out of date: reload the page and try again."


def new_site(folder, more=""):
    """Make a project with users and their sessions; give it, and the cookies."""
    made = new_project(folder / "site")
    made.write("site_urls.py", URLS)
    made.write("asgi.py", ASGI)
    made.configure(SETTINGS + more)
    done = python(migrated(made), SESSIONS)
    assert done.code == 0, done.err
    return made, json.loads(done.out)


@dataclass
class Browser:
    """What a person has: cookies, and the token of the form."""

    port: int
    session: str
    csrf: str = ""
    token: str = ""

    def ask(self, method="GET", path="/runs/", body=None, **headers):
        """Send a request with the cookies; give status, text, and the headers."""
        cookies = {"sessionid": self.session, "csrftoken": self.csrf}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        said = response.status, response.read().decode(), response.headers
        connection.close()
        return said

    def open_form(self):
        """Open the form, keep its cookies and its token."""
        status, self.token, headers = self.ask(path="/form/")
        assert status == 200
        for cookie in headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.session = value if name == "sessionid" else self.session
            self.csrf = value if name == "csrftoken" else self.csrf
        return self

    def post(self, **headers):
        """Post the form."""
        return self.ask("POST", body=f"csrfmiddlewaretoken={self.token}", **headers)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The project, and its users' sessions."""
    return new_site(tmp_path_factory.mktemp("access"))


@pytest.fixture(scope="module", params=[gunicorn, uvicorn])
def visit(request, site):
    """Let a user's browser visit a server, WSGI and ASGI."""
    made, cookies = site
    with request.param(made) as server:
        yield lambda name="": Browser(server.port, cookies.get(name, ""))


@pytest.mark.parametrize(
    ("name", "seen", "started"),
    [
        ("", (401, LOG_IN), (401, LOG_IN)),
        ("nobody", (403, MAY_NOT_SEE.format("nobody")), (403, MAY_NOT_START.format("nobody"))),
        ("viewer", (200, "viewer view"), (403, MAY_NOT_START.format("viewer"))),
        ("starter", (200, "starter start"), (200, "starter start")),
        ("root", (200, "root start+view"), (200, "root start+view")),
        ("left", (401, LOG_IN), (401, LOG_IN)),
    ],
)
def test_user__may_do_what_the_permissions_say(visit, name, seen, started):
    """Who may start may see, a superuser may all, and who was made inactive is nobody any more."""
    browser = visit(name).open_form()

    assert browser.ask()[:2] == seen
    assert browser.ask("HEAD")[0] == seen[0]
    status, text, headers = browser.post()
    assert (status, text) == started
    assert ("WWW-Authenticate" in headers) == (status == 401)


def test_user__posts_with_a_csrf_token_only(visit):
    """Without one, with another's or from another site: 403. In the form or in a header: 200. GET needs none."""
    browser = visit("starter").open_form()
    other = visit("starter").open_form()

    assert browser.ask("POST")[:2] == (403, NO_CSRF)
    assert browser.ask("POST", **{"X-CSRFToken": other.token})[:2] == (403, NO_CSRF)
    assert browser.ask("DELETE")[:2] == (403, NO_CSRF)
    assert browser.post(Origin="https://evil.example")[:2] == (403, NO_CSRF)
    assert browser.post(Origin="https://ops.example")[0] == 200
    assert browser.ask("POST", **{"X-CSRFToken": browser.token})[0] == 200
    assert visit("starter").ask()[0] == 200


def test_header__is_all_that_is_looked_at(visit):
    """A wrong one does not fall back on the session, and a good one needs no CSRF token and no permission."""
    browser = visit("root")

    assert browser.ask(Authorization="Bearer wrong-0123456789-abcdefg")[0] == 401
    assert browser.ask(Authorization="Basic cm9vdDpyb290")[0] == 401
    assert visit("nobody").ask("POST", Authorization=f"Bearer {START}")[:2] == (200, "token start")
    assert visit().ask("POST", Authorization=f"Bearer {START}", Origin="https://evil.example")[0] == 200


def test_user__csrf_token_may_be_kept_in_the_session(tmp_path):
    """CSRF_USE_SESSIONS is honoured: there is no cookie, and the check is made all the same."""
    made, cookies = new_site(tmp_path, "CSRF_USE_SESSIONS = True\n")
    with gunicorn(made) as server:
        browser = Browser(server.port, cookies["starter"]).open_form()

        assert not browser.csrf
        assert browser.ask("POST")[:2] == (403, NO_CSRF)
        assert browser.post()[:2] == (200, "starter start")
        assert "refused: CSRF token missing." in server.log


def test_visitor__of_a_project_without_authentication_is_anonymous(tmp_path):
    """Tokens work there, and nobody can log in."""
    made = new_project(tmp_path / "site")
    made.write("site_urls.py", URLS)
    made.configure(SETTINGS + "MIDDLEWARE = []\n")
    with gunicorn(made) as server:
        browser = Browser(server.port, "a-session")

        assert browser.ask()[:2] == (401, LOG_IN)
        assert browser.ask("POST")[:2] == (401, LOG_IN)
        assert browser.ask("POST", Authorization=f"Bearer {START}")[:2] == (200, "token start")


def test_visitor__is_told_503_where_the_database_does_not_answer(tmp_path):
    """One sentence for the visitor, the reason in the log. A token needs no database."""
    made = new_project(tmp_path / "site")  # not migrated: there are no tables
    made.write("site_urls.py", URLS)
    made.configure(SETTINGS)
    with gunicorn(made) as server:
        browser = Browser(server.port, "a" * 32)

        assert browser.ask()[:2] == (503, "Nobody can be told apart now: the database does not answer.")
        assert "the database did not say who asks" in server.log
        assert "no such table: django_session" in server.log
        assert browser.ask(Authorization=f"Bearer {START}")[:2] == (200, "token start")
