"""A history in a database of its own leaves the one that is probed as it is."""

from __future__ import annotations

from tests.history.serving import new_site
from tests.projects import python

OWN = """
DATABASES["history"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "history.sqlite3"}
PROBE_HISTORY_DATABASE = "history"
DATABASE_ROUTERS = ["django_probe.history.routers.HistoryRouter"]
"""
TABLES = """
from django.db import connections
for alias in ("default", "history"):
    print(*sorted(connections[alias].introspection.table_names()))
"""


def test_router__keeps_the_tables_of_each_in_its_own_database(tmp_path):
    """The probed database gets all tables but the history's, and the history's gets its own and no others."""
    site = new_site(tmp_path, OWN)
    for alias in ("default", "history"):
        assert site.run("migrate", "--database", alias, "--verbosity", "0").code == 0
    probed, history = python(site, TABLES).out.splitlines()
    assert "auth_user" in probed
    assert "probe_history" not in probed
    own = ("notice", "result", "run", "standing", "tally")
    assert history.split() == ["django_migrations", *(f"probe_history_{name}" for name in own)]


def test_router__has_nothing_to_say_where_there_is_one_database(tmp_path):
    """The tables are with the others."""
    site = new_site(tmp_path, OWN.replace('PROBE_HISTORY_DATABASE = "history"\n', ""))
    assert site.run("migrate", "--verbosity", "0").code == 0
    probed, history = python(site, TABLES).out.split("\n")[:2]
    assert {"auth_user", "probe_history_run"} <= set(probed.split())
    assert history == ""
