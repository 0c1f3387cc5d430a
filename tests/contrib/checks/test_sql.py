"""The checks of databases, against a real PostgreSQL."""

from __future__ import annotations

import re


def test_sql__on_postgresql(checked, postgres):
    """Rows that nobody asked for are not fetched, what takes too long is named, and `rollback` undoes what it wrote."""
    checked.site.configure(f'DATABASES["default"] = {postgres.settings("postgres")!r}\n')
    with postgres.connect() as connection:
        connection.execute("CREATE TABLE checks_kept (n int); INSERT INTO checks_kept VALUES (1)")

    _, found = checked.run("""
many: {sql: "SELECT generate_series(1, 400000000)", expect: 1}
with: {sql: "WITH gone AS (DELETE FROM checks_kept RETURNING n) SELECT n FROM gone", database_access: rollback}
hangs: {sql: "SELECT pg_sleep(300)", timeout: 1s}
""")

    with postgres.connect() as connection:
        kept = connection.execute("SELECT n FROM checks_kept").fetchall()
    assert {name: each["outcome"] for name, each in found.items()} == {
        "sql.many": "passed",
        "sql.with": "passed",
        "sql.hangs": "timeout",
    }
    assert kept == [(1,)]
    assert re.fullmatch(r"timed out after 1 s .*, waiting for SELECT pg_sleep\(300\)", found["sql.hangs"]["message"])
