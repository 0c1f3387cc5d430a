"""`manage.py probe_suggest`: a policy of what a project answers, which it then passes, and fails when it breaks."""

from __future__ import annotations

import pytest
import yaml

from tests.projects import migrated, new_project

VIEWS = """\
import os, sys, threading, time
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse

def page(request):
    if os.environ.get("BROKEN") == request.path:
        return HttpResponse("out of order", status=500)
    return HttpResponse("<html><title>Home & garden</title>")

def api(request): return JsonResponse({"ok": True})
def stream(request): return StreamingHttpResponse(iter(lambda: "a,b\\n" * 9999, None), content_type="text/csv")
def closed(request): return HttpResponse("no", status=403)
def long_title(request): return HttpResponse("<title>\\n  Pots\\n  and pans of the shop\\n</title>")
def secret(request): return HttpResponse("<title>not-a-secret-of-anybody-0123456789</title>")
def ticks(request): return HttpResponse(f"<title>{time.perf_counter_ns()}</title>")
def moves(request): return HttpResponse(status=302, headers={"Location": f"/{time.perf_counter_ns()}"})

def hands_over(request): return HttpResponse(status=302, headers={"Location": "https://pay.example/?token=tok-4711"})

@login_required
def private(request): return HttpResponse("private")

def prints(request):
    print("gates: {printed: {}}", flush=True)
    os.write(1, b"raw")
    return HttpResponse("x")

def hangs(request): threading.Event().wait()
def leaves(request): os._exit(0)
def exits(request): sys.exit(0)
def raises(request): return {}["key"]
def busy(request): return HttpResponse("later", status=503)
def writes(request): return HttpResponse(Group.objects.create(name="a"))
def post_only(request): return HttpResponse(status=405)

asked = 0
def flips(request):
    global asked
    asked += 1
    return HttpResponse(status=200 if asked % 2 else 202)
"""

URLS = """\
print("gates: {imported: {}}", flush=True)
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path
from shop import views

shop = ([path("", views.page, name="home"), path("<int:pk>/", views.page, name="item")], "shop")
urlpatterns = [
    path("", views.page),
    path("admin/", admin.site.urls),
    path("shop/", include(shop)),
    path("second/", include(shop, namespace="second")),
    path("probe/", include("django_probe.urls")),
    path("account/", views.private, name="account"),
    path("accounts/login/", views.page, name="login"),
    path("sign-out/", views.leaves, name="leaving"),
    path("user/logOut/", views.leaves, name="userLogout"),
    path("reset-database/", views.leaves, name="database"),
    path("inbox/mark-all-read/", views.leaves, name="inbox"),
    path("run/", views.leaves, name="run"),
    path("password_reset/", views.page, name="password_reset"),
    path("reset/done/", views.page, name="password_reset_complete"),
    path("blog-office/", views.page, name="blog-office"),
    path("home/", views.page, name="twice"),
    path("home/again/", views.page, name="twice"),
    path("id/", views.page, name="id"),
    path("on/", views.page, name="on"),
    path("404/", views.page, name="404"),
    path("words/", views.page, name="two words ä"),
    *(
        path(f"{view.__name__}/", view, name=view.__name__)
        for view in (
            views.api, views.stream, views.closed, views.long_title, views.secret, views.ticks, views.moves,
            views.hands_over, views.prints, views.hangs, views.leaves, views.exits, views.raises, views.busy,
            views.writes, views.post_only, views.flips,
        )
    ),
    *i18n_patterns(path("here/", views.page, name="here")),
]
"""

SETTINGS = """\
print("gates: {set: {}}")
LANGUAGE_CODE = "de-at"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
of_admin = ("django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages")
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": of_admin},
}]
"""

TITLE = "<title>Home & garden</title>"
LOG_IN = "<title>Anmelden | Django-Systemverwaltung</title>"
PAGE = {"status": 200, "contains": TITLE}
CHECKS = {
    "admin-index": {"view": "admin:index", "status": 302, "headers": {"location": "/admin/login/?next=/admin/"}},
    "admin-login": {
        "view": "admin:login",
        "status": 200,
        "contains": LOG_IN,
    },
    "shop-home": {"view": "shop:home", **PAGE},
    "second-home": {"view": "second:home", **PAGE},
    "account": {"view": "account", "status": 302, "headers": {"location": "/accounts/login/?next=/account/"}},
    "login": {"view": "login", **PAGE},
    "password_reset": {"view": "password_reset", **PAGE},
    "password_reset_complete": {"view": "password_reset_complete", **PAGE},
    "blog-office": {"view": "blog-office", **PAGE},
    "twice": {"view": "twice", **PAGE},
    "view-id": {"view": "id", **PAGE},
    "on": {"view": "on", **PAGE},
    "404": {"view": "404", **PAGE},
    "two-words": {"view": "two words ä", **PAGE},
    "api": {"view": "api", "status": 200, "headers": {"content-type": "application/json*"}},
    "stream": {"view": "stream", "status": 200, "headers": {"content-type": "text/csv*"}},
    "closed": {"view": "closed", "status": 403},
    "long_title": {"view": "long_title", "status": 200, "contains": "and pans of the shop"},
    "secret": {"view": "secret", "status": 200},
    "ticks": {"view": "ticks", "status": 200},
    "moves": {"view": "moves", "status": 302},
    "hands_over": {"view": "hands_over", "status": 302},
    "prints": {"view": "prints", "status": 200},
    "here": {"view": "here", **PAGE},
}

LEFT = {
    "admin:logout": "not asked: by its name or path (/admin/logout/) it may change something",
    "leaving": "not asked: by its name or path (/sign-out/) it may change something",
    "userLogout": "not asked: by its name or path (/user/logOut/) it may change something",
    "database": "not asked: by its name or path (/reset-database/) it may change something",
    "inbox": "not asked: by its name or path (/inbox/mark-all-read/) it may change something",
    "run": "not asked: by its name or path (/run/) it may change something",
    "hangs": "took longer than 20 s",
    "leaves": "its process ended before the probe did: it exited with status 0",
    "exits": "SystemExit: 0",
    "raises": "KeyError: 'key' (asked: GET /raises/)",
    "busy": "answered 503",
    "post_only": "takes no GET: answered 405",
    "flips": "answered 200, then 202",
}


def files(site):
    """Return the files of a project with their contents."""
    return {path: path.read_bytes() for path in sorted(site.path.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project whose views do all that views do."""
    made = new_project(tmp_path_factory.mktemp("suggest"))
    made.apps += ["django.contrib.admin", "django.contrib.messages", "django.contrib.sessions"]
    made.apps += ["django_probe.contrib.checks", "django_probe.contrib.platform"]
    made.app("shop", "import unittest\nclass TestShop(unittest.TestCase):\n    def test_open(self): pass\n")
    made.write("shop/views.py", VIEWS)
    made.write("site_urls.py", URLS)
    made.configure(SETTINGS)
    return migrated(made)


@pytest.fixture(scope="module")
def suggested(site):
    """What the command prints there; nothing of the project is changed by it."""
    before = files(site)
    done = site.run("probe_suggest", "--timeout", "20s")
    assert done.code == 0, done.err
    assert files(site) == before
    return done


def test_suggestion__expects_what_each_url_answers(suggested):
    """Status, a stable location, another content type than a page's, the title; whatever the project prints."""
    assert "gates: {set: {}}" in suggested.err
    policy = yaml.safe_load(suggested.out)
    assert policy["checks"] == CHECKS
    behind = suggested.out.partition("  # These lead a visitor to the log-in /accounts/login/:\n")[2]
    assert behind.startswith("  account: ")
    assert list(policy["gates"]) == ["deploy"]


def test_suggestion__names_what_it_leaves_out_and_why(suggested):
    """A view that hangs, ends its process, raises or does not take a GET; what is named as if it changed something."""
    told = suggested.out.partition("# Left out:\n")[2].splitlines()
    reasons = [line.removeprefix("#   ").partition(": ")[::2] for line in told if line.startswith("#   ")]
    assert dict(reasons) == {**LEFT}
    assert "# URLs without a name, by which a check could ask for them: 1" in told
    assert "# URL names that need arguments, or that no reverse() finds: " in suggested.out
    assert "# Further pages of an admin, which lead to its log-in: 8" in told


def test_suggestion__has_as_comments_what_a_person_decides(suggested):
    """A view that writes, and a front page without a name."""
    assert "  # writes: {view: writes, database_access: rollback}\n" in suggested.out
    front = f'  # front-page: {{http: /, base: "${{PROBE_BASE_URL}}", status: 200, contains: "{TITLE}"}}\n'
    assert front in suggested.out


def test_suggestion__is_passed_by_the_project_and_closed_by_a_page_that_breaks(site, suggested, tmp_path):
    """Labels, the team's own app too; what has to run; then one view answers 500."""
    path = tmp_path / "probe.yaml"
    path.write_text(suggested.out, encoding="utf-8")
    gate = yaml.safe_load(suggested.out)["gates"]["deploy"]
    assert gate["probes"] == ["checks", "probe_platform", "shop"]
    databases = "probe_platform.TestDatabases.test_each_answers"
    assert gate["require"] == ["checks", databases, "probe_platform.TestMigrations.test_none_is_unapplied"]

    done = site.probe("--policy", str(path), "--gate", "deploy")
    assert done.code == 0, done.err

    done = site.probe("--policy", str(path), "--gate", "deploy", env={"BROKEN": "/shop/"})
    assert done.code == 1
    assert "GET /shop/ (shop:home): status 500, not 200" in done.err


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(0)", "importing the URLconf ended the process: it exited with status 0"),
        ("raise SystemExit(0)", "it does not import: SystemExit: 0"),
    ],
)
def test_urlconf__that_ends_python_is_one_line_and_exit_code_2(project, code, why):
    """Never exit code 0, and nothing on standard output."""
    project.write("site_urls.py", code)
    done = project.run("probe_suggest")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"CommandError: no URL can be asked. site_urls: {why}; mend that, and run this again\n"


def test_catalogue__names_the_apps_that_fit(project):
    """By the settings alone: as lines for INSTALLED_APPS, and as labels to take in."""
    project.write("site_urls.py", "from django.urls import path\nurlpatterns = [path('', lambda r: None, name='a')]\n")
    project.configure(
        """
        MEDIA_ROOT = BASE_DIR / "media"
        STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
        CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        """
    )
    done = project.run("probe_suggest")
    assert done.code == 0, done.err
    for app in ("platform", "http", "staticfiles", "disk", "redis", "channels"):
        assert f'#     "django_probe.contrib.{app}",  # ' in done.out
    assert "celery" not in done.out
    assert "search" not in done.out
    assert "#   a: ValueError: The view" in done.out
    assert yaml.safe_load(done.out) == {"gates": {"deploy": {}}}
