"""With the hooks of the documents in its gunicorn.conf.py, a server that is ended takes its runs along, recorded."""

from __future__ import annotations

import os
import signal

from tests.conftest import ROOT
from tests.documents import blocks
from tests.history.serving import new_site, with_token
from tests.history.triggers.test_launcher import POLICY, PROBES, command_of, runs_of, until, workers_of
from tests.projects import migrated
from tests.webservers import gunicorn


def test_runs__end_with_their_server_and_not_with_its_workers(tmp_path):
    """SIGHUP gives the server new workers, and the run goes on; SIGTERM ends both, and the run says by what."""
    site = migrated(new_site(tmp_path, policy=POLICY, probes=PROBES))
    site.write("shop/wait", "")
    (hooks,) = [block for block in blocks(ROOT / "docs" / "history.md") if block.argument == "gunicorn.conf.py"]
    site.write("gunicorn.conf.py", hooks.text)  # which gunicorn reads by itself
    with gunicorn(site) as server:
        accepted = with_token(server).post("gates/deploy/")
        command_of(site)
        (worker,) = workers_of(server)
        os.kill(server.process.pid, signal.SIGHUP)
        until(lambda: workers_of(server) and worker not in workers_of(server))
        until(lambda: with_token(server).get("live/").status == 200)
        assert runs_of(site)
    assert not runs_of(site), "SIGTERM is how the server was ended"
    with gunicorn(site) as server:
        record = with_token(server).ended(accepted)
    assert (record["state"], record["ended_by"], record["exit_code"]) == ("finished", "SIGTERM", 143)
