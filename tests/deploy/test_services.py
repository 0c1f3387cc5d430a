"""DATABASE_URL, CACHE_URL and EMAIL_URL: what they become, and how a bad one is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import django
import pytest

SECRET = "hunter22"


def database(deployment, url):
    """Return the settings of the database that a URL becomes."""
    return deployment.evaluate("from deploy import settings", "settings.DATABASES['default']", DATABASE_URL=url)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////var/lib/probe/db.sqlite3", "/var/lib/probe/db.sqlite3"),
        ("sqlite:///db.sqlite3", "db.sqlite3"),
        ("sqlite:////srv/a%20b%3F/db@home.sqlite3", "/srv/a b?/db@home.sqlite3"),
    ],
)
def test_database__is_a_sqlite_file(deployment, url, name):
    """Three slashes begin a relative path, four an absolute one; it is percent-decoded."""
    found = database(deployment, url)
    assert (found["ENGINE"], found["NAME"]) == ("django.db.backends.sqlite3", name)


def test_database__in_a_file_is_used(deployment):
    """`migrate` makes its tables in the file that DATABASE_URL names."""
    done = deployment.run("migrate", "--verbosity", "0", DATABASE_URL="sqlite:///own%20place.sqlite3")
    assert done.returncode == 0, done.stderr
    assert (deployment.path / "own place.sqlite3").stat().st_size > 0


def test_database__is_a_postgresql_server(deployment):
    """User and password are percent-decoded; options go to the driver, numbers as numbers."""
    found = database(
        deployment,
        "postgres://pro%3Abe:p%40%2F%23ss@db.example:6432/shop%20x?sslmode=require&connect_timeout=5",
    )
    expected = {
        "ENGINE": "django.db.backends.postgresql",
        "USER": "pro:be",
        "PASSWORD": "p@/#ss",
        "HOST": "db.example",
        "PORT": 6432,
        "NAME": "shop x",
        "OPTIONS": {"sslmode": "require", "connect_timeout": 5},
    }
    assert {key: found[key] for key in expected} == expected


def test_database__takes_djangos_own_options(deployment):
    """Options that are Django's settings of a connection are not the driver's."""
    found = database(
        deployment,
        "postgresql://db/shop?conn_max_age=60&conn_health_checks=true&disable_server_side_cursors=1",
    )
    expected = {
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "PORT": "",
        "OPTIONS": {},
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("address", "host"), [("%2FRun%2Fpg", "/Run/pg"), ("[::1]:5432", "::1"), ("one,two", "one,two")]
)
def test_database__finds_its_host(deployment, address, host):
    """A socket's folder keeps its capitals, an IPv6 address loses its brackets, several hosts remain."""
    assert database(deployment, f"postgres://probe@{address}/shop")["HOST"] == host


def test_database__is_a_mysql_server_where_the_driver_is_installed(deployment):
    """mysql:// is Django's MySQL backend; that a driver is there is all that the settings look for."""
    deployment.write("drivers/MySQLdb.py")
    code = "import deploy.settings as s, json; print(json.dumps(s.DATABASES['default']))"
    # Not through manage.py: Django itself would import the driver and find that it is none.
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), str(deployment.path / "drivers")]),
            "DATABASE_URL": "mysql://probe:s%40fe@db:3306/shop?charset=utf8mb4&connect_timeout=5",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["ENGINE"] == "django.db.backends.mysql"
    assert (found["PASSWORD"], found["PORT"]) == ("s@fe", 3306)
    assert found["OPTIONS"] == {"charset": "utf8mb4", "connect_timeout": 5}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"{SECRET}", "does not begin with one of sqlite://, postgres://"),
        (f"{SECRET}://db/shop", "does not begin with"),
        (f"postgres:probe:{SECRET}@db/shop", "does not begin with"),
        (f"postgres://probe:{SECRET}@db:5432", "names no database"),
        (f"postgres://probe:{SECRET}@/shop", "names no host"),
        (f"postgres://probe:{SECRET}@db:port/shop", "not host:port"),
        (f"postgres://probe:{SECRET}@db:99999/shop", "not host:port"),
        (f"postgres://probe:{SECRET}#@db/shop", "write : / ? # @ [ ] % as %3A"),
        (f"postgres://probe:1/{SECRET}@db/shop", "write : / ? # @ [ ] % as %3A"),
        (f"postgres://probe:1?{SECRET}@db/shop", "write : / ? # @ [ ] % as %3A"),
        (f"postgres://probe:[{SECRET}@db/shop", "write : / ? # @ [ ] % as %3A"),
        (f"postgres://probe:{SECRET}@db/shop?conn_max_age=soon", "the option conn_max_age is a whole number"),
        (
            f"postgres://probe:{SECRET}@db/shop?conn_health_checks=yes",
            "the option conn_health_checks is true",
        ),
        (f"postgres://probe:{SECRET}@db/shop?sslmode=a&sslmode=b", "an option stands twice"),
        (f"sqlite://{SECRET}", "three slashes"),
        (f"sqlite://{SECRET}/db", "three slashes"),
        ("sqlite://", "three slashes"),
    ],
)
def test_database__is_refused_without_its_password(deployment, url, says):
    """A bad DATABASE_URL is one line that says what is wrong, and never repeats a part of it."""
    refusal = deployment.refusal(DATABASE_URL=url)
    assert refusal.startswith("DATABASE_URL: ")
    assert says in refusal
    assert SECRET not in refusal


def test_database__that_has_no_driver_is_refused():
    """mysql:// without a driver is one line that names the package, and no part of the URL."""
    code = "import sys; sys.modules['MySQLdb'] = None  # as where it is not installed\nimport deploy.settings"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": f"mysql://probe:{SECRET}@db/shop"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "mysql:// needs the Python package mysqlclient" in done.stderr
    assert SECRET not in done.stderr


def test_cache__is_djangos_default_where_unset(deployment):
    """Without CACHE_URL nothing is set, so that no probe asks a process's own memory whether it is there."""
    found = deployment.evaluate(
        "from django.conf import settings", "[settings.is_overridden('CACHES'), settings.CACHES]"
    )
    assert found == [False, {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}]


@pytest.mark.parametrize(
    ("url", "backend", "location"),
    [
        ("locmem://", "locmem.LocMemCache", ""),
        ("redis://:s%40fe@cache:6379/1", "redis.RedisCache", "redis://:s%40fe@cache:6379/1"),
        ("rediss://cache", "redis.RedisCache", "rediss://cache"),
        ("memcached://one:11211,two:11212", "memcached.PyMemcacheCache", ["one:11211", "two:11212"]),
    ],
)
def test_cache__is_the_one_of_the_url(deployment, url, backend, location):
    """CACHE_URL names one of Django's own backends and where it is."""
    for driver in ("redis", "pymemcache"):
        deployment.write(f"drivers/{driver}.py")
    found = deployment.setting("CACHES", CACHE_URL=url, PYTHONPATH=str(deployment.path / "drivers"))
    assert found == {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": location}}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"file://{SECRET}", "does not begin with one of locmem://, redis://"),
        (f"redis://:{SECRET}@cache:x", "not host:port"),
        (f"redis://:{SECRET}@", "names no host"),
        (f"memcached://cache:11211,{SECRET}:x", "not host:port"),
        ("memcached://cache?timeout=5", "unknown option timeout"),
    ],
)
def test_cache__is_refused_without_its_password(deployment, url, says):
    """A bad CACHE_URL is one line that says what is wrong, and never repeats a part of it."""
    for driver in ("redis", "pymemcache"):
        deployment.write(f"drivers/{driver}.py")
    refusal = deployment.refusal(CACHE_URL=url, PYTHONPATH=str(deployment.path / "drivers"))
    assert refusal.startswith("CACHE_URL: ")
    assert says in refusal
    assert SECRET not in refusal


SMTP = """
from django.core import mail
from django.conf import settings
backend = mail.mailers["default"] if hasattr(mail, "mailers") else mail.get_connection()
names = ("host", "port", "username", "password", "use_tls", "use_ssl", "timeout")
"""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "smtp://probe:s%40fe@mail:2525?tls=1&timeout=7",
            ["mail", 2525, "probe", "s@fe", True, False, 7],
        ),
        ("smtp://mail", ["mail", 25, "", "", False, False, None]),
        ("smtp://mail?tls=true", ["mail", 587, "", "", True, False, None]),
        ("smtps://mail", ["mail", 465, "", "", False, True, None]),
    ],
)
def test_email__is_the_server_of_the_url(deployment, url, expected):
    """EMAIL_URL is the SMTP server that Django connects to, without a warning on any Django."""
    assert deployment.evaluate(SMTP, "[getattr(backend, name) for name in names]", EMAIL_URL=url) == expected


def test_email__has_the_settings_of_this_django(deployment):
    """Django 6.1 gets MAILERS and none of the settings that it deprecates; the ones before it get EMAIL_*."""
    found = deployment.evaluate(
        "from deploy import settings",
        "sorted(name for name in vars(settings) if name.startswith(('EMAIL_', 'MAILERS')))",
        EMAIL_URL="smtp://mail",
    )
    assert (found == ["MAILERS"]) is (django.VERSION >= (6, 1))
    assert ("EMAIL_HOST" in found) is (django.VERSION < (6, 1))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"mail:{SECRET}", "does not begin with one of smtp://, smtps://"),
        (f"smtp://probe:{SECRET}@", "names no host"),
        (f"smtp://probe:{SECRET}@mail?tsl=1", 'unknown option tsl; did you mean "tls"?'),
        (f"smtp://probe:{SECRET}@mail?timeout=5s", "the option timeout is a whole number"),
        (f"smtps://probe:{SECRET}@mail?tls=true", "choose one"),
    ],
)
def test_email__is_refused_without_its_password(deployment, url, says):
    """A bad EMAIL_URL is one line that says what is wrong, and never repeats a part of it."""
    refusal = deployment.refusal(EMAIL_URL=url)
    assert refusal.startswith("EMAIL_URL: ")
    assert says in refusal
    assert SECRET not in refusal
