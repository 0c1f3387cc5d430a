"""The ready-made probes of the platform together, as the gate of a configured system runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import servers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ready-made-probes.md"


def documented():
    """Return the tags of each probe by its label, as the table of the page on them has it."""
    rows = re.findall(r"^\| `(probe_platform\.[\w.]+)` \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return {label: sorted(re.findall(r"`(.*?)`", tags)) for label, tags in rows}


@pytest.fixture
def configured(platform, mail_server):
    """A project in which every part of the platform is configured and works."""
    platform.configure(f"""
        CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}}}
        MEDIA_ROOT = BASE_DIR / "media"
        EMAIL_HOST, EMAIL_PORT = "127.0.0.1", {mail_server.port}
        """)
    return platform


def test_platform__gate_open(configured):
    """Where everything works the gate is open: each probe passed, and none skipped."""
    assert configured.run("migrate").code == 0

    done, record = configured.record("probe_platform")

    assert done.code == 0, done.err
    outcomes = {result["label"]: result["outcome"] for result in record["results"]}
    assert outcomes == dict.fromkeys(documented(), "passed")


def test_platform__postgresql(configured):
    """On PostgreSQL a role that may only read is enough, and the gate names what that role may not see."""
    with servers.postgresql() as server:
        configured.configure(f'DATABASES["default"] = {server.settings("postgres")!r}\n')
        assert configured.run("migrate").code == 0
        with server.connect() as admin:
            admin.execute("CREATE ROLE reader LOGIN")
            admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        configured.configure('DATABASES["default"]["USER"] = "reader"\n')

        allowed, _ = configured.record("probe_platform")
        with server.connect() as admin:
            admin.execute("REVOKE SELECT ON django_migrations FROM reader")
        denied, record = configured.record("probe_platform")

    assert allowed.code == 0, allowed.err
    assert denied.code == 1
    (closing,) = (result for result in record["results"] if result["outcome"] == "failed")
    assert closing["label"] == "probe_platform.TestMigrations.test_none_is_unapplied"
    assert f'database "default" (postgresql at 127.0.0.1:{server.port}, postgres): ' in closing["message"]
    assert "permission denied for table django_migrations" in closing["message"]


@pytest.mark.usefixtures("platform")
def test_platform__tags(outcomes):
    """The probes have the tags that the page names; none is "ready", where nothing shared belongs."""
    tags = {label: result["tags"] for label, result in outcomes("probe_platform").items()}

    assert tags == documented()
    assert "ready" not in {tag for found in tags.values() for tag in found}
