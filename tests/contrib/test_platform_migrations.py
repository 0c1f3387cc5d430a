"""The probes of migrations: what the code has, what the database says was applied, and what the models are."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

MIGRATED = "probe_platform.TestMigrations.test_none_is_unapplied"
MODELS = "probe_platform.TestMigrations.test_models_have_no_changes"
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
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField())])]
        """,
}
LATER = """
    from django.db import migrations
    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
        operations = []
    """
ROUTER = """
    class Router:
        def allow_migrate(self, db, app_label, model_name=None, **hints):
            return db == "default" or (db == "shops" and app_label == "shop")
    """
MODEL = """
    from django.db import models
    class Product(models.Model):
        name = models.TextField()
        {more}
    """


@pytest.fixture
def shop(project):
    """A project with the ready-made probes and an app with a migration; nothing is applied yet."""
    project.apps = ["django_probe.contrib.platform"]
    project.app("shop")
    project.configure('DEFAULT_AUTO_FIELD = "django.db.models.AutoField"\n')
    for name, text in SHOP.items():
        project.write(name, text)
    return project


def migrate(project, *arguments):
    """Run `manage.py migrate`."""
    done = project.run("migrate", *arguments)
    assert done.code == 0, done.err


def later(project, name, after, *, replaces=(), initial=False):
    """Write a migration of the shop that does nothing; `after` names those that it depends on."""
    project.write(
        f"shop/migrations/{name}.py",
        f"""
        from django.db import migrations
        class Migration(migrations.Migration):
            initial = {initial}
            dependencies = {[("shop", each) for each in after]}
            replaces = {[("shop", each) for each in replaces]}
            operations = []
        """,
    )


def execute(project, statement):
    """Change the database behind Django's back."""
    with closing(sqlite3.connect(project.path / "db.sqlite3")) as connection:
        assert connection.execute(statement).rowcount > 0
        connection.commit()


def forget(project, *names):
    """Have django_migrations forget migrations of the shop."""
    for name in names:
        execute(project, f"DELETE FROM django_migrations WHERE app = 'shop' AND name = '{name}'")


def remember(project, app, name):
    """Have django_migrations remember a migration that was applied just now."""
    execute(project, f"INSERT INTO django_migrations (app, name, applied) VALUES ('{app}', '{name}', datetime('now'))")


def refuses(project):
    """Return whether `manage.py migrate --check` refuses."""
    return project.run("migrate", "--check").code != 0


def tables(path):
    """Return the names of a SQLite file's tables."""
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_migrations__applied(shop, outcome):
    """A database that has all migrations passes."""
    migrate(shop)

    assert outcome(MIGRATED)["outcome"] == "passed"


def test_migrations__unapplied_is_named(shop, outcome):
    """An unapplied migration of a project's app fails, by name, and with the command that applies it."""
    migrate(shop)
    shop.write("shop/migrations/0002_later.py", LATER)

    result = outcome(MIGRATED)

    assert result["outcome"] == "failed"
    assert "lacks 1 migration: shop.0002_later" in result["details"]
    assert '"manage.py migrate --database=default"' in result["details"]


def test_migrations__never_migrated(shop, outcome):
    """A database without Django's own table is said to be one, and asking does not create the table."""
    sqlite3.connect(shop.path / "db.sqlite3").close()

    result = outcome(MIGRATED)

    assert result["outcome"] == "failed"
    assert "has no table django_migrations: nothing was ever migrated there" in result["details"]
    assert not tables(shop.path / "db.sqlite3")


def test_migrations__each_alias(shop, outcome):
    """Only the alias that lacks a migration is named."""
    shop.configure('DATABASES["second"] = {**DATABASES["default"], "NAME": BASE_DIR / "second.sqlite3"}')
    migrate(shop)
    migrate(shop, "--database=second")
    shop.write("shop/migrations/0002_later.py", LATER)
    migrate(shop)

    result = outcome(MIGRATED)

    assert result["outcome"] == "failed"
    assert 'database "second" (sqlite, ' in result["details"]
    assert 'database "default"' not in result["details"]


def test_migrations__router(shop, outcome):
    """What no router lets onto an alias is not missing there, be it some apps or all of them."""
    shop.write("routers.py", ROUTER)
    shop.configure("""
        DATABASES["shops"] = {**DATABASES["default"], "NAME": BASE_DIR / "shops.sqlite3"}
        DATABASES["legacy"] = {**DATABASES["default"], "NAME": BASE_DIR / "legacy.sqlite3"}
        DATABASE_ROUTERS = ["routers.Router"]
        """)
    migrate(shop)
    migrate(shop, "shop", "--database=shops")
    sqlite3.connect(shop.path / "legacy.sqlite3").close()
    assert outcome(MIGRATED)["outcome"] == "passed"

    shop.write("shop/migrations/0002_later.py", LATER)
    result = outcome(MIGRATED)

    assert result["outcome"] == "failed"
    assert 'database "shops" (sqlite, ' in result["details"]
    assert "lacks 1 migration: shop.0002_later" in result["details"]
    assert 'database "legacy"' not in result["details"]


def test_migrations__replica(shop, outcome):
    """A replica, which TEST MIRROR marks, is its primary's to answer for."""
    shop.configure("""
        DATABASES["replica"] = {
            **DATABASES["default"], "NAME": BASE_DIR / "replica.sqlite3", "TEST": {"MIRROR": "default"}}
        """)
    migrate(shop)
    sqlite3.connect(shop.path / "replica.sqlite3").close()

    assert outcome(MIGRATED)["outcome"] == "passed"


def test_migrations__gap_below_an_applied_one(shop, outcome):
    """What is missing below an applied migration, however deep, fails: `migrate` could not apply it any more."""
    later(shop, "0002_second", ["0001_initial"])
    later(shop, "0003_third", ["0002_second"])
    migrate(shop)
    forget(shop, "0001_initial", "0002_second")
    later(shop, "0004_fourth", ["0003_third"])

    result = outcome(MIGRATED)

    assert refuses(shop)
    assert result["outcome"] == "failed"
    assert 'database "default" (sqlite, ' in result["details"]
    assert "shop.0003_third is applied without shop.0002_second" in result["details"]
    assert "insert its row into django_migrations; else restore the database" in result["details"]
    assert "lacks 1 migration: shop.0004_fourth" in result["details"], "what is missing below has another cure"


def test_migrations__gap_in_another_app(shop, outcome):
    """An applied migration whose dependency is another app's is no better."""
    shop.write("shop/migrations/0002_later.py", LATER.replace('[("shop"', '[("auth", "0001_initial"), ("shop"'))
    migrate(shop)
    execute(shop, "DELETE FROM django_migrations WHERE app = 'auth'")

    result = outcome(MIGRATED)

    assert refuses(shop)
    assert result["outcome"] == "failed"
    assert "shop.0002_later is applied without auth.0001_initial" in result["details"]


@pytest.mark.parametrize("applied", [True, False])
def test_migrations__conflict(shop, outcomes, applied):
    """Two last migrations of an app fail, applied or not; the advice is to merge them, and `migrate` would refuse."""
    later(shop, "0002_left", ["0001_initial"])
    migrate(shop)
    later(shop, "0002_right", ["0001_initial"])
    if applied:
        remember(shop, "shop", "0002_right")

    results = outcomes("probe_platform.TestMigrations")

    assert refuses(shop)
    assert {label: result["outcome"] for label, result in results.items()} == {MIGRATED: "failed", MODELS: "failed"}
    for result in results.values():
        assert "more than one last migration of shop: shop.0002_left and shop.0002_right" in result["details"]
        assert '"manage.py makemigrations --merge shop"' in result["details"]
    details = results[MIGRATED]["details"]
    assert ("lacks 1 migration: shop.0002_right" in details) is not applied
    assert "before they are needed" not in details, "migrate alone is no cure"


def test_migrations__missing_file(shop, outcome):
    """A migration whose dependency is no file of the code fails, and is named with the database."""
    later(shop, "0003_third", ["0002_second"])
    later(shop, "0002_second", ["0001_initial"])
    migrate(shop)
    (shop.path / "shop/migrations/0002_second.py").unlink()

    result = outcome(MIGRATED)

    assert refuses(shop)
    assert result["outcome"] == "failed"
    assert 'database "default" (sqlite, ' in result["details"]
    assert "shop.0003_third dependencies reference nonexistent parent node ('shop', '0002_second')" in result["details"]


def test_migrations__database_ahead_of_the_code(shop, outcome):
    """A migration that was applied and that the code does not know fails, although `migrate --check` is content."""
    later(shop, "0002_second", ["0001_initial"])
    later(shop, "0003_third", ["0002_second"])
    migrate(shop)
    for name in ("0002_second", "0003_third"):
        (shop.path / f"shop/migrations/{name}.py").unlink()
    remember(shop, "gone", "0001_initial")

    result = outcome(MIGRATED)

    assert not refuses(shop)
    assert result["outcome"] == "failed"
    assert "does not know 2 migrations: shop.0002_second, shop.0003_third. Release code" in result["details"]
    assert '"manage.py migrate --prune --database=default shop"' in result["details"]
    assert "gone" not in result["details"], "no app that is installed"


def test_migrations__of_another_branch(shop, outcome):
    """What the code does not know fails too where a migration that it knows was applied after it."""
    later(shop, "0002_left", ["0001_initial"])
    migrate(shop)
    (shop.path / "shop/migrations/0002_left.py").unlink()
    later(shop, "0002_right", ["0001_initial"])
    migrate(shop)

    assert "does not know 1 migration: shop.0002_left" in outcome(MIGRATED)["details"]


def test_migrations__squashed(shop, outcome):
    """What a squashed migration replaces is known; so is what it replaced once, when only its rows are left."""
    later(shop, "0002_second", ["0001_initial"])
    migrate(shop)
    later(shop, "0001_squashed_0002_second", [], replaces=["0001_initial", "0002_second"], initial=True)
    assert outcome(MIGRATED)["outcome"] == "passed"

    for name in ("0001_initial", "0002_second"):
        (shop.path / f"shop/migrations/{name}.py").unlink()
    assert outcome(MIGRATED)["outcome"] == "passed", "as far as the rows tell, the squashed one is applied"

    migrate(shop)
    later(shop, "0001_squashed_0002_second", [], initial=True)
    later(shop, "0003_third", ["0001_squashed_0002_second"])
    migrate(shop)
    assert not refuses(shop)
    assert outcome(MIGRATED)["outcome"] == "passed"


def test_migrations__squashed_and_partly_applied(shop, outcome):
    """Of a squashed migration that was applied in part, the rest is missing."""
    migrate(shop)
    later(shop, "0002_second", ["0001_initial"])
    later(shop, "0001_squashed_0002_second", [], replaces=["0001_initial", "0002_second"], initial=True)

    result = outcome(MIGRATED)

    assert refuses(shop)
    assert "lacks 1 migration: shop.0002_second" in result["details"]


def test_models__as_the_migrations_make_them(shop, outcome):
    """Models that the migrations make pass; the database is not asked for it."""
    assert outcome(MODELS)["outcome"] == "passed"
    assert not (shop.path / "db.sqlite3").exists()


@pytest.mark.parametrize("default", ["default=0", ""], ids=["with a default", "where makemigrations would ask for one"])
def test_models__change_without_a_migration(shop, default):
    """A change that no migration makes is named, asks nothing, writes nothing, and does not close the gate."""
    shop.write("shop/models.py", MODEL.format(more=f"stock = models.IntegerField({default})"))
    before = sorted(path.name for path in (shop.path / "shop/migrations").iterdir())

    done, record = shop.record(MODELS)

    (result,) = record["results"]
    assert done.code == 0
    assert (result["outcome"], result["blocking"]) == ("failed", False)
    assert "changes that no migration makes: shop: Add field stock to product" in result["details"]
    assert '"manage.py makemigrations"' in result["details"]
    assert sorted(path.name for path in (shop.path / "shop/migrations").iterdir()) == before


def test_models__of_apps_without_migrations(shop, outcome):
    """An app without migrations needs none; where no app has any, the probe skips and says so."""
    shop.app("till")
    shop.write("till/models.py", MODEL.format(more=""))
    assert outcome(MODELS)["outcome"] == "passed"

    shop.configure("MIGRATION_MODULES = dict.fromkeys(('shop', 'auth', 'contenttypes'))")
    result = outcome(MODELS)
    assert (result["outcome"], result["message"]) == ("skipped", "no installed app has migrations")
