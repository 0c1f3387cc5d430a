"""The probe of databases, on SQLite files and on a port where nothing answers."""

from __future__ import annotations

import pytest

ANSWERS = "probe_platform.TestDatabases.test_each_answers"
MIGRATED = "probe_platform.TestMigrations.test_none_is_unapplied"
SHOP = {
    "shop/models.py": """
        from django.db import models
        class Product(models.Model):
            name = models.TextField()
        """,
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": """
        from django.db import migrations, models
        class Migration(migrations.Migration):
            initial = True
            operations = [migrations.CreateModel("Product", [
                ("id", models.AutoField(primary_key=True)), ("name", models.TextField())])]
        """,
}


@pytest.fixture
def shop(project):
    """A project with the ready-made probes and an app with a migration; nothing is applied yet."""
    project.apps = ["django_probe.contrib.platform"]
    project.app("shop")
    for name, text in SHOP.items():
        project.write(name, text)
    return project


def migrate(project, *arguments):
    """Run `manage.py migrate`."""
    done = project.run("migrate", *arguments)
    assert done.code == 0, done.err


def test_databases__answering(shop, outcome):
    """A database that answers passes."""
    migrate(shop)

    assert outcome(ANSWERS)["outcome"] == "passed"


def test_databases__every_broken_alias_is_named(shop, outcome, closed_port):
    """Of several aliases each broken one is named, with host and port, and never with its password."""
    shop.configure(f"""
        DATABASES["near"] = {{
            "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": "{closed_port}",
            "NAME": "orders", "USER": "teller", "PASSWORD": "open-sesame-4711"}}
        DATABASES["far"] = {{**DATABASES["near"], "NAME": "archive"}}
        """)
    migrate(shop, "--database=default")

    result = outcome(ANSWERS)

    assert result["outcome"] == "failed"
    for alias, name in (("near", "orders"), ("far", "archive")):
        assert (
            f'database "{alias}" (postgresql at 127.0.0.1:{closed_port}, {name}): OperationalError' in result["details"]
        )
    assert "Connection refused" in result["details"]
    assert 'database "default"' not in result["details"]
    assert "open-sesame-4711" not in str(result)


def test_databases__missing_sqlite_file(shop, outcomes):
    """A SQLite file that is not there fails, and asking for it does not create it."""
    results = outcomes("probe_platform.TestDatabases") | outcomes("probe_platform.TestMigrations")

    for label in (ANSWERS, MIGRATED):
        assert results[label]["outcome"] == "failed"
        assert f"{shop.path / 'db.sqlite3'}): the file does not exist" in results[label]["details"]
    assert not (shop.path / "db.sqlite3").exists()


def test_databases__file_that_is_no_database(shop, outcome):
    """A SQLite file that holds something else fails, although SELECT 1 would be answered."""
    (shop.path / "db.sqlite3").write_text("a shopping list, which is no database at all\n" * 100)

    result = outcome(ANSWERS)

    assert result["outcome"] == "failed"
    assert "file is not a database" in result["details"]


@pytest.mark.parametrize("probe", [ANSWERS, MIGRATED])
def test_databases__none_configured(shop, outcome, probe):
    """Without DATABASES the probes skip, and say so."""
    shop.configure("DATABASES = {}")

    result = outcome(probe)

    assert result["outcome"] == "skipped"
    assert 'database "default" is not configured in DATABASES' in result["message"]


@pytest.mark.parametrize(("apps_there", "expected"), [("probe_history", "passed"), ("probe_history shop", "failed")])
def test_databases__of_the_history_alone_is_not_the_systems(shop, outcome, closed_port, apps_there, expected):
    """What keeps the history alone closes no gate when it is away; with tables of the project in it, it does."""
    shop.write(
        "router.py",
        f"""
        class Router:
            def allow_migrate(self, db, app_label, model_name=None, **hints):
                return (db == "history") == (app_label in {apps_there.split()})
        """,
    )
    shop.configure(
        f"""
        INSTALLED_APPS += ["django_probe.history"]
        DATABASES["history"] = {{"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1",
                                "PORT": {closed_port}, "NAME": "probe", "USER": "probe"}}
        PROBE_HISTORY_DATABASE = "history"
        """
    )
    migrate(shop, "--verbosity", "0")
    shop.configure('DATABASE_ROUTERS = ["router.Router"]\n')

    assert [outcome(label)["outcome"] for label in (ANSWERS, MIGRATED)] == [expected, expected]
