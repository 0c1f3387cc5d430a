"""The probe of the caches: files, memory, a database's table, and caches that lose what they are given."""

from __future__ import annotations

import pytest

KEEPS = "probe_platform.TestCaches.test_each_keeps_a_value"
BACKEND = "django.core.cache.backends."


def test_caches__keeping_a_value(platform, outcome):
    """A cache that keeps a value passes, and nothing of the probe stays in it."""
    platform.configure(f"""
        CACHES = {{
            "default": {{"BACKEND": "{BACKEND}filebased.FileBasedCache", "LOCATION": BASE_DIR / "kept"}}}}
        """)

    assert outcome(KEEPS)["outcome"] == "passed"
    assert not list((platform.path / "kept").iterdir())


@pytest.mark.usefixtures("platform")
def test_caches__unset(outcome):
    """Without CACHES the probe skips: Django's default, a process's own memory, proves nothing."""
    result = outcome(KEEPS)

    assert (result["outcome"], result["message"]) == ("skipped", "CACHES is not set")


def test_caches__dummy(platform, outcome):
    """Where every cache is a DummyCache the probe skips, and says of each why."""
    platform.configure(f"""
        CACHES = {{name: {{"BACKEND": "{BACKEND}dummy.DummyCache"}} for name in ("default", "pages")}}
        """)

    result = outcome(KEEPS)

    assert result["outcome"] == "skipped"
    assert 'cache "default" is a DummyCache' in result["message"]
    assert 'cache "pages" is a DummyCache' in result["message"]


def test_caches__every_broken_alias_is_named(platform, outcome):
    """Each broken one of several caches is named, with its place; a DummyCache beside them hides nothing."""
    platform.write("a_file", "where a folder should be")
    platform.write(
        "lossy.py",
        """
        from django.core.cache.backends.dummy import BaseCache
        class Lossy(BaseCache):
            def __init__(self, server, params):
                super().__init__(params)
            def set(self, key, value, timeout=None, version=None):
                pass
            def get(self, key, default=None, version=None):
                return default
            def delete(self, key, version=None):
                return False
        """,
    )
    platform.configure(f"""
        CACHES = {{
            "default": {{"BACKEND": "{BACKEND}locmem.LocMemCache"}},
            "off": {{"BACKEND": "{BACKEND}dummy.DummyCache"}},
            "files": {{"BACKEND": "{BACKEND}filebased.FileBasedCache", "LOCATION": BASE_DIR / "a_file/kept"}},
            "lossy": {{"BACKEND": "lossy.Lossy", "LOCATION": [
                "redis://:open-sesame-4711@cache-1:6379/0", "redis://:open-sesame-4711@cache-2:6379/0"]}},
            "gone": {{"BACKEND": "no.such.Backend"}},
        }}
        """)

    result = outcome(KEEPS)

    assert result["outcome"] == "failed"
    for message in (
        f'cache "files" (FileBasedCache at {platform.path / "a_file/kept"}): NotADirectoryError',
        'cache "lossy" (Lossy at redis://cache-1:6379/0, redis://cache-2:6379/0): it took a value',
        'cache "gone" (Backend): InvalidCacheBackendError',
    ):
        assert message in result["details"]
    assert 'cache "default"' not in result["details"]
    assert "open-sesame-4711" not in str(result)


def test_caches__in_the_database(platform, outcome):
    """A cache in a database is read only: it passes once its table is there."""
    platform.configure(f"""
        CACHES = {{"default": {{"BACKEND": "{BACKEND}db.DatabaseCache", "LOCATION": "cached"}}}}
        """)
    assert platform.run("migrate").code == 0
    missing = outcome(KEEPS)
    assert missing["outcome"] == "failed"
    assert 'cache "default" (DatabaseCache at cached): OperationalError: no such table' in missing["details"]

    assert platform.run("createcachetable").code == 0

    assert outcome(KEEPS)["outcome"] == "passed"
