"""ProbeMiddleware answers before anything else of a project sees the request."""

from __future__ import annotations

import pytest

from tests.projects import migrated, new_project, python
from tests.webservers import ASGI, MIDDLEWARE, gunicorn, site, uvicorn

WALLS = """
MIDDLEWARE = [
    "django_probe.middleware.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "walls.unlucky",
]
SECURE_SSL_REDIRECT = True
SESSION_SAVE_EVERY_REQUEST = True
ALLOWED_HOSTS = ["shop.example"]
"""
UNLUCKY = """
def unlucky(get_response):
    def middleware(request):
        raise RuntimeError("nobody comes this far")
    return middleware
"""
ANSWERS = {
    "/probe": "ready: no probes",
    "/probe/": "ready: no probes",
    "/probe/live": "live",
    "/probe/live/": "live",
    "/probe/ready": "ready: no probes",
    "/probe/ready/": "ready: no probes",
}


@pytest.fixture(scope="module", params=[gunicorn, uvicorn], ids=["gunicorn", "uvicorn"])
def server(tmp_path_factory, request):
    """A project that lets nobody in, served by WSGI and by ASGI."""
    project = new_project(tmp_path_factory.mktemp("walls") / "site")
    project.write("walls.py", UNLUCKY)
    site(project, middleware=WALLS)
    project.write("site_urls.py", "urlpatterns = []\n")
    with request.param(project) as running:
        yield running


@pytest.mark.parametrize(("path", "says"), ANSWERS.items())
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_middleware__comes_before_every_wall(server, path, says, method):
    """An address as the Host, no https, no login, no session table, and no URLs: the answer all the same."""
    answer = server.ask(path, method, Host="10.1.2.3:8000", Accept="*/*", User_Agent="kube-probe/1.36")
    assert answer.said == (200, says if method == "GET" else "")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Set-Cookie"] is None


@pytest.mark.parametrize("path", ANSWERS)
def test_middleware__other_methods_are_405(server, path):
    """What is not GET or HEAD is refused here as well, before a CSRF token is asked for."""
    assert server.ask(path, "POST", Host="10.1.2.3").said == (405, "method not allowed")


@pytest.mark.parametrize("path", ["/", "/probes", "/probe/gates/deploy/", "/probe/readyx", "/probe//", "/xprobe/"])
def test_middleware__hands_on_what_is_not_its_own(server, path):
    """Every other request meets the walls."""
    answer = server.ask(path, Host="shop.example")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://shop.example{path}"


def test_middleware__has_another_prefix(project):
    """PROBE_URL_PREFIX moves all of it; a script's name in front is no part of the prefix."""
    project.configure('PROBE_URL_PREFIX = "/-/health/"\n')
    code = """
    from django.test import Client
    for path in ("/-/health", "/-/health/", "/-/health/live/", "/-/health/ready", "/probe", "/health/"):
        answer = Client().get(path)
        print(path, answer.status_code)
    print(Client().get("/-/health/live/", SCRIPT_NAME="/shop").status_code)
    """
    site(project)
    project.write("site_urls.py", "urlpatterns = []\n")
    done = python(project, code)
    codes = [200, 200, 200, 200, 404, 404, 200]
    assert [int(line.split()[-1]) for line in done.out.splitlines()] == codes, done.out + done.err


@pytest.mark.parametrize("prefix", ["probe/", "/probe", "/", "", None])
def test_middleware__a_prefix_that_is_none_is_said_at_the_start(project, prefix):
    """A prefix without its slashes would match nothing: the process says so instead of serving."""
    project.configure(f"PROBE_URL_PREFIX = {prefix!r}\n")
    done = python(site(project), "from django.test import Client; Client().get('/')")
    assert done.code == 1
    last = done.err.splitlines()[-1]
    assert last.endswith(f'PROBE_URL_PREFIX: expected a path between slashes such as "/probe/", got {prefix!r}')


def test_middleware__stays_on_the_event_loop(project):
    """Under ASGI, with async middleware below it, the answers are made in the loop's own thread, the first one too."""
    project.write("asgi.py", ASGI)
    code = """
    import asyncio, threading
    from django.test import AsyncClient
    from django_probe.readiness import views
    seen = []
    real = views._respond
    views._respond = lambda *given: (seen.append(threading.current_thread()), real(*given))[1]
    async def main():
        for path in ("/probe/ready/", "/probe/live/", "/probe"):
            answer = await AsyncClient().get(path)
            print(answer.status_code, answer.content)
    asyncio.run(main())
    print({thread is threading.main_thread() for thread in seen}, len(seen))
    """
    done = python(site(project, middleware=MIDDLEWARE), code)
    said = b"ready: no probes\n"
    assert done.out == f"200 {said!r}\n200 {b'live' + bytes([10])!r}\n200 {said!r}\n{{True}} 3\n", done.err


def test_token__comes_before_every_wall(tmp_path_factory):
    """Prometheus asks a pod by its address, and nothing redirects: who sends a token is answered, under ASGI too."""
    token = "view-0123456789-abcdefgh"
    project = new_project(tmp_path_factory.mktemp("metrics") / "site")
    project.apps.append("django_probe.history")
    project.write("walls.py", UNLUCKY)
    site(project, middleware=f'{WALLS}PROBE_TOKENS = ["view:{token}"]\n')
    migrated(project)
    for serve in (gunicorn, uvicorn):
        with serve(project) as server:
            for path in ("/probe/metrics/", "/probe/metrics"):
                by_token = server.ask(path, Host="10.1.2.3:8000", Authorization=f"Bearer {token}")
                assert (by_token.status, by_token.headers.get_content_type()) == (200, "text/plain")
                assert server.ask(path, Host="10.1.2.3:8000", Authorization="Bearer no").status == 401
            for path in ("/probe/gates/x/", "/probe/gates/x", "/probe/runs/x/", "/probe/openapi.json"):
                assert server.ask(path, Host="10.1.2.3:8000", Authorization=f"Bearer {token}").status in (200, 404)
            page = server.ask("/probe", Host="10.1.2.3:8000", Authorization=f"Bearer {token}", Accept="text/html")
            assert (page.status, "<h1" in page.body) == (200, True)
            for path in ("/probe/metrics/", "/probe/gates/x/", "/probe/nothing/"):
                assert server.ask(path, Host="10.1.2.3:8000").status in (301, 400)
