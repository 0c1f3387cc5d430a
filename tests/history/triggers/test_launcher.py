"""A run that HTTP started belongs to nobody: it outlives its server, and its end is no news to it."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.history.recorded import ask
from tests.history.serving import START, new_site, outcomes, with_token
from tests.patience import PATIENCE
from tests.projects import migrated
from tests.webservers import gunicorn

# The probe says whose process it is, and then waits for as long as the file says.
PROBES = """\
import os
import time
import unittest
from pathlib import Path

HERE = Path(__file__).parent


class TestShop(unittest.TestCase):
    def test_opens(self):
        (HERE / "running").write_text(f"{os.getpid()}")
        for _ in range(600):
            if not (HERE / "wait").exists():
                break
            time.sleep(0.05)
        (HERE / "running").unlink()
        self.assertFalse((HERE / "broken").exists())
"""
POLICY = "gates: {deploy: {probes: [shop], deadline: 20s}, soon: {probes: [shop], deadline: 1500ms}}\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site whose probe waits while a file is there."""
    return migrated(new_site(tmp_path_factory.mktemp("launcher"), policy=POLICY, probes=PROBES))


@pytest.fixture
def hold(site):
    """Hold the probe back until `unlink`."""
    file = site.write("shop/wait", "")
    yield file
    file.unlink(missing_ok=True)


def until(condition, within=PATIENCE):
    """Wait for something; give it."""
    give_up = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < give_up, condition
        time.sleep(0.05)
    return found


def stat(pid):
    """Return state, parent, process group and session of a process; nothing of one that is not there."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *numbers = text.rpartition(")")[2].split()[:4]
    return state, *map(int, numbers)


def processes_of(site):
    """Return the processes that were started for this site, by their environment; zombies have none."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"HOME={site.path}".encode() in environment.split(b"\0"):
            found[int(folder.name)] = b" ".join(words).decode()
    return found


def runs_of(site):
    """Return the processes of `django-probe probe` and what it started, oldest first."""
    found = [pid for pid, line in processes_of(site).items() if "django_probe probe" in line and "detached" not in line]
    return sorted(found, key=started)


def started(pid):
    """Return when a process started, in ticks; that its number is lower says nothing once the numbers began anew."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def command_of(site):
    """Return the supervisor: the first of the processes that a POST started."""
    running = site.path / "shop/running"
    until(lambda: running.exists() and runs_of(site))
    return runs_of(site)[0]


def zombies():
    """Return the zombies on this host, with their parents."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if (it := stat(folder.name)) and it[0] == "Z":
            found[int(folder.name)] = it[1]
    return found


def workers_of(server):
    """Return the workers of gunicorn."""
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if (it := stat(pid)) and it[1] == server.process.pid and it[0] != "Z"]


def test_run__belongs_to_nobody(site, hold):
    """It is in a session of its own, its server is not its parent, and neither has a zombie afterwards."""
    with gunicorn(site) as server:
        caller = with_token(server)
        before = set(zombies())
        accepted = caller.post("gates/deploy/")
        pid = command_of(site)
        _, parent, group, session = stat(pid)
        (worker,) = workers_of(server)

        assert parent not in (worker, server.process.pid, os.getpid())
        assert "detached.py" in processes_of(site)[parent], "it has somebody who waits for it"
        assert session == group == parent
        assert session not in (stat(worker)[3], stat(server.process.pid)[3])
        assert all(zombie_parent not in (worker, server.process.pid) for zombie_parent in zombies().values())
        hold.unlink()
        assert caller.ended(accepted)["passed"] is True
        until(lambda: not runs_of(site))
        assert workers_of(server) == [worker]
        until(lambda: not set(zombies()) - before)


def test_run__outlives_its_worker_and_its_server(site, hold):
    """SIGKILL of the worker, then of all that gunicorn is: the run ends as it would have, and says so."""
    with gunicorn(site) as server:
        accepted = with_token(server).post("gates/deploy/")
        command_of(site)
        (worker,) = workers_of(server)
        os.kill(worker, signal.SIGKILL)
        (another,) = until(lambda: [pid for pid in workers_of(server) if pid != worker])
        assert until(lambda: with_token(server).get(accepted.headers["Location"]).status) == 200
        server.process.kill()
        os.kill(another, signal.SIGKILL)
        until(lambda: stat(another) is None)
    hold.unlink()
    until(lambda: not runs_of(site))
    with gunicorn(site) as server:
        record = with_token(server).ended(accepted.headers["Location"])
        assert (record["passed"], record["trigger"]) == (True, "http")
        assert with_token(server).post("gates/deploy/?wait=20s").status == 200


def test_run__that_exits_with_a_code_of_gunicorns_own_does_not_disturb_it(site, hold):
    """3, the deadline, was "Worker failed to boot" to gunicorn where it adopted orphans; here nobody hears of it."""
    with gunicorn(site) as server:
        caller = with_token(server)
        (worker,) = workers_of(server)
        record = caller.ended(caller.post("gates/soon/"))
        assert (record["exit_code"], record["ended_by"]) == (3, "deadline")
        until(lambda: not runs_of(site))
        assert workers_of(server) == [worker]
        assert server.process.poll() is None
        assert "failed to boot" not in server.log
        hold.unlink()


def test_run__that_is_killed_is_lost_and_the_next_one_starts(site, hold):
    """For half a minute it may only be slow; then it is said to be lost, which closes the gate, and its lease is."""
    with gunicorn(site) as server:
        caller = with_token(server)
        accepted = caller.post("gates/deploy/")
        run_id = json.loads(accepted.body)["id"]
        os.kill(command_of(site), signal.SIGKILL)
        until(lambda: not runs_of(site))
        assert json.loads(caller.get(accepted.headers["Location"]).body)["state"] == "running"
        assert caller.post("gates/deploy/").status == 409

        ask(site, f"back(31, run_id={run_id!r}); told()")
        record = json.loads(caller.get(accepted.headers["Location"]).body)
        assert (record["state"], record["passed"], record["exit_code"]) == ("lost", False, 1)
        assert outcomes(record) == {"run": "error"}
        gate = caller.get("gates/deploy/")
        assert (gate.status, json.loads(gate.body)["id"]) == (503, run_id)

        (site.path / "shop/running").unlink()
        hold.unlink()
        assert caller.post("gates/deploy/?wait=20s").status == 200
        assert caller.get("gates/deploy/").status == 200


def test_run__that_is_refused_is_a_record_that_closes_the_gate(site):
    """What the server could not know, the command says: the run that was accepted has an end, and the reason."""
    with gunicorn(site) as server:
        caller = with_token(server)
        runner = "PROBE_RUNNER = 'nowhere.Runner'\n"
        settings = site.path / "site_settings.py"
        kept = settings.read_text()
        settings.write_text(kept + runner)
        record = caller.ended(caller.post("gates/deploy/"))
        settings.write_text(kept)
        assert (record["state"], record["passed"], record["selected"]) == ("finished", False, 0)
        (why,) = record["results"]
        assert (why["label"], why["message"][:45]) == ("run", "PROBE_RUNNER: nowhere.Runner cannot be import")
        assert caller.get("gates/deploy/").status == 503
        assert "No module named 'nowhere'" in server.log


ODD_SETTINGS = """
import os, sys
if sys.argv[1:2] == ["probe"] and "--gate" not in sys.argv:
    raise SystemExit("this is no command of ours")
assert os.path.exists("here.txt"), os.getcwd()
"""


def test_run__finds_what_its_server_found(tmp_path):
    """Settings that read sys.argv and the working directory, and a project that gunicorn's --chdir leads to."""
    made = migrated(new_site(tmp_path, policy=POLICY, probes=PROBES))
    made.write("here.txt", "")
    made.configure(ODD_SETTINGS)
    elsewhere = {"PYTHONPATH": made.environment()["PYTHONPATH"], "PROBE_TERMINATION_LOG": str(tmp_path / "log")}
    with gunicorn(made, "--chdir", str(made.path), env=elsewhere) as server:
        answer = with_token(server).post("gates/deploy/?wait=20s")
        assert (answer.status, outcomes(json.loads(answer.body))) == (200, {"shop.TestShop.test_opens": "passed"})
        answer = with_token(server).post("gates/deploy/?wait=20s", labels="shop.TestShop")
        assert (answer.status, json.loads(answer.body)["narrowed"]) == (200, True)
    assert not (tmp_path / "log").exists(), "what a Job is told to write is not written by a run of the web"


def test_secrets__are_in_no_command_line_and_in_no_log(site, hold):
    """A token is neither handed to the run nor logged, and the log says who started what."""
    with gunicorn(site, "--access-logfile", "-") as server:
        caller = with_token(server)
        accepted = caller.post("gates/deploy/")
        command_of(site)
        assert START not in " ".join(processes_of(site).values())
        hold.unlink()
        caller.ended(accepted)
        assert START not in server.log
        assert (
            f"started: the run {json.loads(accepted.body)['id']} of the gate deploy, asked for by token" in server.log
        )
