"""Databases that keep a history: SQLite in a file, and PostgreSQL behind a pooler whose clients share a connection."""

from __future__ import annotations

import sys

import pytest

from tests.history import recorded

if sys.version_info < (3, 13):  # see tests/conftest.py
    _TRIGGERS = ("triggers/test_start.py", "triggers/test_launcher.py", "triggers/test_narrowing.py")
    _SHOWN = ("test_browser.py", "http/test_metrics.py", "http/openapi/test_openapi.py", "storage/test_retention.py")
    # Of notices, what the database is asked stays (test_changes.py); who is told, and over what, is no Django's.
    _TOLD = ("notices/test_watch.py", "notices/delivery/test_services.py", "notices/test_messenger.py")
    collect_ignore = [
        "pages",
        *_SHOWN,
        *_TOLD,
        *_TRIGGERS,
        "storage/test_recorder.py",
        "http/test_lists.py",
        "http/access/test_tokens.py",
    ]

SQLITE, POOLED = "SQLite", "PostgreSQL through PgBouncer"


@pytest.fixture(scope="module", params=[SQLITE, POOLED])
def kept(request, tmp_path_factory):
    """A site that keeps its history in each of the databases in turn; what a test leaves there is its own."""
    settings = ""
    if request.param == POOLED:
        postgres, bouncer = (request.getfixturevalue(name) for name in ("postgres", "bouncer"))
        name = request.module.__name__.rpartition(".")[2]
        with postgres.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        settings = f"DATABASES['default'] = {bouncer.settings(name, DISABLE_SERVER_SIDE_CURSORS=True)!r}\n"
    return recorded.new_site(tmp_path_factory.mktemp("kept") / "site", settings)
