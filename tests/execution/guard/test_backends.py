"""Which databases can be held to read-only, found out before any is connected to."""

from __future__ import annotations

ODD = """
from django.db.backends.sqlite3 import base
from django.utils.functional import cached_property

class DatabaseWrapper(base.DatabaseWrapper):
    vendor = "odd"

    @cached_property
    def display_name(self):
        return "known when it is connected"
"""
FAKE_PSYCOPG2 = {
    "psycopg.py": "raise ImportError('psycopg 3 is not installed here')\n",
    "psycopg2/__init__.py": """
        __version__ = "2.9.9 (dt dec pq3 ext lo64)"
        class Error(Exception):
            pass
        DataError = OperationalError = IntegrityError = InternalError = Error
        ProgrammingError = NotSupportedError = DatabaseError = InterfaceError = Error
        """,
    "psycopg2/errors.py": "",
    "psycopg2/sql.py": "class Composable: pass\nSQL = Identifier = Literal = Composable\n",
    "psycopg2/extensions.py": """
        ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_REPEATABLE_READ = 1, 2
        ISOLATION_LEVEL_SERIALIZABLE, ISOLATION_LEVEL_READ_UNCOMMITTED = 3, 4
        UNICODE = QuotedString = cursor = object
        def register_adapter(*args): pass
        def new_array_type(*args): pass
        def register_type(*args): pass
        """,
    "psycopg2/extras.py": """
        class Inet: pass
        Range = DateRange = DateTimeRange = DateTimeTZRange = NumericRange = Json = Inet
        def register_uuid(): pass
        """,
}


def test_a_vendor_that_cannot_be_held_is_an_objection(script, files):
    """One sentence an alias, with the vendor and the ways out, before anything connects."""
    script.project.write("odd/__init__.py", "")
    script.project.write("odd/base.py", ODD)
    script.project.configure("DATABASES['reports'] = {'ENGINE': 'odd', 'NAME': 'reports'}\n")
    told = script(
        """
        for access in DatabaseAccess:
            told[access] = objections(access)
        told["during"] = attempt(lambda: guard.during(READ_ONLY).__enter__())
        told["still held"] = attempt(insert)
        with guard.during(ROLLBACK):
            insert()
        """
    )
    (sentence,) = told["read-only"]
    assert sentence.startswith('database "reports": ')
    assert "and this is odd; choose rollback or read-write with --database-access or in the gate" in sentence
    assert "\n" not in sentence
    assert told["rollback"] == told["read-write"] == []
    assert told["during"]["error"] == "GuardError"
    assert told["during"]["message"] == sentence
    assert told["still held"]["error"] == "OperationalError"
    assert files() == ["old"]


def test_psycopg_2_is_an_objection(script):
    """PostgreSQL with the old driver cannot be held to read-only, and says so."""
    script.project.cold = True  # a warm start has imported the new driver
    for name, text in FAKE_PSYCOPG2.items():
        script.project.write(name, text)
    script.databases(default={"ENGINE": "django.db.backends.postgresql", "NAME": "shop"})
    told = script("told['objections'] = objections(READ_ONLY)")
    (sentence,) = told["objections"]
    assert sentence.startswith('database "default": ')
    assert "psycopg 2" in sentence


def test_a_project_without_databases_has_nothing_to_hold(script):
    """Django's stand-in for "no database" is no objection, and its own error stays what it is."""
    script.databases()
    told = script(
        """
        told["objections"] = objections(READ_ONLY)
        for access in DatabaseAccess:
            with guard.during(access):
                told[access] = attempt(sql, "SELECT 1")["error"]
        """
    )
    assert told == {
        "objections": [],
        "read-only": "ImproperlyConfigured",
        "rollback": "ImproperlyConfigured",
        "read-write": "ImproperlyConfigured",
    }
