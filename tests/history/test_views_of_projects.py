"""What `/probe/` answers in projects that are set up otherwise, and while their databases are not there."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from textwrap import dedent

import pytest

from tests import servers
from tests.history.serving import START, VIEW, Caller, new_site, sessions, with_token
from tests.patience import wait_for
from tests.projects import migrated, python
from tests.webservers import gunicorn

ASK = f"""
from django.conf import settings
from django.test import Client, override_settings
anonymous = Client(headers={{"host": "localhost", "accept": "text/html"}})
bearer = Client(headers={{"host": "localhost", "accept": "application/json", "authorization": "Bearer {VIEW}"}})
"""
READY = (200, "ready: no probes")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with a run that passed."""
    made = migrated(new_site(tmp_path_factory.mktemp("projects")))
    assert made.probe("--gate", "deploy", env={"PROBE_RUN_ID": "open"}).code == 0
    return made


def test_database__that_is_not_there_is_503_in_one_line(tmp_path):
    """Without tables, then without a server: live, ready and the line of the index go on, and so does what is next."""
    with ExitStack() as stack:
        postgres = stack.enter_context(servers.postgresql())
        history = postgres.settings("postgres")
        made = new_site(tmp_path, f"DATABASES['history'] = {history!r}\nPROBE_HISTORY_DATABASE = 'history'\n")
        migrated(made)  # the default database, with users and sessions, which stays
        cookie = f"sessionid={sessions(made)['starter']}"
        with gunicorn(made) as server:
            person, machine = Caller(server, {"Cookie": cookie, "Accept": "text/html"}), with_token(server)

            def gone(why):
                down = (503, json.dumps({"error": f"the history's database {why}"}))
                for path in ("gates/deploy/", "runs/open/", "metrics/"):
                    assert machine.get(path).said == down, path
                assert machine.post("gates/deploy/").said == down
                page = person.get("", Accept="text/html")
                assert page.status == 503
                assert page.headers["Content-Type"] == "text/html; charset=utf-8"
                assert "Traceback" not in page.body
                wait_for(lambda: Caller(server).get("ready/").said == READY, "the first round")
                assert Caller(server).get("", Accept="text/html").said == READY
                assert Caller(server).get("live/").said == (200, "live")

            gone("has no tables: migrations have not run")
            assert made.run("migrate", "--database", "history", "--verbosity", "0").code == 0
            assert machine.ended(machine.post("gates/deploy/"))["passed"] is True
            assert person.get("").status == 200
            stack.close()
            gone("does not answer")
            assert "the history's database: OperationalError: " in server.log, "for those who read the log"
            assert "Traceback" not in server.log, "the same for each request, it would bury the rest"


def test_table__that_takes_no_row_is_503(site):
    """Whatever is in the way, and is nobody's lease: the request is not kept waiting for it to go."""
    code = f"""
    from django.db import connection
    start = Client(headers={{"host": "localhost", "authorization": "Bearer {START}"}})
    with connection.cursor() as cursor:
        body = "BEGIN SELECT RAISE(ABORT, 'read the manual'); END"
        cursor.execute(f"CREATE TRIGGER full BEFORE INSERT ON probe_history_run {{body}}")
        answer = start.post("/probe/gates/deploy/")
        cursor.execute("DROP TRIGGER full")
    print(answer.status_code, answer.json()["error"])
    """
    assert python(site, ASK + dedent(code)).out == "503 the history's database refused; the server's log says why\n"


@pytest.mark.parametrize(
    ("login_url", "link"),
    [
        ("/accounts/enter/", "/accounts/enter/?next=/probe/runs/open/"),
        ("form", "/form/?next=/probe/runs/open/"),
        ("https://login.example/?from=probe", "https://login.example/?from=probe&amp;next=/probe/runs/open/"),
        ("nowhere", None),
        ("/accounts/login/", None),  # Django's default, at which this project has no page
    ],
)
def test_login__is_linked_to_where_there_is_one(site, login_url, link):
    """LOGIN_URL may be a path, a name of a URL, or somewhere else; one that names nothing costs the link alone.

    The anonymous are led there from `/probe/` too, in a browser: with the status and the words of `ready/`.
    """
    code = f"""
    settings.LOGIN_URL = {login_url!r}
    answer = anonymous.get("/probe/runs/open/")
    print(answer.status_code, answer.headers.get("Location"), answer.headers.get("Set-Cookie"))
    print(answer.content.decode())
    for first in ([], ["django_probe.middleware.ProbeMiddleware"]):
        with override_settings(MIDDLEWARE=[*first, *settings.MIDDLEWARE]):
            door, head = anonymous.get("/probe/"), anonymous.head("/probe/")
            print("DOOR", door.status_code, door.headers["Content-Type"], head.content, door.content.decode())
    """
    done = python(site, ASK + dedent(code))
    first, _, rest = done.out.partition("\n")
    page, *doors = rest.replace("%2F", "/").split("DOOR ")
    assert first == "401 None None", done.err
    links = re.findall('href="([^"]*next=[^"]*)"', page)
    assert set(links) == ({link} if link else set())
    assert len(doors) == 2, done.err
    for door in doors:
        assert door.startswith(f"200 text/{'html' if link else 'plain'}; charset=utf-8 b''"), door
        assert "ready: no probes" in door
        assert re.findall('href="([^"]*next=[^"]*)"', door) == ([link.replace("/runs/open/", "/")] if link else [])


def test_login_wall__of_the_project_is_not_before_a_token(site):
    """LoginRequiredMiddleware would answer a machine with a redirect to a page."""
    code = """
    settings.MIDDLEWARE.append("django.contrib.auth.middleware.LoginRequiredMiddleware")
    for path in ("", "live/", "ready", "gates/deploy/", "runs/open", "metrics/", "openapi.json"):
        print(bearer.get(f"/probe/{path}").status_code, anonymous.get(f"/probe/{path}").status_code)
    """
    done = python(site, ASK + dedent(code))
    assert done.out.splitlines() == ["200 200"] * 3 + ["200 401"] * 4, done.err


def test_project__without_sessions_and_users_has_tokens(tmp_path):
    """No middleware, no sessions: nobody can log in, a token sees and starts. Requests in transactions hide no run."""
    bare = "INSTALLED_APPS.remove('django.contrib.sessions')\nMIDDLEWARE = []\n"
    made = migrated(new_site(tmp_path, bare + "DATABASES['default']['ATOMIC_REQUESTS'] = True\n"))
    with gunicorn(made) as server:
        assert Caller(server).get("", Accept="text/html", Cookie="sessionid=abc").said == READY
        assert Caller(server).get("gates/deploy/", Accept="text/html").status == 401
        answer = with_token(server).post("gates/deploy/?wait=20s")
        assert (answer.status, json.loads(answer.body)["passed"]) == (200, True)
        assert with_token(server).get("", Accept="text/html").headers["Content-Type"].startswith("text/html")


def test_project__of_local_times_and_german_numbers_says_the_same(tmp_path):
    """USE_TZ off, another zone, LANGUAGE_CODE de with separators of thousands: a record is a record."""
    german = "USE_TZ = False\nTIME_ZONE = 'Asia/Tokyo'\nLANGUAGE_CODE = 'de'\nUSE_THOUSAND_SEPARATOR = True\n"
    made = migrated(new_site(tmp_path, german))
    _, record = made.record("--gate", "deploy", env={"PROBE_RUN_ID": "open"})
    code = """
    import json
    found = json.loads(bearer.get("/probe/runs/open/").content)
    for name in ("state", "trigger", "started_by", "labels", "failed_of", "narrowed"):
        del found[name]
    print(json.dumps(found))
    for path in ("", "gates/deploy/", "runs/open/"):
        answer = bearer.get(f"/probe/{path}", headers={"accept": "text/html"})
        print(answer.status_code, found["started_at"][:10] in answer.content.decode())
    """
    done = python(made, ASK + dedent(code))
    first, *pages = done.out.splitlines()
    assert json.loads(first) == record
    assert pages == ["200 True"] * 3, done.err


def test_lost_run__of_a_project_of_local_times_took_as_long_as_it_was_heard_of(tmp_path):
    """A heartbeat is by the database's clock, which on SQLite has no zone, and the columns have the local one."""
    made = migrated(new_site(tmp_path, "USE_TZ = False\nTIME_ZONE = 'Asia/Tokyo'\n"))
    code = """
    import json
    from datetime import UTC, datetime, timedelta
    from django_probe.history.storage import runs, store
    from django_probe.history.models import Run
    from django_probe.results import ProbeRun
    now = datetime.now(UTC)
    begun = ProbeRun("died", "deploy", now - timedelta(seconds=60), now, 0, ())
    store.begin(begun, trigger="", labels=[], narrowed=False)
    print(runs.find("died").state, 59 < runs.find("died").duration < 70)
    Run.objects.update(heartbeat_at=Run.objects.get().heartbeat_at - timedelta(seconds=40))
    found = json.loads(bearer.get("/probe/runs/died/").content)
    print(found["state"], 19 < found["duration"] < 30)
    """
    done = python(made, ASK + dedent(code))
    assert done.out.splitlines() == ["running True", "lost True"], done.out + done.err


def test_urls__may_stand_anywhere(site):
    """Under another path, another namespace, and a server's own prefix: links lead to where the pages are."""
    site.write(
        "elsewhere.py",
        """\
        from django.urls import include, path

        urlpatterns = [path("ops/gates-of-shop/", include("django_probe.urls", namespace="ops"))]
        """,
    )
    code = """
    import re
    from django.urls import set_script_prefix
    settings.ROOT_URLCONF = "elsewhere"
    set_script_prefix("/shop/")
    for path in ("", "gates/deploy/", "runs/open/"):
        answer = bearer.get(f"/ops/gates-of-shop/{path}", headers={"accept": "text/html"})
        links = re.findall(r'(?:href|action)="(/[^"]*)"', answer.content.decode())
        print(answer.status_code, len(links) > 0, all(link.startswith("/shop/ops/gates-of-shop/") for link in links))
    """
    done = python(site, ASK + dedent(code))
    assert done.out.splitlines() == ["200 True True"] * 3, done.out + done.err


def test_metrics__of_the_middleware_need_no_urls(site):
    """It answers before anything else, and to whoever may not in one sentence, also where there are no pages."""
    code = """
    settings.MIDDLEWARE.insert(0, "django_probe.middleware.ProbeMiddleware")
    settings.ALLOWED_HOSTS, settings.ROOT_URLCONF = [], "empty"
    for headers in ({}, {"accept": "text/html"}, {"authorization": "Bearer wrong", "accept": "text/html"}):
        print(bearer.get("/probe/metrics", headers={"host": "10.1.2.3:8000", **headers}).status_code)
    """
    site.write("empty.py", "urlpatterns = []\n")
    done = python(site, ASK + dedent(code))
    assert done.out.splitlines() == ["200", "200", "401"], done.out + done.err


def test_policy__that_is_broken_leaves_the_history_to_be_read(tmp_path):
    """A mistake in the policy after the server's start: what ran is still told, and a POST says what is wrong."""
    made = migrated(new_site(tmp_path))
    assert made.probe("--gate", "deploy").code == 0
    made.write("probe.yaml", "gates: {deploy: {timout: 3s}}\n")
    code = f"""
    start = Client(headers={{"host": "localhost", "authorization": "Bearer {START}"}})
    print(bearer.get("/probe/gates/deploy/").status_code, bearer.get("/probe/gates/other/").status_code)
    answer = start.post("/probe/gates/deploy/")
    print(answer.status_code, answer.json()["error"])
    """
    done = python(made, ASK + dedent(code))
    statuses, said = done.out.splitlines()
    assert statuses == "200 404"
    assert said.startswith("503 the policy of this server is wrong: ")
    assert said.endswith('probe.yaml: gates.deploy.timout: unknown key; did you mean "timeout"?')
