"""A person at the pages: headless Chromium, real gunicorn, real runs."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browsers import chromium
from tests.history import recorded
from tests.history.serving import POLICY, new_site
from tests.projects import migrated, python
from tests.webservers import gunicorn

expect.set_options(timeout=15_000)
PASSWORD = "correct horse battery staple"
LOGIN = """
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "login"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [BASE_DIR / "pages"]}]
"""
LOGIN_PAGE = """\
<!doctype html><html lang="en"><title>Log in</title><link rel="icon" href="data:,">
<form method="post">{% csrf_token %}{{ form }}<button>Log in</button></form></html>
"""
URLS = """\
from django.contrib.auth.views import LoginView
from django.urls import include, path

urlpatterns = [
    path("probe/", include("django_probe.urls")),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
]
"""
LONG = "a_name_that_somebody_wrote_without_thinking_of_phones_" * 3
EVIL = "odd/../\"'><img src=x onerror=alert(1)></script><script>alert(2)</script>"
# A month of a gate that fails now and then, a lost run, a run that goes on, a sharded one, and one that is hostile.
HISTORY = f"""
from datetime import UTC, datetime, timedelta
from django.contrib.auth.models import User
from django_probe.history.storage import store
from django_probe.history.models import Run
from django_probe.results import Outcome, ProbeResult, ProbeRun

User.objects.create_superuser("ann", password={PASSWORD!r})
NOW, EVIL, LONG = datetime.now(UTC), {EVIL!r}, {LONG!r}
OUTCOMES = {{"down": Outcome.FAILED, "hangs": Outcome.TIMEOUT, "breaks": Outcome.ERROR, "skips": Outcome.SKIPPED}}

def ran(gate, run_id, minutes, names, ends=True, **more):
    start = NOW - timedelta(minutes=minutes)
    results = tuple(
        ProbeResult(f"shop.checkout.TestPayment.test_{{name}}", OUTCOMES.get(name, Outcome.PASSED), name != "hangs",
                    start, 0.1, message=EVIL + LONG if name in OUTCOMES else "",
                    details=EVIL * 50 if name in OUTCOMES else "", output=EVIL * 50, tags=(EVIL,)) for name in names)
    run = ProbeRun(run_id, gate, start, start + timedelta(seconds=20), len(results), results, release="v42",
                   host="pod-" + "long-" * 12, **more)
    key = store.begin(run, trigger="cronjob", labels=[EVIL], narrowed=gate == "stock")
    if ends:
        store.finish(key, run)
    return key

good = [f"a_name_that_a_person_gave_number_{{n}}" for n in range(4)]
for day in range(29, 0, -1):
    ran("checkout", f"day-{{day}}", day * 1440, [*good, "wavers" if day % 3 else "down", "skips"])
ran("checkout", "shards", 60, [*good, "down", "hangs", "breaks"], shard="0/2")
lost = ran("checkout", "shards", 60, [], shard="1/2", ends=False)
Run.objects.filter(pk=lost).update(heartbeat_at=NOW - timedelta(minutes=50))
ran("stock", EVIL, 5, ["down"])
ran("retired", "f" * 32, 2, ["down", "skips", LONG])
ran("retired", "e" * 32, 1, ["again", "skips", LONG])
Run.objects.filter(run_id="e" * 32).update(rerun_of="f" * 32)
"""
PAGES = {
    "status": "",
    "gate": "gates/checkout/?days=30&runs=100",
    "gate that never ran": "gates/deploy/",
    "gate that is no more": "gates/retired/",
    "nothing found": "gates/checkout/?probe=nothing&problems=1",
    "run": "runs/shards/",
    "run of our own": "runs/ffffffffffffffffffffffffffffffff/",
    "hostile run": f"runs/{quote(EVIL, safe='')}/",
    "running": "runs/running/",
    "comparison": "compare/?from=day-2&to=shards&gate=checkout",
    "notice": "runs/nothing/",
}

# Axe applies all its rules, but writes no report of all that is right: that takes as long as the rules. In the dark
# only colours are others.
VIOLATIONS = {"resultTypes": ["violations"]}
RULES = {"light": VIOLATIONS, "dark": VIOLATIONS | {"runOnly": ["color-contrast"]}}
# What is wider than the box that it stands in; tables may be, where one can scroll them.
TOO_WIDE = """
() => [...document.querySelectorAll("main :is(div, section, article, li, p, dl, dd, td, th, h1, h2, h3, figure)")]
  .filter(each => each.scrollWidth > each.clientWidth + 1)
  .filter(each => !each.matches(".hidden, .scroll:not(:has(.runs, .results))"))
  .map(each => each.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with a month of history and a page to log in."""
    made = new_site(tmp_path_factory.mktemp("browser"), LOGIN)
    made.write("site_urls.py", URLS)
    made.write("pages/login.html", LOGIN_PAGE)
    done = python(migrated(made), HISTORY)
    assert done.code == 0, done.err
    return made


@pytest.fixture(scope="module")
def url(site):
    """Where gunicorn serves it."""
    with gunicorn(site, "--threads", "4") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def session(browser, url):
    """The cookies of somebody who logged in."""
    context = browser.new_context()
    page = context.new_page()
    log_in(page, f"{url}/probe/gates/checkout/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def new_page(browser, session):
    """Yield new pages, of a logged-in person unless told otherwise, on which nothing may go wrong unnoticed."""
    contexts, said = [], []

    def make(**options):
        contexts.append(browser.new_context(**{"storage_state": session, **options}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.set_default_timeout(15_000)
        return page

    yield make
    for context in contexts:
        context.close()
    # Chromium notes answers that are no 2xx: what a closed gate, an unknown run and the anonymous are to get.
    assert [text for text in said if not text.startswith("Failed to load resource: the server responded")] == []


def log_in(page, address):
    """Go to a page that wants to know who asks, and log in there."""
    assert page.goto(address).status == 401
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(address)


def test_a_person__runs_a_gate_reads_its_failure_and_runs_only_that_again(new_page, site, url):
    """Log in, start a run, watch it go on, read why it failed, mend that, run it again, and see the gate open."""
    site.write("shop/broken", "pay")
    site.write("shop/slow", "4")
    page = new_page(storage_state=None)
    log_in(page, f"{url}/probe/gates/deploy/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Gate deploy NEVER RAN")
    page.get_by_role("button", name="Run the gate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run of gate deploy RUNNING")
    expect(page.get_by_text("1 of 3 done, 1 with problems")).to_be_visible()
    assert page.get_by_role("progressbar").evaluate("bar => [bar.value, bar.max]") == [1, 3]
    expect(page.get_by_role("heading", level=1)).to_have_text("Run of gate deploy CLOSED")
    problem = page.get_by_role("article")
    expect(problem.get_by_text("402 is not 200").first).to_be_visible()
    expect(problem.get_by_text("AssertionError")).to_be_hidden()
    problem.get_by_text("Traceback", exact=True).click()
    expect(problem.get_by_text("AssertionError")).to_be_visible()
    closed = page.url

    (site.path / "shop/broken").unlink()
    (site.path / "shop/slow").unlink()
    page.get_by_role("button", name="Run only the failed again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run of gate deploy PASSED")
    assert page.url != closed
    expect(page.get_by_role("row").filter(has_text="passed")).to_have_count(1)
    page.get_by_role("navigation", name="Where you are").get_by_role("link", name="deploy").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gate deploy PASSED")
    expect(page.get_by_text("This was a re-run of what failed in run")).to_be_visible()


def test_a_person__needs_no_javascript(new_page, url):
    """Runs are started, refreshed and downloaded, and probes and results filtered, by links and forms alone."""
    page = new_page(java_script_enabled=False)
    page.goto(f"{url}/probe/gates/stock/")
    page.get_by_label("or only these labels").fill("shop.TestStock.test_counts")
    page.get_by_role("button", name="Run a part").click()
    page.wait_for_url("**/runs/*/")
    while "RUNNING" in page.get_by_role("heading", level=1).inner_text():
        page.wait_for_timeout(500)  # a page costs more to show than the run takes
        with page.expect_navigation():
            page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run of gate stock PASSED")
    expect(page.get_by_text("A part of the gate, chosen by hand")).to_be_visible()

    page.goto(f"{url}/probe/gates/checkout/")
    page.get_by_label("only with problems").check()
    page.get_by_role("combobox", name="Runs").select_option("100")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".heat li")).to_have_count(3)
    page.get_by_label("Probe", exact=True).fill("HANGS")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".heat li")).to_have_count(1)

    page.goto(f"{url}/probe/runs/shards/")
    for link, name in {"JUnit": "probe-shards.xml", "JSON": "probe-shards.json", "Markdown": "probe-shards.md"}.items():
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        assert download.value.suggested_filename == name
        assert "test_breaks" in download.value.path().read_text(encoding="utf-8")
    page.get_by_label("Outcome").select_option("timeout")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("1 to 1 of 1", exact=True)).to_be_visible()


def test_a_person__needs_no_mouse(new_page, url):
    """The first Tab is a way past the navigation, what has the focus shows it, and Enter starts a run."""
    page = new_page()
    page.goto(f"{url}/probe/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.get_by_role("button", name="Run stock").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Run of gate stock PASSED")


def test_a_person__sees_why_nothing_can_be_run(new_page, site, url):
    """A gate that was removed has no button; while the policy cannot be read none has, and its mistake is told."""
    page = new_page()
    page.goto(f"{url}/probe/")
    removed = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="retired"))
    expect(removed.get_by_text("Not in this server's policy")).to_be_visible()
    expect(removed.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("button")).to_have_count(4)
    try:
        site.write("probe.yaml", "gates: {deploy: {timout: 3s}}\n")
        for path in ("", "gates/checkout/"):
            page.goto(f"{url}/probe/{path}")
            expect(page.get_by_text("The policy of this server cannot be read: ")).to_contain_text("timeout")
            expect(page.get_by_role("button").filter(has_text="Run")).to_have_count(0)
        assert page.goto(f"{url}/probe/gates/idle/").status == 404
    finally:
        site.write("probe.yaml", POLICY)


def test_pages__keep_nobody_out(new_page, site, url):
    """Axe calls nothing on any page serious, on phones nothing leaves its box, and hostile text stays text."""
    recorded.ask(
        site,
        """
        from django.db.models.functions import Now
        Run.objects.filter(run_id="running").delete()
        known = dict(started_at=Now(), total=40, done=13)
        tomorrow = datetime.now(UTC) + timedelta(days=1)  # when it would count as lost, and its page would load anew
        Run.objects.create(run_id="running", gate="checkout", heartbeat_at=tomorrow, **known)
        told()
        """,
    )
    page, axe = new_page(), Axe()
    for name, path in PAGES.items():
        assert page.goto(f"{url}/probe/{path}").headers["content-security-policy"].startswith("default-src 'none'")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for width, height in ((320, 740), (360, 740), (1280, 900)):
            page.set_viewport_size({"width": width, "height": height})
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over == 0, (name, width)
            assert page.evaluate(TOO_WIDE) == [], (name, width)
        for scheme, rules in RULES.items():
            page.emulate_media(color_scheme=scheme)
            found = axe.run(page, options=rules).response["violations"]
            serious = [
                (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")
            ]
            assert serious == [], (name, scheme)
