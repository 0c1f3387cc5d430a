"""PROBE_HISTORY_DATABASE_URL: the history and its users live apart from what is probed, and a gate needs neither."""

from __future__ import annotations

import socket
import sqlite3
import time
from contextlib import closing

import pytest

from tests.servers import pgbouncer, postgresql

OURS = {"auth_user", "django_session", "django_admin_log", "probe_history_run", "probe_history_result"}


def tables(path):
    """Return the names of a SQLite file's tables."""
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def runs(path):
    """Return gate, trigger and exit code of each run in a SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute("SELECT gate, trigger, exit_code FROM probe_history_run"))


def test_unset__nothing_of_it_is_there(deployment):
    """No app with tables but those of always, no session, no log-in, no admin, no second database."""
    found = deployment.evaluate(
        """
        import logging; logging.disable()
        from django.conf import settings
        from django.test import Client
        from deploy import settings as ours
        paths = ["/accounts/login/", "/admin/", "/static/admin/css/base.css", "/probe/gates/deploy/"]
        """,
        "[list(settings.DATABASES), settings.MIDDLEWARE, list(ours.apps), settings.DATABASE_ROUTERS,"
        " [Client().get(path, SERVER_NAME='localhost').status_code for path in paths]]",
    )
    assert found == [
        ["default"],
        ["django_probe.middleware.ProbeMiddleware"],
        ["contenttypes", "auth", "django_probe", "probe_platform", "probe_http", "checks"],
        [],
        [404] * 4,
    ]


def test_migrate__makes_every_table_in_the_history_alone(kept):
    """Without `--database` too; the one that is probed gets no table, not even where somebody asks for it."""
    assert tables(kept.path / "history.sqlite3") >= OURS
    (kept.path / "history.sqlite3").unlink()
    done = kept.run("migrate", "--verbosity", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert tables(kept.path / "history.sqlite3") >= OURS
    refused = kept.run("migrate", "--database", "default")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith('CommandError: the database "default" is the one that is probed')
    assert refused.stderr.count("\n") == 1
    assert tables(kept.path / "db.sqlite3") == set()


def test_gate__writes_its_run(kept):
    """What a gate said is there afterwards, with what started it."""
    assert kept.run("probe", "--gate", "deploy", PROBE_TRIGGER="helm-hook").returncode == 0
    assert runs(kept.path / "history.sqlite3") == [("deploy", "helm-hook", 0)]


def test_gate__may_only_read_what_it_probes(deployment):
    """On PostgreSQL: a role without any right to write there, and the run is in the history's database all the same."""
    with postgresql() as server:
        with server.connect() as connection:
            connection.execute("CREATE ROLE reader LOGIN")
            connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
            for name in ("shop", "probe"):
                connection.execute(f"CREATE DATABASE {name}")
        variables = {
            "DATABASE_URL": f"postgres://reader@127.0.0.1:{server.port}/shop",
            "PROBE_HISTORY_DATABASE_URL": f"postgres://tester@127.0.0.1:{server.port}/probe",
        }
        migrated = deployment.run("migrate", "--database", "history", "--verbosity", "0", **variables)
        assert (migrated.returncode, migrated.stderr) == (0, "")
        done = deployment.run("probe", "--gate", "deploy", **variables)
        assert done.returncode == 0, done.stderr
        assert "history:" not in done.stderr
        with server.connect("probe") as connection:
            assert connection.execute("SELECT gate, exit_code FROM probe_history_run").fetchall() == [("deploy", 0)]
        with server.connect("shop") as connection:
            count = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            assert connection.execute(count).fetchone() == (0,)


def test_pooler__is_given_the_schema_by_the_role(deployment):
    """Through PgBouncer: tables and runs are in the schema of the role, and the kernel gives a dead peer up."""
    with postgresql() as server, pgbouncer(server) as pooler:
        with server.connect() as connection:
            connection.execute("CREATE DATABASE shop")
            connection.execute("ALTER ROLE tester IN DATABASE shop SET search_path = probe")
        with server.connect("shop") as connection:
            connection.execute("CREATE SCHEMA probe")
        deployment.environment |= {
            "DATABASE_URL": f"postgres://tester@127.0.0.1:{server.port}/shop?options=-c%20search_path%3Dpublic",
            "PROBE_HISTORY_DATABASE_URL": f"postgres://tester@127.0.0.1:{pooler.port}/shop",
        }
        assert deployment.run("migrate", "--verbosity", "0").stderr == ""
        assert deployment.run("probe", "--gate", "deploy").returncode == 0
        with server.connect("shop") as connection:
            assert connection.execute("SELECT gate, exit_code FROM probe.probe_history_run").fetchall() == [
                ("deploy", 0)
            ]
            assert connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall() == []
        found = deployment.evaluate(
            """
            import os, socket
            from django.db import connections
            connections["history"].ensure_connection()
            with socket.socket(fileno=os.dup(connections["history"].connection.fileno())) as held:
                names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
                options = [held.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
            connections["history"].close()
            """,
            "options",
        )
    assert found == [5, 5, 2, 15_000]


def test_silent_database__is_given_up(deployment):
    """One that takes connections and says nothing holds a command for 5 s, unless the URL says otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://probe@127.0.0.1:{silent.getsockname()[1]}/probe"
        began = time.monotonic()
        done = deployment.run("migrate", PROBE_HISTORY_DATABASE_URL=url)
        took = time.monotonic() - began
    assert done.returncode == 1
    assert done.stderr.startswith('CommandError: database "history" (postgresql at 127.0.0.1:')
    assert "timeout expired" in done.stderr
    assert done.stderr.count("\n") == 1
    assert 4 < took < 20
    own = f"{url}?connect_timeout=2&tcp_user_timeout=900"
    options = deployment.setting("DATABASES", PROBE_HISTORY_DATABASE_URL=own)["history"]["OPTIONS"]
    assert (options["connect_timeout"], options["tcp_user_timeout"], options["keepalives_idle"]) == (2, 900, 5)
    assert deployment.setting("DATABASES", DATABASE_URL=url)["default"]["OPTIONS"] == {}


def test_migrate__of_a_database_that_is_away_is_one_line(deployment):
    """Which one, and why, so that the log of a Job that tries four times says it; `--traceback` tells more."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"postgres://probe:hunter22@127.0.0.1:{held.getsockname()[1]}/probe"
        done = deployment.run("migrate", PROBE_HISTORY_DATABASE_URL=url)
        traced = deployment.run("migrate", "--traceback", PROBE_HISTORY_DATABASE_URL=url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith('CommandError: database "history" (postgresql at 127.0.0.1:')
    assert "Connection refused" in done.stderr
    assert traced.returncode == 1
    assert "Traceback" in traced.stderr
    assert "hunter22" not in done.stderr + traced.stderr


def test_gate__is_none_the_worse_without_its_history(kept):
    """A history that is away costs a line of warning: no probe of the platform asks for it, no verdict changes."""
    with socket.socket() as held:  # a port where nothing answers, and nothing begins to
        held.bind(("127.0.0.1", 0))
        url = f"postgres://probe:hunter22@127.0.0.1:{held.getsockname()[1]}/probe"
        done = kept.run("probe", "--gate", "deploy", PROBE_HISTORY_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "history: not written: " in done.stderr
    assert "hunter22" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "beginning"),
    [
        ({"PROBE_HISTORY_DATABASE_URL": "shop"}, "PROBE_HISTORY_DATABASE_URL: it does not begin with one of sqlite://"),
        ({"PROBE_HISTORY_DAYS": "0"}, "PROBE_HISTORY_DAYS: '0' is not a whole number of at least 1"),
        ({"PROBE_HISTORY_DAYS": "a month"}, "PROBE_HISTORY_DAYS: 'a month' is not"),
        ({"PROBE_METRICS_PER_PROBE": "yes"}, 'PROBE_METRICS_PER_PROBE: \'yes\' is neither "true" nor "false"'),
        ({"PROBE_TOKENS": f"view:{'a' * 24}, start:hunter22"}, "PROBE_TOKENS: entry 2: expected"),
        ({"CSRF_TRUSTED_ORIGINS": "probe.example.org"}, "CSRF_TRUSTED_ORIGINS: 'probe.example.org' is not an origin"),
        ({"CSRF_TRUSTED_ORIGINS": "https://a.example/probe/"}, "CSRF_TRUSTED_ORIGINS: 'https://a.example/probe' is"),
    ],
)
def test_wrong_value__is_one_line(kept, variables, beginning):
    """By exit code 2, before anything runs; no token is repeated."""
    refusal = kept.refusal(**variables)
    assert refusal.startswith(beginning)
    assert "hunter22" not in refusal


@pytest.mark.parametrize(
    ("probed", "own"),
    [
        ("postgres://probe:hunter22@db.example/shop", "postgres://other@db.example/shop"),
        ("postgres://probe:hunter22@db.example/shop", "postgresql://probe@DB.example:5432/shop?connect_timeout=9"),
        ("postgres://localhost:5432/shop", "postgres://127.0.0.1/shop"),
        ("postgres://[::1]/shop", "postgres://localhost/shop?options=-c%20statement_timeout%3D9"),
        ("sqlite:///db.sqlite3", "sqlite:///../{folder}/db.sqlite3"),
    ],
)
def test_the_probed_database__is_refused_as_the_history_s(deployment, probed, own):
    """Its users would be those of the pages; another user, way of writing or option makes it no other place."""
    own = own.format(folder=deployment.path.name)
    refusal = deployment.refusal(DATABASE_URL=probed, PROBE_HISTORY_DATABASE_URL=own)
    assert refusal.startswith("PROBE_HISTORY_DATABASE_URL: it is the database of DATABASE_URL")


@pytest.mark.parametrize("own", ["shop?options=-c%20search_path%3Dprobe", "probe"])
def test_the_probed_server__may_have_the_history(deployment, own):
    """With a schema or a database of its own it is another place."""
    url = "postgres://db.example/shop"
    found = deployment.setting("DATABASES", DATABASE_URL=url, PROBE_HISTORY_DATABASE_URL=f"postgres://db.example/{own}")
    assert found["history"]["HOST"] == "db.example"


def test_settings__come_from_the_environment(kept):
    """Days, tokens between blanks or commas, their file, public badges, metrics for each probe."""
    tokens = [f"view:{'a' * 24}", f"start:{'b' * 24}", f"view:{'c' * 24}"]
    names = (
        "PROBE_HISTORY_DAYS",
        "PROBE_TOKENS",
        "PROBE_TOKENS_FILE",
        "PROBE_PUBLIC_URL",
        "PROBE_METRICS_PER_PROBE",
        "PROBE_PUBLIC_BADGES",
    )
    found = kept.evaluate(
        "from django.conf import settings",
        f"[getattr(settings, name) for name in {names}]",
        PROBE_HISTORY_DAYS="7",
        PROBE_TOKENS=f"{tokens[0]}, {tokens[1]}\n{tokens[2]}",
        PROBE_TOKENS_FILE="/run/tokens",
        PROBE_PUBLIC_URL="https://probe.example/probe/",
        PROBE_METRICS_PER_PROBE="true",
        PROBE_PUBLIC_BADGES="deploy, periodic",
    )
    assert found == [7, tokens, "/run/tokens", "https://probe.example/probe/", True, ["deploy", "periodic"]]
    unset = kept.evaluate("from django.conf import settings", f"[getattr(settings, name) for name in {names}]")
    assert unset == [30, [], "", "", False, []]


def test_createsuperuser__makes_a_user_where_users_are(kept):
    """Without `--database`, and without a word of migrations in a database that gets none."""
    done = kept.create_user()
    assert done.stdout.strip() == "Superuser created successfully."
    with closing(sqlite3.connect(kept.path / "history.sqlite3")) as connection:
        assert connection.execute("SELECT username FROM auth_user").fetchall() == [("ann",)]


def test_createsuperuser__fails_where_there_is_nobody_to_ask(kept):
    """Without a terminal it made nobody, which is one line and exit code 1."""
    done = kept.run("createsuperuser")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("CommandError: no user was made")
    assert "--noinput and DJANGO_SUPERUSER_USERNAME" in done.stderr
    assert done.stderr.count("\n") == 1
