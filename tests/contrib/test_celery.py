"""The probes of Celery, with a real Redis for a broker and a real worker."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.contrib.sites import new_site, outcomes_of
from tests.patience import far_enough, wait_for

BROKER = "probe_celery.TestBroker.test_it_answers"
WORKERS = "probe_celery.TestWorkers.test_they_answer"
QUEUES = "probe_celery.TestQueues.test_each_is_short"
QUIET = 1
"""The database of the broker to which no worker listens."""


@pytest.fixture(scope="module")
def site(tmp_path_factory, redis):
    """A project with a Celery app where Celery's guide has it; variables say which broker, and what is wanted."""
    settings = f'ROOT_URLCONF = "shop.urls"\nCELERY_BROKER_URL = {redis.url()!r}\n'
    made = new_site(tmp_path_factory.mktemp("celery"), "django_probe.contrib.celery", settings)
    made.write("shop/__init__.py", "")
    made.write("shop/urls.py", "urlpatterns = []\n")
    made.write(
        "shop/celery.py",
        """
        import os
        from celery import Celery
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
        app = Celery("shop")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        """,
    )
    return made


@contextmanager
def worker(site):
    """Run the worker `shop@here`, which is told to stop with the block, and has stopped."""
    log = site.path / "worker.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "-n", "shop@here", "-Q", "celery,quick"]
        process = subprocess.Popen(
            [*command, "--pool", "solo", "--loglevel", "INFO", "--without-gossip", "--without-mingle"],
            cwd=site.path,
            env=site.environment({"DJANGO_SETTINGS_MODULE": "site_settings"}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            wait_for(lambda: b"shop@here ready" in log.read_bytes(), log.read_text)
            yield
        finally:
            process.terminate()
            process.wait()


def test_celery__answers_until_its_worker_stops(site, redis, results, left_open):
    """With broker, worker and short queues the gate is open; the worker that has stopped is named.

    No probe leaves a connection or a queue behind, and none takes a message.
    """
    settings = {
        "PROBE_CELERY_WORKERS": ["shop@here"],
        "PROBE_CELERY_TIMEOUT": "30s",
        "PROBE_CELERY_QUEUES": {"mail": 2, "quick": 0},
    }
    with redis.connect() as broker, worker(site):
        broker.rpush("mail", "one", "two")
        before = set(broker.keys())
        by_number = {**settings, "PROBE_CELERY_WORKERS": 1}
        assert outcomes_of(results("probe_celery", **by_number)) == dict.fromkeys([BROKER, QUEUES, WORKERS], "passed")
        assert left_open("django_probe.contrib.celery.probes", settings) == []
        assert set(broker.keys()) == before
        assert broker.lrange("mail", 0, -1) == ["one", "two"]

        def other(seconds):
            wanted = {"PROBE_CELERY_WORKERS": ["shop@*", "mail@*"], "PROBE_CELERY_TIMEOUT": seconds}
            return results(WORKERS, **wanted)[WORKERS]

        result = far_enough(other, lambda result: "shop@here did" in result["message"])
        assert result["outcome"] == "failed"
        assert "mail@* did not answer within " in result["message"]
        assert result["message"].endswith(" s; shop@here did")

    stopped = results(WORKERS, **settings | {"PROBE_CELERY_TIMEOUT": "500ms"})[WORKERS]
    assert stopped["outcome"] == "failed"
    assert f"at {redis.shown()}: shop@here did not answer within 0.5 s; nobody did" in stopped["message"]


def test_celery__without_workers_grows_long_queues(redis, results):
    """The queue over its limit closes the gate with its number, and so does one of a name that none has.

    Neither does an empty one that settings name, and the missing workers do.
    """
    wanted = {"QUEUES": {"mail": 2, "celery": 0, "fast": 0, "fats": 0}, "WORKERS": 2, "TIMEOUT": "100ms"}
    routes = [["shop.tasks.*", {"queue": "fast", "routing_key": "fats"}]]
    with redis.connect(QUIET) as broker:
        broker.rpush("mail", "one", "two", "three")

        settings = {f"PROBE_CELERY_{name}": value for name, value in wanted.items()}
        found = results("probe_celery", CELERY_BROKER_URL=redis.url(QUIET), CELERY_TASK_ROUTES=[routes], **settings)

        assert broker.llen("mail") == 3
    place = f"Celery's broker at {redis.shown(QUIET)}"
    assert outcomes_of(found) == {BROKER: "passed", QUEUES: "failed", WORKERS: "failed"}
    assert f'{place}: 3 messages wait in the queue "mail", more than 2' in found[QUEUES]["details"]
    assert f'{place}: there is no queue "fats"; did you mean "fast"?' in found[QUEUES]["details"]
    assert not any(f'queue "{name}"' in found[QUEUES]["details"] for name in ("celery", "fast"))
    assert f"{place}: 0 of 2 workers answered within 0.1 s" in found[WORKERS]["message"]


@pytest.mark.parametrize("broker", ["down", "hanging", "locked"])
def test_broker__that_does_not_let_in_is_one_sentence(redis, results, closed_port, silent_port, broker):
    """A broker that is down, says nothing or knows another password is named, without user and password."""
    down, hanging = (f"redis://:open-sesame@127.0.0.1:{port}/0" for port in (closed_port, silent_port))
    urls = {"down": down, "hanging": hanging, "locked": redis.url(password="open-sesame")}
    said = {"down": "Connection refused", "hanging": "Timeout", "locked": "invalid username-password pair"}

    result = results(BROKER, CELERY_BROKER_URL=urls[broker])[BROKER]

    assert result["outcome"] == "failed"
    assert result["message"].startswith("Celery's broker at redis://127.0.0.1:")
    assert said[broker] in result["message"]
    assert result["details"].lstrip().startswith("--- with every frame ---")
    assert "open-sesame" not in str(result)


def test_settings__that_are_wrong_are_named(results):
    """Each wrong setting is an error of the probe that needs it, in one sentence that names the setting."""
    found = results(
        "probe_celery", PROBE_CELERY_APP="shop.nowhere", PROBE_CELERY_WORKERS=0, PROBE_CELERY_QUEUES={"mail": "2"}
    )

    assert outcomes_of(found) == dict.fromkeys([BROKER, QUEUES, WORKERS], "error")
    assert "PROBE_CELERY_APP: 'shop.nowhere': ModuleNotFoundError" in found[BROKER]["message"]
    assert "PROBE_CELERY_QUEUES['mail']: expected how many messages may wait, got '2'" in found[QUEUES]["message"]
    assert "PROBE_CELERY_WORKERS: expected how many must answer, or a list" in found[WORKERS]["message"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ROOT_URLCONF": "site_urls"}, "no Celery app was found; PROBE_CELERY_APP can name it"),
        ({"CELERY_TASK_ALWAYS_EAGER": True}, "task_always_eager is set"),
        ({"CELERY_BROKER_URL": "memory://"}, "the broker is memory://"),
        ({"CELERY_BROKER_URL": "filesystem://"}, "the broker (filesystem) is neither RabbitMQ nor Redis"),
    ],
)
def test_celery__without_a_broker_that_can_be_asked_skips(results, settings, reason):
    """Where no message leaves the process, or no queue can be asked for, the reason says why."""
    result = results(QUEUES, PROBE_CELERY_QUEUES={"mail": 2}, **settings)[QUEUES]

    assert result["outcome"] == "skipped"
    assert reason in result["message"]
