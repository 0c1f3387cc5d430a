"""A command tells its gate's recipients what changed, when its reports are out; nothing of it changes the verdict."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket

import pytest

from tests.history.notices.sinks import webhook
from tests.history.recorded import ask, new_site, probe
from tests.patience import PATIENCE

KEY = "key-of-the-webhook"
PUBLIC = "https://shop.example/probe/"
SETTINGS = f"PROBE_PUBLIC_URL = {PUBLIC.rstrip('/')!r}\n"
POLICY = """\
gates:
  deploy:
    probes: [shop]
    owners: {{shop: storefront}}
    notify:
      - url_env: PROBE_NOTIFY_URL
        on: [{on}]
        secret_env: PROBE_NOTIFY_KEY
"""
PROBES = """\
import unittest
from pathlib import Path

HERE = Path(__file__).parent


class TestShop(unittest.TestCase):
    def test_opens(self):
        pass

    def test_sells(self):
        self.assertFalse((HERE / "broken").exists(), "402 is not 200")

    def test_wavers(self):
        if (HERE / "wavers").exists():
            (HERE / "wavers").rename(HERE / "steady")
            self.fail("not yet")
"""
NOTICES = """
from django_probe import conf
from django_probe.history.notices.delivery import delivery
from django_probe.history.models import Notice, Standing
"""


def made(folder, on="closed, opened, lost, flaky", more=""):
    """Make a site whose gate tells a webhook."""
    site = new_site(folder / "site", SETTINGS + more, PROBES)
    site.write("probe.yaml", POLICY.format(on=on))
    return site


@pytest.fixture
def site(tmp_path):
    """A site of the test's own."""
    return made(tmp_path)


def arrived(site, sink, changes, env):
    """Check what came; on a loaded machine a command may not be done within its two seconds."""
    if sink.changes != changes:
        deliver = "list(delivery.deliver([conf.policy().gate('deploy')]))"
        due = "Notice.objects.filter(delivered_at=None).update(due_at=datetime.now(UTC))"
        ask(site, f"{NOTICES}\n{due}\n{deliver}\ntold(done=True)", env)
    assert sink.changes == changes


def rows(site):
    """Return the outbox: of each notice what it tells, whether it was delivered, how often it was tried, why not."""
    return ask(
        site,
        NOTICES + "told(rows=[[n.change, n.delivered_at is not None, n.attempts, n.trouble]"
        " for n in Notice.objects.order_by('pk')])",
    )["rows"]


def test_a_closing_and_an_opening__are_told_once_each(site):
    """Not the runs between that say the same, nor a part of the gate; an event says which run, why, and where it is."""
    with webhook() as sink:
        env = {"PROBE_NOTIFY_URL": sink.url, "PROBE_NOTIFY_KEY": KEY}
        probe(site, 0, "--gate", "deploy", **env)
        broken = site.write("shop/broken", "")
        assert sink.taken == []
        probe(site, 1, "--gate", "deploy", "--json", "run.json", **env)
        arrived(site, sink, ["closed"], env)
        probe(site, 1, "--gate", "deploy", **env)
        broken.unlink()
        probe(site, 0, "--gate", "deploy", "shop.TestShop.test_opens", **env)
        assert sink.changes == ["closed"]
        probe(site, 0, "--gate", "deploy", PROBE_RELEASE="v42", **env)
        probe(site, 0, "--gate", "deploy", **env)
        arrived(site, sink, ["closed", "opened"], env)
    closed, opened = sink.events
    record = json.loads((site.path / "run.json").read_text(encoding="utf-8"))
    event = closed.event
    assert closed.headers["Content-Type"].startswith("application/cloudevents+json")
    signed = hmac.new(KEY.encode(), closed.body, hashlib.sha256).hexdigest()
    assert closed.headers["X-Probe-Signature"] == f"sha256={signed}"
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "django_probe.gate.closed", "deploy")
    assert event["source"] == f"{PUBLIC}gates/deploy/"
    told = event["data"]
    for key in ("id", "counts", "passed", "exit_code", "started_at", "finished_at"):
        assert told["run"][key] == record[key]
    assert told["run"]["url"] == f"{PUBLIC}runs/{record['id']}/"
    assert told["run"]["reason"] == "1 blocking probe did not pass"
    (problem,) = told["problems"]
    assert problem["label"] == "shop.TestShop.test_sells"
    assert "402 is not 200" in problem["message"]
    assert problem["owner"] == "storefront"
    assert (opened.event["type"], opened.event["data"]["run"]["release"]) == ("django_probe.gate.opened", "v42")
    assert opened.event["id"] != event["id"]


def test_what_the_receiver_did_not_take__is_told_afterwards_once_and_in_order(site):
    """The verdict stays, one line says why, the next command tries again; an opening waits for the closing."""
    with webhook() as sink:
        sink.status = 503
        env = {"PROBE_NOTIFY_URL": sink.url, "PROBE_NOTIFY_KEY": KEY}
        broken = site.write("shop/broken", "")
        done = probe(site, 1, "--gate", "deploy", **env)
        assert "notify: not delivered: PROBE_NOTIFY_URL: it answered 503; it is tried again" in done.err.splitlines()
        assert rows(site) == [["closed", False, 1, "it answered 503"]]
        sink.status = 200
        broken.unlink()
        probe(site, 0, "--gate", "deploy", **env)
        assert sink.taken == []  # the closing is not due yet
        ask(site, NOTICES + "told(n=Notice.objects.update(due_at=datetime.now(UTC)))")
        probe(site, 0, "--gate", "deploy", **env)
        arrived(site, sink, ["closed", "opened"], env)
        assert [row[:2] for row in rows(site)] == [["closed", True], ["opened", True]]


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect__is_not_followed(site, status):
    """What the URL's owner did not name gets nothing."""
    with webhook() as sink:
        sink.status = status
        site.write("shop/broken", "")
        done = probe(site, 1, "--gate", "deploy", PROBE_NOTIFY_URL=sink.url, PROBE_NOTIFY_KEY=KEY)
        assert f"it answered {status}, and redirects are not followed" in done.err
        assert (sink.refused, sink.taken) == (1, [])


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({}, "PROBE_NOTIFY_URL: this environment variable is not set in the process that tried"),
        ({"PROBE_NOTIFY_URL": "hush-hush-hush"}, "PROBE_NOTIFY_URL: it is no URL"),
        ({"PROBE_NOTIFY_URL": "ftp+cloudevents://hush-hush"}, "PROBE_NOTIFY_URL: a webhook's URL begins with http+cl"),
        ({"PROBE_NOTIFY_URL": "http+cloudevents://127.0.0.1:hush"}, "PROBE_NOTIFY_URL: InvalidURL"),
        ({"PROBE_NOTIFY_URL": "http+cloudevents://127.0.0.1:1/hush"}, "PROBE_NOTIFY_URL: Connection refused"),
        ({"PROBE_NOTIFY_URL": "http+cloudevents://a:hush@127.0.0.1:1/"}, "PROBE_NOTIFY_URL: Connection refused"),
        ({"PROBE_NOTIFY_URL": "mailto://a:hush@127.0.0.1"}, "PROBE_NOTIFY_URL: secret_env signs webhooks alone"),
    ],
)
def test_what_cannot_be_delivered__is_one_line_without_the_url(site, env, sentence):
    """Nothing of the URL is in the console, nor in the outbox, which the status page shows."""
    site.write("shop/broken", "")
    done = probe(site, 1, "--gate", "deploy", PROBE_NOTIFY_KEY=KEY, **env)
    (line,) = [line for line in done.err.splitlines() if line.startswith("notify:")]
    assert line.startswith(f"notify: not delivered: {sentence}")
    assert "hush" not in done.err
    assert "hush" not in str(rows(site))


def test_a_receiver_that_is_silent__holds_the_command_for_two_seconds(site):
    """The reports are out before; what was on its way then is tried again by whoever comes next."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        site.write("shop/broken", "")
        url = f"http+cloudevents://127.0.0.1:{deaf.getsockname()[1]}/"
        done = probe(site, 1, "--gate", "deploy", PROBE_NOTIFY_URL=url, PROBE_NOTIFY_KEY=KEY)
    lines = done.err.splitlines()
    assert lines[-1] == "notify: not delivered: PROBE_NOTIFY_URL: no answer within 2s; it is tried again"
    assert lines[-2].startswith("gate deploy: CLOSED (exit 1)")
    assert rows(site) == [["closed", False, 1, "no answer within 2s"]]


def test_flaky__is_told_when_a_gate_begins_to_be(site):
    """Not again while it stays so, and as an opening where it was closed; whoever wants no such news hears none."""
    site.write("probe.yaml", POLICY.format(on="closed, opened, flaky").replace("probes: [shop]", "retries: 1"))
    with webhook() as sink:
        env = {"PROBE_NOTIFY_URL": sink.url, "PROBE_NOTIFY_KEY": KEY}
        for _ in range(2):
            site.write("shop/wavers", "")
            probe(site, 0, "--gate", "deploy", "--retry-delay", "0", **env)
        arrived(site, sink, ["flaky"], env)
        assert sink.taken[0].event["data"]["flaky"] == ["shop.TestShop.test_wavers"]
        broken = site.write("shop/broken", "")
        probe(site, 1, "--gate", "deploy", "--retry-delay", "0", **env)
        broken.unlink()
        site.write("shop/wavers", "")
        probe(site, 0, "--gate", "deploy", "--retry-delay", "0", **env)
        arrived(site, sink, ["flaky", "closed", "opened"], env)


def test_shards__tell_once_when_the_last_has_ended(site):
    """A shard that closes the gate says so when the run is over, whichever of them ends last."""
    site.write("shop/broken", "")
    with webhook() as sink:
        env = {"PROBE_NOTIFY_URL": sink.url, "PROBE_NOTIFY_KEY": KEY, "PROBE_RUN_ID": "build-7"}
        first, second = (site.probe("--gate", "deploy", "--shard", f"{shard}/2", env=env) for shard in (0, 1))
        assert {first.code, second.code} == {0, 1}
        arrived(site, sink, ["closed"], env)
    assert sink.taken[0].event["data"]["run"]["id"] == "build-7"


def test_without_its_tables__the_record_is_kept_all_the_same(site):
    """A history that was not migrated for notices has the run, and one line says what is missing."""
    ask(site, NOTICES + "connection.cursor().execute('DROP TABLE probe_history_standing'); told(a=1)")
    site.write("shop/broken", "")
    done = probe(site, 1, "--gate", "deploy")
    (line,) = [line for line in done.err.splitlines() if line.startswith(("notify:", "history:"))]
    assert line.startswith("notify: not written: OperationalError: no such table: probe_history_standing")
    assert "manage.py migrate" in line
    assert ask(site, "told(codes=list(Run.objects.values_list('exit_code', flat=True)))")["codes"] == [1]


def test_without_a_history__notify_is_refused(project):
    """Nothing could know what changed: exit 2 with one sentence, and the check says the same; `--list` too."""
    project.app("shop", PROBES)
    policy = project.write("probe.yaml", POLICY.format(on="closed"))
    sentence = (
        'gates.deploy.notify: the history knows what changed: add "django_probe.history" to INSTALLED_APPS, '
        "or take the key out"
    )
    done = project.probe("--policy", str(policy), "--gate", "deploy")
    assert (done.code, done.err) == (2, f"CommandError: {sentence}\n")
    project.configure(f"PROBE_POLICY = {str(policy)!r}\n")
    checked = project.run("check", "--deploy", "--tag", "probes")
    assert checked.code == 1
    assert f"(django_probe.E002) {policy}: {sentence}" in checked.err


def test_no_history__tells_nobody(site):
    """A run that is not kept is no news of the gate."""
    site.write("shop/broken", "")
    with webhook() as sink:
        done = probe(site, 1, "--gate", "deploy", "--no-history", PROBE_NOTIFY_URL=sink.url, PROBE_NOTIFY_KEY=KEY)
    assert sink.taken == []
    assert "notify" not in done.err


def test_two_commands_that_end_together__tell_once(site):
    """Each sees under a lock what the other wrote."""
    site.write("shop/broken", "")
    with webhook() as sink:
        env = {"PROBE_NOTIFY_URL": sink.url, "PROBE_NOTIFY_KEY": KEY}
        commands = [site.start("probe", "--gate", "deploy", env=env) for _ in range(3)]
        for command in commands:
            command.communicate(timeout=PATIENCE)
        assert [command.returncode for command in commands] == [1, 1, 1]
        arrived(site, sink, ["closed"], env)
