"""Whatever goes wrong there is an answer, and what asks about the history leaves room for kubelet."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from textwrap import dedent

from tests.history.recorded import ask
from tests.history.serving import VIEW, Caller, new_site, with_token
from tests.patience import LOADED, wait_for
from tests.projects import migrated, python
from tests.webservers import gunicorn


def test_database__that_never_answers_leaves_liveness_and_readiness_alone(tmp_path):
    """It takes connections and says nothing; some requests wait in vain, and those that find no place are told so."""
    silent = socket.create_server(("127.0.0.1", 0))
    history = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": silent.getsockname()[1],
        "NAME": "history",
    }
    more = f"""
    DATABASES["history"] = {history!r}
    PROBE_HISTORY_DATABASE = "history"
    SESSION_ENGINE = "django.contrib.sessions.backends.file"
    """
    made = migrated(new_site(tmp_path, dedent(more)))
    with silent, gunicorn(made, "--threads", "8") as server:
        asking = [
            threading.Thread(target=_ask_in_vain, args=(server, path), daemon=True)
            for path in ("gates/deploy/", "runs/x/", "metrics/") * 5
        ]
        for thread in asking:
            thread.start()
        time.sleep(2.5)  # those that find no place have their answer by now
        wait_for(lambda: Caller(server).get("ready/").status == 200, "the first round")
        for _ in range(3):
            live, ready = Caller(server).get("live/"), Caller(server).get("ready/")
            assert (live.status, ready.status) == (200, 200)
            assert max(live.seconds, ready.seconds) < LOADED
        refused = with_token(server, VIEW).get("gates/deploy/")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        server.process.kill()


def _ask_in_vain(server, path):
    with suppress(OSError):  # the server is killed in the end
        with_token(server, VIEW).get(path)


def test_fault__of_our_own_is_500_in_one_line(tmp_path):
    """The visitor learns nothing but that; the log has the traceback, with Django's default logging too."""
    code = f"""
    import logging
    from django.test import Client
    from django_probe.history.storage import runs
    runs.verdict = lambda gate: 1 / 0
    bearer = Client(headers={{"host": "localhost", "authorization": "Bearer {VIEW}"}})
    answer = bearer.get("/probe/gates/deploy/")
    print(answer.status_code, answer.content.decode())
    """
    done = python(migrated(new_site(tmp_path)), code)
    assert done.out == '500 {"error": "this could not be answered; the server\'s log says why"}\n\n'
    assert "ZeroDivisionError" in done.err


def test_part__with_the_id_of_a_closed_run_opens_nothing(tmp_path):
    """A CI that tries one probe again gives it the pipeline's id too: pages, records and metrics stay as they were."""
    site = migrated(new_site(tmp_path))
    got = ask(
        site,
        f"""
        from django.test import Client
        bearer = Client(headers={{"host": "localhost", "authorization": "Bearer {VIEW}"}})
        now = datetime.now(UTC)
        def ran(run_id, outcome, **more):
            run = ProbeRun(run_id, "kept", now, now, 1, (ProbeResult("shop.T.test", outcome),))
            store.finish(store.begin(run, **{{"trigger": "", "labels": [], "narrowed": False, **more}}), run)
        ran("good", Outcome.PASSED)
        ran("pipeline", Outcome.FAILED)
        ran("pipeline", Outcome.PASSED, narrowed=True, labels=["shop.T.test"])
        gate = bearer.get("/probe/gates/kept/")
        pages = [bearer.get(f"/probe/{{path}}", headers={{"accept": "text/html"}}).status_code
                 for path in ("", "gates/kept/", "runs/pipeline/", "runs/pipeline@kept@part/")]
        told(gate=[gate.status_code, gate.json()["id"]], whole=bearer.get("/probe/runs/pipeline/").json()["passed"],
             part=bearer.get("/probe/runs/pipeline@kept@part/").json()["narrowed"], pages=pages,
             metric='gate_passed{{gate="kept"}} 0.0' in bearer.get("/probe/metrics/").content.decode())
        """.replace("\n        ", "\n"),
    )
    assert got == {
        "gate": [503, "pipeline"],
        "whole": False,
        "part": True,
        "pages": [200, 503, 200, 200],
        "metric": True,
    }
