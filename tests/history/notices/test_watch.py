"""Web processes tell what no command could: of lost runs, of what was not delivered; once, however many there are."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

from tests.history.notices.sinks import mail, webhook
from tests.history.notices.test_messenger import NOTICES, PROBES
from tests.history.recorded import ask, probe
from tests.history.serving import new_site, with_token
from tests.patience import wait_for
from tests.projects import migrated
from tests.webservers import gunicorn

POLICY = """\
gates:
  deploy:
    probes: [shop]
    notify:
      - url_env: PROBE_NOTIFY_URL
      - url_env: PROBE_NOTIFY_MAIL
"""
LOSE = """
run = ProbeRun("lost-run", "deploy", datetime.now(UTC), datetime.now(UTC), 0, ())
key = store.begin(run, trigger="", labels=(), narrowed=False)
back(60, pk=key)
told(key=key)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site whose gate has a webhook and a mail address."""
    return migrated(new_site(tmp_path_factory.mktemp("watch"), policy=POLICY, probes=PROBES))


def forget(site):
    """Empty the history."""
    models = ("Run", "Notice", "Standing")
    ask(site, NOTICES + "".join(f"{model}.objects.all().delete()\n" for model in models) + "told(done=True)")


def test_two_web_processes_and_commands__tell_everything_once(site):
    """A closing that the receiver did not take at first, an opening, and a run that is lost: by webhook and by mail."""
    with ExitStack() as stack:
        hook, mails = stack.enter_context(webhook()), stack.enter_context(mail())
        env = {"PROBE_NOTIFY_URL": hook.url, "PROBE_NOTIFY_MAIL": mails.url}
        servers = [stack.enter_context(gunicorn(site, env=env)) for _ in range(2)]
        for server in servers:
            assert server.ask("/probe/ready/").status == 200  # as kubelet does: the watch starts with it
        hook.status = 503
        broken = site.write("shop/broken", "")
        # The command knows the webhook alone: mail is up to the web processes.
        probe(site, 1, "--gate", "deploy", PROBE_NOTIFY_URL=hook.url)
        wait_for(lambda: hook.refused, "a refused attempt")
        hook.status = 200
        wait_for(lambda: hook.changes == ["closed"] and len(mails.taken) == 1, lambda: (hook.changes, mails.taken))
        broken.unlink()
        probe(site, 0, "--gate", "deploy", PROBE_NOTIFY_URL=hook.url)
        wait_for(lambda: len(hook.changes) == len(mails.taken) == 2, lambda: (hook.changes, mails.taken))
        ask(site, LOSE)
        wait_for(lambda: len(hook.changes) == len(mails.taken) == 3, lambda: (hook.changes, mails.taken))
        page = with_token(servers[0]).get("", Accept="text/html").body
        count = NOTICES + "told(left=Notice.objects.filter(delivered_at=None).count())"
        wait_for(lambda: ask(site, count)["left"] == 0, "what arrived to be marked so")
    assert hook.changes == ["closed", "opened", "lost"]
    assert all("Subject: " in text and "To: ops@shop.example" in text for text in mails.taken)
    assert "did not arrive" not in page


def test_silence__is_kept_with_who_and_why_and_tells_nobody_meanwhile(site):
    """What is different when it ends is told then; the gate's page and the API show it."""
    ask(
        site,
        NOTICES
        + "Run.objects.all().delete(); Notice.objects.all().delete(); Standing.objects.all().delete(); told(a=1)",
    )
    with ExitStack() as stack:
        hook = stack.enter_context(webhook())
        env = {"PROBE_NOTIFY_URL": hook.url, "PROBE_NOTIFY_MAIL": f"{hook.url}/mail"}
        server = stack.enter_context(gunicorn(site, env=env))
        caller = with_token(server)
        probe(site, 0, "--gate", "deploy", **env)
        path = "gates/deploy/silence/"
        none = {"gate": "deploy", "silenced": False, "since": None, "until": None, "by": None, "why": None}
        assert json.loads(caller.get(path).body) == none
        asked = caller.ask(
            "POST", path, json.dumps({"for": "2h", "why": "we move house"}), Content_Type="application/json"
        )
        said = json.loads(asked.body)
        assert (asked.status, said["silenced"], said["why"]) == (200, True, "we move house")
        broken = site.write("shop/broken", "")
        probe(site, 1, "--gate", "deploy", **env)
        page = caller.get("gates/deploy/", Accept="text/html").body
        assert "Nobody is told of this gate until" in page
        assert "we move house" in page
        assert "End the silence" in page
        assert hook.taken == []
        for body, sentence in [
            ({}, "expected either until"),
            ({"for": "2h"}, "why: say why nobody is to be told; others read it"),
            ({"for": "8d", "why": "x"}, "for: expected a duration"),
            ({"until": "tomorrow", "why": "x"}, "until: expected a time with its zone"),
            ({"until": "2026-12-01T06:00", "why": "x"}, "until: expected a time with its zone"),
            ({"until": "2999-01-01T00:00Z", "why": "x"}, "a gate can be silenced for 7 days at the most"),
            ({"who": "me"}, "'who' is no field here; there are until, for, why"),
        ]:
            refused = caller.ask("POST", path, json.dumps(body), Content_Type="application/json")
            assert refused.status == 400
            assert json.loads(refused.body)["error"].startswith(sentence)
        assert with_token(server, "view-0123456789-abcdefghi").ask("POST", path, "for=0").status == 403
        assert caller.get("gates/nothing/silence/").status == 404
        ended = caller.ask("POST", path, "for=0", Content_Type="application/x-www-form-urlencoded")
        assert json.loads(ended.body)["silenced"] is False
        assert server.log.count("the gate deploy is silenced until ") == 1
        assert "the gate deploy is not silenced any more, by token" in server.log
        probe(site, 1, "--gate", "deploy", **env)
        # The mail's URL is the webhook's too: both recipients are told of one event.
        wait_for(lambda: hook.changes == ["closed"], lambda: hook.changes)
        broken.unlink()


def test_undelivered__is_a_line_on_the_status_page_and_a_metric(site):
    """Both say so until it arrives, and show nothing of the URL."""
    ask(
        site,
        NOTICES
        + "Run.objects.all().delete(); Notice.objects.all().delete(); Standing.objects.all().delete(); told(a=1)",
    )
    broken = site.write("shop/broken", "")
    probe(site, 1, "--gate", "deploy")
    broken.unlink()
    with gunicorn(site) as server:
        caller = with_token(server)
        page = caller.get("", Accept="text/html").body
        assert "2 notices of the gate deploy did not arrive" in page
        assert "PROBE_NOTIFY_MAIL: this environment variable is not set in the process that tried" in page
        assert 'django_probe_notices_undelivered{gate="deploy"} 2.0' in caller.get("metrics/", Accept="text/plain").body
