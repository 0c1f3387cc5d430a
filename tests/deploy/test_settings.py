"""The settings: what each variable does, what holds where it is not set, and how a bad value is refused."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "container-settings.md"


def test_unset__everything_has_a_default(deployment):
    """Without any variable the project is complete: SQLite beside deploy/, and Django finds nothing wrong."""
    database, debug, hosts = deployment.evaluate(
        "from django.conf import settings",
        "[settings.DATABASES['default'], settings.DEBUG, settings.ALLOWED_HOSTS]",
        DATABASE_URL="",
    )
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == str(ROOT / "db.sqlite3")
    assert debug is False
    assert hosts == [".localhost", "127.0.0.1", "[::1]"]
    checked = deployment.run("check", DATABASE_URL="")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_check_deploy__finds_no_error(deployment):
    """`manage.py check --deploy` has warnings about a web server at most, no errors."""
    done = deployment.run("check", "--deploy", "--fail-level", "ERROR")
    assert done.returncode == 0, done.stderr


def test_settings__match_the_labels_that_they_know(deployment):
    """The labels that settings.py writes down are those that the apps have."""
    installed = deployment.evaluate(
        "from django.apps import apps; from deploy import settings",
        "[{config.label: config.name for config in apps.get_app_configs()}, settings.apps]",
    )
    assert installed[0] == installed[1]


def test_secret_key__is_the_one_that_is_set(deployment):
    """SECRET_KEY is Django's, without the newline that a file put into the environment ends with."""
    assert deployment.setting("SECRET_KEY", SECRET_KEY="k-0123456789\n") == "k-0123456789"


def test_secret_key__is_random_where_unset(deployment):
    """Without SECRET_KEY each process has a key of its own, and a long one."""
    first, second = (deployment.setting("SECRET_KEY") for _ in range(2))
    assert first != second
    assert len(first) >= 50


def test_allowed_hosts__are_separated_by_commas(deployment):
    """Blanks and empty parts in ALLOWED_HOSTS mean nothing."""
    given = deployment.setting("ALLOWED_HOSTS", ALLOWED_HOSTS=" example.org, .example.com,[::1],,*")
    assert given == ["example.org", ".example.com", "[::1]", "*"]


@pytest.mark.parametrize("host", ["https://example.org", "example.org:8000", "a b", "example.org/x"])
def test_allowed_hosts__refuses_what_never_matches(deployment, host):
    """A scheme, a port or a path in ALLOWED_HOSTS would lock everybody out: it is refused by name."""
    assert deployment.refusal(ALLOWED_HOSTS=f"good.example,{host}").startswith(f"ALLOWED_HOSTS: '{host}' ")


def test_probe_policy__is_the_containers_where_unset(deployment):
    """The policy is deploy/probe.yaml, unless PROBE_POLICY names another."""
    assert deployment.setting("PROBE_POLICY") == str(ROOT / "deploy" / "probe.yaml")
    assert deployment.setting("PROBE_POLICY", PROBE_POLICY="/etc/own.yaml") == "/etc/own.yaml"


def test_probe_runner__is_found_by_the_engine(deployment):
    """PROBE_RUNNER is what the engine takes for the runner; unset, it takes its own."""
    code = "from django_probe import conf"
    assert deployment.evaluate(code, "conf.runner_path()", PROBE_RUNNER="team.Runner") == "team.Runner"
    assert deployment.evaluate(code, "conf.runner_path() == conf.DEFAULT_RUNNER") is True


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROBE_TARGETS", "shop.example"),
        ("PROBE_TARGETS", "https://shop.example ftp://shop.example"),
        ("PROBE_TARGET_TIMEOUT", "soon"),
        ("PROBE_RELEASE_HEADER", "X Release"),
    ],
)
def test_http__is_refused_at_the_start(deployment, variable, value):
    """What the probe over HTTP cannot work with is refused before anything runs."""
    assert deployment.refusal(**{variable: value}).startswith(f"{variable}: ")


def test_http__never_shows_a_password(deployment):
    """The refusal of a target leaves out its user and password."""
    refusal = deployment.refusal(PROBE_TARGETS="ftp://probe:hunter22@shop.example/")
    assert "shop.example" in refusal
    assert "hunter22" not in refusal


def test_logging__goes_to_standard_error(deployment):
    """What is logged is a line with level and logger on standard error, and standard output stays clean."""
    done = deployment.run("shell", "--no-imports", "-c", "import logging; logging.getLogger('shop').info('sold out')")
    assert re.fullmatch(r"\S+ \S+ INFO shop: sold out\n", done.stderr)
    assert done.stdout == ""


def test_wsgi__serves(deployment):
    """`deploy.wsgi` is an application: it answers, and leads to the pages."""
    code = """
    import logging
    from django.test import RequestFactory
    from deploy.wsgi import application
    logging.disable()
    seen = []
    environ = RequestFactory().get("/", SERVER_NAME="localhost").environ
    application(environ, lambda status, headers: seen.append(status))
    """
    assert deployment.evaluate(code, "seen") == ["302 Found"]


def test_table__names_every_variable_that_is_read(deployment):
    """Each variable that the settings ask for stands in the table of docs/container-settings.md."""
    code = """
    import os, sys
    read = []
    class Recorder(type(os.environ)):
        def get(self, name, default=None):
            read.append(name)
            return super().get(name, default)
    os.environ.__class__ = Recorder
    sys.modules.pop("deploy.settings")
    import deploy.settings
    """
    read = deployment.evaluate(code, "[name for name in read if name.isupper()]")
    table = set(re.findall(r"^\| `(\w+)` \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"DATABASE_URL", "SECRET_KEY", "PROBE_PATH"} <= set(read)
    assert set(read) - {"DJANGO_SETTINGS_MODULE"} <= table


@pytest.mark.parametrize(
    ("variable", "url"),
    re.findall(r"^(\w+_URL)='(\S+)'$", TABLE.read_text(encoding="utf-8"), re.MULTILINE),
)
def test_table__shows_urls_that_are_accepted(deployment, variable, url):
    """Each URL that the page shows is one that the settings take."""
    done = deployment.run("check", **{variable: url})
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_module__can_be_ones_own(deployment):
    """DJANGO_SETTINGS_MODULE names other settings, which may build on the container's."""
    deployment.write("team_settings.py", "from deploy.settings import *\nSITE = 'team'\n")
    variables = {"DJANGO_SETTINGS_MODULE": "team_settings", "PYTHONPATH": str(deployment.path)}
    assert deployment.setting("SITE", **variables) == "team"
    assert deployment.setting("ROOT_URLCONF", **variables) == "deploy.urls"
