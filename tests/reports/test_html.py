"""The page of a run is one file: it says all that the record says, asks nothing of anybody, and runs nothing."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe

from django_probe.attachments import Attachment
from django_probe.reports import html
from django_probe.results import Earlier
from tests.browsers import chromium
from tests.markup import EVIL, Page

SERIOUS = ("serious", "critical")
SHOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_render__shows_a_problem_with_all_that_helps(run, result):
    """What it is called, why, where, what came before, whom to call, and what it printed."""
    given = run(
        result(
            outcome="failed",
            message="402 != 200",
            details="Traceback of it",
            output="paying",
            attempts=2,
            tags=("smoke",),
            earlier=(Earlier("timeout", "no end after 30s"),),
            title="Pays by card",
            owner="payments",
            runbook="https://runbooks.example/pay",
            file="shop/probes.py",
            line=7,
        ),
        release="v42",
        shard="0/2",
    )

    page = Page(html.render(given))

    assert "Run of gate deploy CLOSED 1 blocking probe did not pass" in page.text
    assert "Release v42 Host pod-x Shard 0/2 Results 1 failed Id 6f0c" in page.text
    assert (
        "failed shop.TestCheckout.test_pay Pays by card 402 != 200 took 51 ms, 2 attempts; tags smoke; "
        "shop/probes.py:7 Owner: payments Runbook attempt 1: timeout: no end after 30s"
    ) in page.text
    assert "Traceback of it" in page.text
    assert "paying" in page.text
    assert [link["href"] for link in page.all("a")] == ["https://runbooks.example/pay"]


def test_render__shows_what_is_attached(run, result):
    """A text can be read, an image seen, other bytes taken; of what says it is an image, only what cannot run."""
    shot = b"\x89PNG\r\n\x1a\n"
    attached = (
        Attachment(EVIL, "text/html", 7, EVIL),
        Attachment("shot", "image/png", 8, shot),
        Attachment(EVIL, "image/svg+xml", 2048, EVIL.encode()),
        Attachment("big", "image/png", 9_000_000, "[left out: 9000000 bytes]"),
    )

    page = Page(html.render(run(result(outcome="failed", attachments=attached), result(attachments=attached[1:2]))))

    assert [image["src"] for image in page.all("img")] == ["data:image/png;base64,iVBORw0KGgo="] * 2
    (link,) = page.all("a")
    assert link["download"] == EVIL
    assert link["href"] == f"data:application/octet-stream;base64,{base64.b64encode(EVIL.encode()).decode()}"
    assert len(page.own["script"]) == 0
    assert "Attached: big (8.6 MiB)[left out: 9000000 bytes]" in page.text
    assert page.text.count(EVIL.strip()) >= 3


def test_render__shows_what_turns_the_reading_as_escapes(run, result):
    """A text that was attached, a traceback or an output cannot read as another than it is."""
    turned = "paid \u202e\x1b[2J 0"
    attached = (Attachment(turned, "text/plain", 9, turned),)
    failed = result(outcome="failed", message=turned, details=turned, logs=turned, output=turned, attachments=attached)

    page = html.render(run(failed, result(message=turned)))

    assert page.count(r"paid \u202e\x1b[2J 0") == 8
    assert "\u202e" not in page


def test_render__of_many_shards_that_attached_much_names_it(run, result):
    """A page of hundreds of megabytes would help nobody."""
    attached = (Attachment("log", "text/plain", 1_000_000, "x" * 1_000_000),)

    page = html.render(run(*(result(outcome="failed", attachments=attached) for _ in range(5))))

    assert page.count("Attached: log (976.6 KiB); the JSON has it") == 5
    assert len(page) < 100_000


def test_render__names_what_was_flaky_and_every_other_result(run, result):
    """Flaky probes with what their first attempt said; what was not run comes before what passed."""
    given = run(
        result("shop.A.test_fine"),
        result("shop.A.test_flaky", attempts=3, earlier=(Earlier("error", "OSError: no"),), owner="storefront"),
        result("shop.A.test_late", "not_run", message="the deadline ended the run first"),
    )

    text = Page(html.render(given)).text

    assert "1 flaky probe Passed after an attempt that was a problem." in text
    assert "shop.A.test_flaky error: OSError: no 3 storefront" in text
    assert text.index("not run shop.A.test_late") < text.index("passed shop.A.test_fine")
    assert "problems" not in text


def test_render__shows_hostile_text_as_text(run, result):
    """Whatever a probe or an environment calls itself: no element, script, style or address of theirs."""
    evil = {"message": EVIL, "details": EVIL, "output": EVIL, "title": EVIL, "owner": EVIL, "runbook": EVIL}
    bad = result(f"{EVIL}.{EVIL}", "failed", file=EVIL, line=1, tags=(EVIL,), attempts=2, **evil)
    flaky = result(EVIL, attempts=2, earlier=(Earlier("failed", EVIL),), owner=EVIL, runbook="javascript:alert(1)")
    page = Page(html.render(run(bad, flaky, gate=EVIL, release=EVIL, host=EVIL, shard=EVIL, id=EVIL)))

    assert [len(page.own["script"]), len(page.own["style"])] == [0, 1]
    assert not [tag for tag, _ in page.elements if tag in ("img", "script", "form", "a")]
    assert not [has for _, has in page.elements if any(name.startswith("on") or name == "style" for name in has)]
    assert [has["href"] for tag, has in page.elements if tag == "link"] == ["data:,"]
    assert EVIL in page.text


@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_render__has_room_for_ten_thousand(run, result, outcome):
    """A page of 10,000 long results stays under 10 MB; what is left out is said, and no label is."""
    long = {"message": "402 != 200 " * 30, "details": "line\n" * 5_000, "output": "<p>\n" * 5_000, "owner": "payments"}
    given = [
        result(f"load.probes.TestShopOfThings{n // 100}.test_does_what_it_should_{n:05}", outcome, **long)
        for n in range(10_000)
    ]

    page = html.render(run(*given))

    assert len(page.encode()) < 10_000_000
    assert len(set(re.findall(r"test_does_what_it_should_\d{5}", page.replace("<wbr>", "")))) == 10_000
    assert ("The first 1,000 are here; the others are in the table below" in page) is (outcome == "failed")


def test_render__needs_no_settings_of_django():
    """A program outside the application makes it too, whatever DJANGO_SETTINGS_MODULE names."""
    code = (
        "import sys; from datetime import UTC, datetime; from django_probe.reports import html;"
        "from django_probe.results import *; now = datetime.now(UTC);"
        "long = 'it never began ' * 99; tried = (Earlier('error', long),);"
        "known = dict(started_at=now, earlier=tried, line=7, file='a');"
        "bad = ProbeResult('startup', 'error', message=long, details=long, **known);"
        "ok = ProbeResult('shop.A.test_a', 'passed', attempts=2, earlier=tried, message=long);"
        "print(html.render(ProbeRun('r1', 'deploy', now, now, 0, (bad, ok))))"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "no_such_module"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "it never began" in done.stdout


def test_page__is_for_everybody_and_asks_nothing_of_the_network(run, result, tmp_path):
    """Without a network, light and dark, on a phone: axe calls nothing serious."""
    attached = (
        Attachment("shot.png", "image/png", len(SHOT), SHOT),
        Attachment("page.html", "text/plain", 8, "<b>z</b>"),
        Attachment("dump.bin", "application/octet-stream", 2, b"\x00\xff"),
    )
    told = {"message": "x" * 300, "details": "y" * 300, "owner": "a", "attachments": attached}
    bad = result("shop." + "L" * 80 + ".test_pay", "failed", **told)
    (tmp_path / "run.html").write_text(html.render(run(bad, result(attempts=2))), encoding="utf-8")
    asked, said, found = [], [], []
    with chromium() as browser:
        for scheme, width in (("light", 1280), ("dark", 360)):
            context = browser.new_context(
                color_scheme=scheme, viewport={"width": width, "height": 800}, offline=True, bypass_csp=False
            )
            page = context.new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.on("console", lambda message: said.append(message.text))
            page.goto((tmp_path / "run.html").as_uri())
            page.get_by_text("Traceback", exact=True).click()
            assert page.get_by_text("y" * 300).is_visible()
            page.get_by_text("Attached: page.html").click()
            assert page.get_by_text("<b>z</b>", exact=True).is_visible()
            assert page.evaluate("document.images[0].naturalWidth") == 1
            with page.expect_download() as download:
                page.get_by_text("dump.bin", exact=True).click()
            assert (download.value.suggested_filename, download.value.path().read_bytes()) == ("dump.bin", b"\x00\xff")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            found += [each for each in violations if each["impact"] in SERIOUS]

    assert {url.partition(",")[0] for url in asked} <= {
        (tmp_path / "run.html").as_uri(),
        "data:image/png;base64",
        "data:application/octet-stream;base64",
    }
    assert (said, found) == ([], [])
