"""The history in Django's admin: for those who may see it, to look at, and quick when it is long."""

from __future__ import annotations

import pytest

from tests.history.recorded import ask, new_site, probe

SETTINGS = """
INSTALLED_APPS += ["django.contrib.admin", "django.contrib.messages", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
STATIC_URL = "static/"
"""
URLS = """\
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
"""
BROWSE = """
import html, re
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.test.utils import CaptureQueriesContext, setup_test_environment
setup_test_environment()  # an answer has the context of its template then

def browser(*permissions, root=False):
    user = User.objects.create(username=f"user{User.objects.count()}", is_staff=True, is_superuser=root)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client

def get(client, path, data=None):
    return client.get(f"/admin/probe_history/{path}", data)

def ids(answer):
    return [row.run_id for row in answer.context["cl"].result_list]

def cells(answer):
    rows = re.findall(r"<tr.*?</tr>", answer.content.decode(), re.DOTALL)
    found = [dict(re.findall(r'class="field-(\\w+)[^"]*">(.*?)</t[dh]>', row, re.DOTALL)) for row in rows]
    return [row for row in found if row]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with its admin, a run that passed, one that closed, one that goes on and one that is lost."""
    made = new_site(tmp_path_factory.mktemp("admin") / "site", SETTINGS)
    made.write("site_urls.py", URLS)
    probe(made, 0, PROBE_RUN_ID="passed", PROBE_RELEASE="v41", PROBE_TRIGGER="helm")
    probe(made, 1, PROBE_RUN_ID="closed", PROBE_RELEASE="v42", PROBE_TRIGGER="helm", BROKEN="1")
    ask(
        made,
        """
        store.prepare("other", "lost")
        back(31, run_id="lost")
        store.prepare("other", "going")
        back(-86400, run_id="going")
        told()
        """,
    )
    return made


def test_runs__are_listed_with_how_they_ended(site):
    """The latest first: whether it passed, where it stands, what it was of and what started it; filters and search."""
    got = ask(
        site,
        BROWSE
        + """
client = browser("view_run")
listed = get(client, "run/")
told(ids=ids(listed), cells=cells(listed),
     deploy=ids(get(client, "run/", {"gate": "deploy"})), closed=ids(get(client, "run/", {"exit_code": 1})),
     by_http=ids(get(client, "run/", {"trigger": "http"})), found=ids(get(client, "run/", {"q": "v42"})),
     by_id=ids(get(client, "run/", {"q": "passed"})))
""",
    )
    assert got["ids"] == ["going", "lost", "closed", "passed"]
    states = [(row["passed"].partition('alt="')[2].partition('"')[0], row["state"]) for row in got["cells"]]
    assert states == [("None", "running"), ("None", "lost"), ("False", "finished"), ("True", "finished")]
    assert [row["release"] for row in got["cells"]][2:] == ["v42", "v41"]
    assert (got["deploy"], got["closed"]) == (["closed", "passed"], ["closed"])
    assert (got["by_http"], got["found"], got["by_id"]) == (["going", "lost"], ["closed"], ["passed"])


def test_results__are_those_of_a_run(site):
    """Each run leads to its results, which can be filtered and searched; a result shows its traceback."""
    got = ask(
        site,
        BROWSE
        + """
client = browser("view_run", "view_result")
row = cells(get(client, "run/", {"q": "closed"}))[0]["its_results"]
url = html.unescape(re.search('href="([^"]+)"', row)[1]).removeprefix("/admin/probe_history/")
listed = get(client, url)
failed = get(client, url + "&outcome=failed&q=sells")
(only,) = failed.context["cl"].result_list
told(listed=sorted(each.label for each in listed.context["cl"].result_list), failed=only.label,
     page=get(client, f"result/{only.pk}/change/").content.decode(),
     run=get(client, f"run/{only.run_id}/change/").status_code,
     everything=len(get(client, "result/").context["cl"].result_list))
""",
    )
    assert got["listed"] == ["shop.TestShop.test_opens", "shop.TestShop.test_sells"]
    assert got["failed"] == "shop.TestShop.test_sells"
    assert "Traceback" in got["page"]
    assert (got["run"], got["everything"]) == (200, 4)


def test_nobody__changes_what_was_said(site):
    """No adding, no changing, no deleting, by a superuser either; nothing to see without the permission to view."""
    got = ask(
        site,
        BROWSE
        + """
root, nobody = browser(root=True), browser()
pk = Run.objects.get(run_id="closed").pk
before = list(Run.objects.values()), list(Result.objects.values())
said = [root.get(f"/admin/probe_history/{model}/add/").status_code for model in ("run", "result")]
for path in (f"run/{pk}/delete/", f"run/{pk}/change/"):
    said.append(root.post(f"/admin/probe_history/{path}", {"post": "yes", "gate": "mine"}).status_code)
root.post("/admin/probe_history/run/", {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
page = get(root, f"run/{pk}/change/").content.decode()
told(said=said, nobody=[get(nobody, path).status_code for path in ("run/", "result/", f"run/{pk}/change/")],
     same=before == (list(Run.objects.values()), list(Result.objects.values())), inputs='name="_save"' in page)
""",
    )
    assert got == {"said": [403, 403, 403, 403], "nobody": [403, 403, 403], "same": True, "inputs": False}


def test_lists__do_not_read_a_long_history(site):
    """Over 12,000 results no list counts them all or sorts them, and each takes as many queries as over a few."""
    got = ask(
        site,
        BROWSE
        + """
client = browser(root=True)
run = Run.objects.get(run_id="closed").pk
paths = ("run/", "result/", f"result/?run__id__exact={run}", "result/?p=3")
def look():
    with CaptureQueriesContext(connection) as queries:
        statuses = [get(client, path).status_code for path in paths]
    return statuses, len(queries), [each["sql"] for each in queries]
look()
few = look()
old = Run.objects.create(run_id="old", gate="deploy", started_at=datetime.now(UTC), heartbeat_at=datetime.now(UTC))
Result.objects.bulk_create((Result(run=old, label=f"shop.T.test_{n}", outcome="passed") for n in range(12_000)), 2000)
many = look()
counted = [get(client, path).context["cl"].result_count for path in ("result/", f"result/?run__id__exact={old.pk}")]
unlimited = [sql for sql in many[2] if "COUNT(" in sql and "probe_history_re" in sql and "LIMIT 10000" not in sql]
told(few=few[:2], many=many[:2], counted=counted, unlimited=unlimited)
""",
    )
    assert got["few"][0][:3] == got["many"][0][:3] == [200, 200, 200]
    assert got["many"][1] <= got["few"][1] + 1  # a third page is there then, and is read
    assert got["counted"] == [10_000, 10_000]
    assert got["unlimited"] == []
