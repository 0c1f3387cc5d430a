"""Fixtures of the guard's tests: a PostgreSQL, a PgBouncer before it, and code run under the guard."""

from __future__ import annotations

import json
import sqlite3
import sys
import textwrap
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests import warm

# What every script under the guard may use. `attempt` tells what became of an action: its value or its error.
PRELUDE = """\
import asyncio, json, os, threading
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
import django
django.setup()
from asgiref.sync import sync_to_async
from django.db import connection, connections, models, transaction
from django_probe.execution.guard.guard import DatabaseGuard, GuardError
from django_probe.execution.guard.backends import objections
from django_probe.terms import DatabaseAccess

READ_ONLY, ROLLBACK, READ_WRITE = DatabaseAccess
guard = DatabaseGuard()
told = {}

class Thing(models.Model):
    name = models.TextField()
    class Meta:
        app_label = "things"
        db_table = "thing"

def sql(statement, *params, alias="default"):
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, params or None)
        return cursor.fetchall() if cursor.description else None

def insert(name="a thing", alias="default"):
    return sql("INSERT INTO thing (name) VALUES (%s)", name, alias=alias)

def notes(error):
    while error:
        yield from getattr(error, "__notes__", [])
        error = error.__cause__

def attempt(action, *args, **kwargs):
    try:
        return {"value": action(*args, **kwargs)}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error), "notes": list(notes(error))}

def in_thread(action, *args, **kwargs):
    got = []
    def run():
        got.append(attempt(action, *args, **kwargs))
        connections.close_all()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return got[0]

"""


@dataclass
class Script:
    """Python under the guard, in a process of its own; what it puts into `told` comes back."""

    project: object

    def __call__(self, text: str) -> dict:
        """Run the script; a warning is an error there, as it is here."""
        ending = "\nguard.close()\nconnections.close_all()\nprint(json.dumps(told, default=str))\n"
        path = self.project.write("script.py", PRELUDE + textwrap.dedent(text) + ending)
        command = [sys.executable, "-W", "error", path]
        start = warm.cold if self.project.cold else warm.run
        done = start(command, cwd=self.project.path, env=self.project.environment())
        assert done.returncode == 0, done.stderr
        assert not done.stderr, done.stderr
        return json.loads(done.stdout)

    def databases(self, **aliases: dict) -> None:
        """Set settings.DATABASES."""
        self.project.configure(f"DATABASES = {aliases!r}\n")


@pytest.fixture
def script(project):
    """What runs a script under the guard in the test's project."""
    return Script(project)


@pytest.fixture
def shop(postgres, tmp_path):
    """The name of a new database in that PostgreSQL, with a table of things and routines that write."""
    name = f"shop_{abs(hash(tmp_path))}"
    with postgres.connect() as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    with postgres.connect(name) as client:
        client.execute("CREATE TABLE thing (id bigserial PRIMARY KEY, name text NOT NULL)")
        client.execute("INSERT INTO thing (name) SELECT 'old ' || i FROM generate_series(1, 300) AS i")
        client.execute(
            "CREATE FUNCTION write() RETURNS int LANGUAGE sql AS "
            "$$ INSERT INTO thing (name) VALUES ('f') RETURNING 1 $$"
        )
        client.execute(
            "CREATE PROCEDURE write_and_commit() LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO thing (name) VALUES ('p'); COMMIT; END $$"
        )
    yield name
    with postgres.connect() as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def written(postgres, shop):
    """What tells which things were written into the shop since it was made, as another client sees it."""

    def names():
        with postgres.connect(shop) as client:
            rows = client.execute("SELECT name FROM thing WHERE name NOT LIKE 'old %' ORDER BY id").fetchall()
            (old,) = client.execute("SELECT count(*) FROM thing WHERE name LIKE 'old %'").fetchone()
        assert old == 300
        return [name for (name,) in rows]

    return names


@pytest.fixture
def files(project, script):
    """Two SQLite databases with a table of things; gives what tells which things are in one of them."""
    for name in ("first", "second"):
        with closing(sqlite3.connect(project.path / f"{name}.sqlite3")) as database:
            database.execute("CREATE TABLE thing (id integer PRIMARY KEY, name text NOT NULL)")
            database.execute("INSERT INTO thing (name) VALUES ('old')")
            database.commit()
    script.databases(
        **{
            alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": str(project.path / f"{name}.sqlite3")}
            for alias, name in (("default", "first"), ("second", "second"))
        }
    )

    def things(name="first"):
        with closing(sqlite3.connect(project.path / f"{name}.sqlite3")) as database:
            return [thing for (thing,) in database.execute("SELECT name FROM thing ORDER BY id")]

    return things
