"""The command that writes its history: whatever its database does, verdict and exit code stay."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from tests import servers
from tests.history.recorded import ask, new_site, probe
from tests.patience import LOADED, PATIENCE, quickest

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSED = "gate deploy: PASSED (exit 0)"
CLOSED = "gate deploy: CLOSED (exit 1)"
# Longer than from one heartbeat to the next in each: what the history's commit and the probe's transaction would break.
TRANSACTIONS = """\
import time
import unittest

from django.contrib.auth.models import Group
from django.db import transaction

from django_probe import probe


class TestShop(unittest.TestCase):
    @probe(database_access="rollback")
    def test_opens(self):
        Group.objects.count()
        time.sleep(2.5)
        Group.objects.create(name="never there")

    @probe(database_access="rollback")
    def test_writes_first(self):
        Group.objects.create(name="never there")
        time.sleep(2.5)

    @probe(database_access="read-write")
    def test_sells(self):
        with transaction.atomic():
            Group.objects.count()
            time.sleep(2.5)
            Group.objects.create(name="there").delete()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with its history in SQLite."""
    return new_site(tmp_path_factory.mktemp("recorder") / "site")


def warnings(done) -> list[str]:
    """Return what a command said of the history."""
    return [line for line in done.err.splitlines() if line.startswith("history:")]


def run_ids(site) -> list[str]:
    """Return the ids of the runs that there are."""
    return ask(site, "told(ids=list(Run.objects.order_by('pk').values_list('run_id', flat=True)))")["ids"]


def kept_elsewhere(database: dict) -> str:
    """Return settings by which the history has a database of its own."""
    return f"DATABASES['history'] = {database!r}\nPROBE_HISTORY_DATABASE = 'history'\n"


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections on a port, and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield listening.getsockname()[1]


def test_run__is_kept_with_what_the_environment_says(site):
    """A run leaves its gate, release, host, trigger, results and verdict; a second run of another gate its own."""
    probe(site, 1, PROBE_RUN_ID="kept", PROBE_RELEASE="v42", PROBE_TRIGGER="helm", BROKEN="1")
    probe(site, 0, "--gate", "other", PROBE_RUN_ID="others")
    got = ask(
        site,
        """
        run = runs.find("kept")
        failed = [each for each in records.of(run).results if each.is_problem]
        told(run=summary(run), more=[run.gate, run.release, run.trigger, run.narrowed, bool(run.host)],
             failed=[[each.label, each.outcome, each.message, "AssertionError" in each.details] for each in failed],
             gates=runs.gates())
        """,
    )
    assert got["run"]["state"] == "finished"
    assert got["run"]["counts"] == {**dict.fromkeys(got["run"]["counts"], 0), "passed": 1, "failed": 1}
    assert got["more"] == ["deploy", "v42", "helm", False, True]
    ((label, outcome, message, has_traceback),) = got["failed"]
    assert (label, outcome, has_traceback) == ("shop.TestShop.test_sells", "failed", True)
    assert message.startswith("'BROKEN' unexpectedly found in ")
    assert {"deploy", "other"} <= set(got["gates"])


def test_shard_without_a_run_id__warns(site):
    """The history cannot know its other shards, so it would call the gate closed: said where the shard is started."""
    warning = "warning: --shard without PROBE_RUN_ID: the history takes this shard for a run of its own"
    assert warning in probe(site, 0, "--gate", "other", "--shard", "0/2", "--allow-empty").err
    for arguments, env in ((("--no-history",), {}), ((), {"PROBE_RUN_ID": "one-of-two"})):
        assert (
            warning not in probe(site, 0, "--gate", "other", "--shard", "0/2", "--allow-empty", *arguments, **env).err
        )


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("--no-history",)),
        (0, ("--list",)),
        (2, ("nowhere",)),
        (2, ("--gate", "nowhere")),
        (2, ("--junit", "/nowhere/there.xml")),
        (2, ("--gate", "deploy", "--shard", "3/2")),
    ],
)
def test_nothing_is_kept(site, code, arguments):
    """Neither of a run that is not wanted, nor of one that was refused before anything ran."""
    before = run_ids(site)
    done = probe(site, code, *arguments)
    assert warnings(done) == []
    assert run_ids(site) == before


def test_database_that_is_no_use__costs_one_warning(tmp_path):
    """No tables, nobody there, somebody who never answers: verdict and exit code stay, one warning, and soon an end."""
    with silent_server() as silent, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        databases = {
            "; run manage.py migrate --database history": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(tmp_path / "empty.sqlite3"),
            },
            "refused": servers.Server(unused.getsockname()[1]).settings("history"),
            "did not answer within 10s": servers.Server(silent).settings("history"),
        }
        began = time.monotonic()
        running = []
        for number, (why, database) in enumerate(databases.items()):
            site = new_site(tmp_path / str(number), kept_elsewhere(database), migrate=False)
            for code, env in ((0, {}), (1, {"BROKEN": "1"})):
                running.append((why, code, site.start("probe", "--gate", "deploy", env=env)))
        for why, code, process in running:
            told = process.communicate(timeout=PATIENCE)[1].decode()
            assert process.returncode == code, told
            assert (CLOSED if code else PASSED) in told
            (warning,) = [line for line in told.splitlines() if line.startswith("history:")]
            assert warning.startswith("history: not written: ")
            assert why in warning
        assert time.monotonic() - began < 25 + LOADED


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("parallel", ["0", "1"])
def test_probes_of_the_same_sqlite_file__are_not_disturbed(tmp_path, mode, parallel):
    """A transaction that reads, goes on for longer than a heartbeat and writes then is not refused for our sake."""
    site = new_site(tmp_path / "site", probes=TRANSACTIONS)
    ask(site, f"connection.cursor().execute('PRAGMA journal_mode = {mode}'); told()")
    done = probe(site, 0, "--gate", "deploy", "--parallel", parallel, PROBE_RUN_ID="beside")
    assert warnings(done) == []
    got = ask(site, 'told(run=summary(runs.find("beside")))')["run"]
    assert (got["state"], got["counts"]["passed"]) == ("finished", 3)


def test_sqlite_that_is_locked_during_the_whole_run__is_waited_for_at_its_end(tmp_path):
    """What could not be said meanwhile is no trouble: the record is written as soon as the other writer is done."""
    site = new_site(tmp_path / "site")
    with contextlib.closing(sqlite3.connect(site.path / "db.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        process = site.start("probe", "--gate", "deploy", env={"PROBE_RUN_ID": "locked out"})
        while PASSED not in (line := process.stderr.readline().decode()):
            assert line
        other.execute("ROLLBACK")
    told = process.communicate(timeout=PATIENCE)[1].decode()
    assert (process.returncode, told) == (0, "")
    assert ask(site, 'told(run=summary(runs.find("locked out")))')["run"]["state"] == "finished"


def test_postgresql__that_has_no_tables_or_refuses_the_role(tmp_path, postgres):
    """Migrations are asked for where tables, or columns, are missing; not where a role may only read them."""
    role = "reads_the_history"
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE recorder_refuses")
        connection.execute(f"CREATE ROLE {role} LOGIN")
    owned = new_site(tmp_path / "owned", kept_elsewhere(postgres.settings("recorder_refuses")), migrate=False)
    migrate = "; run manage.py migrate --database history"
    (warning,) = warnings(probe(owned, 0))
    assert 'relation "probe_history_run" does not exist' in warning
    assert warning.endswith(migrate)

    assert owned.run("migrate", "--database", "history", "--verbosity", "0").code == 0
    with postgres.connect("recorder_refuses") as connection:
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    read = new_site(tmp_path / "read", kept_elsewhere(postgres.settings("recorder_refuses", USER=role)), migrate=False)
    (warning,) = warnings(probe(read, 0))
    assert warning.endswith("permission denied for table probe_history_run")

    with postgres.connect("recorder_refuses") as connection:
        connection.execute("ALTER TABLE probe_history_run DROP COLUMN release")
    (warning,) = warnings(probe(owned, 0))
    assert "column" in warning
    assert warning.endswith(migrate)


RECORDS_PATIENCE = 10
"""Seconds that a record waits for a database which does not answer."""


def test_command_that_is_refused__does_not_wait_for_a_database_that_never_answers(tmp_path):
    """Nothing ran, and nothing has to be written: the one line and exit code 2 come before a record's patience ends."""
    with silent_server() as silent:
        site = new_site(tmp_path / "site", kept_elsewhere(servers.Server(silent).settings("history")), migrate=False)
        seconds, done = quickest(lambda: probe(site, 2, "nowhere"), RECORDS_PATIENCE)
        assert seconds < RECORDS_PATIENCE
    assert "nowhere" in done.err
    assert warnings(done) == []


def test_database_that_dies_in_the_middle__costs_one_warning(tmp_path):
    """PostgreSQL is killed by SIGKILL while a gate runs: the verdict is what the probes say, and comes soon."""
    with servers.postgresql() as server:
        with server.connect() as connection:
            connection.execute("CREATE DATABASE history")
        site = new_site(tmp_path / "site", kept_elsewhere(server.settings("history")), migrate=False)
        assert site.run("migrate", "--database", "history", "--verbosity", "0").code == 0
        process = site.start("probe", "--gate", "deploy", env={"SLOW": "2"})
        with server.connect("history") as connection:
            until = time.monotonic() + PATIENCE
            while not connection.execute("SELECT count(*) FROM probe_history_run").fetchone()[0]:
                assert time.monotonic() < until
                time.sleep(0.02)
            (postmaster,) = connection.execute("SHOW data_directory").fetchone()
        with open(f"{postmaster}/postmaster.pid", encoding="ascii") as lines:  # noqa: PTH123 (another user's file)
            os.kill(int(lines.readline()), signal.SIGKILL)
        began = time.monotonic()
        _, err = process.communicate(timeout=PATIENCE)
    told = err.decode()
    assert process.returncode == 0, told
    assert PASSED in told
    assert len([line for line in told.splitlines() if line.startswith("history: not written: ")]) == 1
    assert time.monotonic() - began < 15 + LOADED


def test_run_that_is_killed__is_lost_after_a_while(site):
    """A run whose process group is gone runs until it was not heard of for 30 s; then it is lost, and closes."""
    process = site.start("probe", "--gate", "deploy", env={"SLOW": "60", "PROBE_RUN_ID": "killed"})
    until = time.monotonic() + PATIENCE
    while "killed" not in run_ids(site):
        assert time.monotonic() < until
    process.kill()
    process.communicate()
    got = ask(
        site,
        """
        running = summary(runs.find("killed"))
        back(31, run_id="killed")
        lost = runs.find("killed")
        (unheard,) = records.of(lost).results
        told(running=running, lost=summary(lost), unheard=[unheard.outcome, unheard.message],
             verdict=runs.verdict("deploy").id)
        """,
    )
    assert (got["running"]["state"], got["running"]["passed"]) == ("running", None)
    assert (got["lost"]["state"], got["lost"]["passed"], got["lost"]["exit_code"]) == ("lost", False, 1)
    assert got["unheard"][0] == "error"
    assert got["unheard"][1] == got["lost"]["reason"]
    assert got["verdict"] == "killed"


def test_progress__is_there_while_it_goes_on(site):
    """Whoever looks meanwhile reads how many probes are done, and of how many."""
    process = site.start("probe", "--gate", "deploy", env={"SLOW": "60", "PROBE_RUN_ID": "slow"})
    look = 'run = runs.find("slow"); told(state=run and run.state, done=run and run.done, total=run and run.total)'
    try:
        until = time.monotonic() + PATIENCE
        while (got := ask(site, look))["total"] != 2:
            assert time.monotonic() < until, got
        assert got["state"] == "running"
        assert got["done"] < 2
    finally:
        process.terminate()
        process.communicate()
    got = ask(site, 'run = runs.find("slow"); told(run=summary(run), by=records.of(run).ended_by)')
    assert (got["run"]["state"], got["run"]["exit_code"], got["by"]) == ("finished", 143, "SIGTERM")


def test_times__of_a_project_without_time_zones(tmp_path):
    """With USE_TZ off, in a zone with summer time, the record has the UTC that it was written with."""
    site = new_site(tmp_path / "site", 'USE_TZ = False\nTIME_ZONE = "America/New_York"\n')
    target = site.path / "record.json"
    probe(site, 0, "--gate", "deploy", "--json", str(target), PROBE_RUN_ID="naive")
    got = ask(
        site,
        """
        from django_probe.reports import json as record_json
        run = runs.find("naive")
        told(record=record_json.render(records.of(run)), written=open("record.json").read(), state=run.state,
             quiet=run.parts[0].quiet)
        """,
    )
    assert got["record"] == got["written"]
    assert (got["state"], got["quiet"]) == ("finished", False)


@pytest.mark.parametrize("parallel", ["0", "2"])
def test_probed_database_that_can_only_be_read__is_no_hindrance(tmp_path, parallel):
    """The history has a database of its own: the default one gets no table of ours, and none of our writes."""
    other = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "history.sqlite3")}
    readable = 'DATABASES["default"] |= {"NAME": "file:db.sqlite3?mode=ro", "OPTIONS": {"uri": True}}\n'
    site = new_site(tmp_path / "site", kept_elsewhere(other) + readable, migrate=False)
    with contextlib.closing(sqlite3.connect(site.path / "db.sqlite3")) as database:
        database.execute("CREATE TABLE shop (name TEXT)")
    assert site.run("migrate", "--database", "history", "--verbosity", "0").code == 0
    done = probe(site, 1, "--gate", "deploy", "--parallel", parallel, BROKEN="1", PROBE_RUN_ID="elsewhere")
    assert warnings(done) == []
    got = ask(site, 'told(run=summary(runs.find("elsewhere")))')
    assert (got["run"]["state"], got["run"]["passed"], got["run"]["counts"]["failed"]) == ("finished", False, 1)


def test_run_in_one_process__keeps_its_history_beside_the_guard(site):
    """`--parallel 0` guards the connections of probes in the same process: not the one that writes the history."""
    done = probe(site, 0, "--gate", "deploy", "--parallel", "0", "--database-access", "read-only", PROBE_RUN_ID="alone")
    assert warnings(done) == []
    assert ask(site, 'told(run=summary(runs.find("alone")))')["run"]["state"] == "finished"


GREENLETS = """
import _thread
from django_probe.history.storage.recorder import Recorder

kinds = []
for start in (_thread.start_new_thread, lambda *given: None):
    _thread.start_new_thread = start
    recorder = Recorder(trigger="", labels=(), narrowed=False)
    turns = []
    recorder._over.wait = turns.append
    for _ in range(9):
        recorder.tick(0, 1, ())
    kinds.append([recorder.live, len(turns) < 9, sum(turns) > 0])
told(kinds=kinds)
"""


def test_thread__that_is_a_greenlet_has_its_turns(site):
    """The judge waits without letting greenlets run: the heartbeat has a moment now and then, and no more than that."""
    assert ask(site, GREENLETS)["kinds"] == [[False, True, True], [True, True, True]]
