"""Read-only and rollback on MariaDB, with mysqlclient and with PyMySQL in its place."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests import servers

PYMYSQL = "import pymysql\npymysql.install_as_MySQLdb()\n"


@pytest.fixture(scope="session")
def maria():
    """A MariaDB of the tests' own."""
    with servers.mariadb() as server:
        yield server


@pytest.fixture(params=["mysqlclient", "PyMySQL"])
def store(request, script, maria, tmp_path):
    """A database with a table of things, one without transactions, and routines that write; gives what is in them."""
    name = f"store_{abs(hash(tmp_path))}"
    with maria.connect() as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    with maria.connect(name) as admin, admin.cursor() as cursor:
        for statement in (
            "CREATE TABLE thing (id int AUTO_INCREMENT PRIMARY KEY, name text NOT NULL)",
            "CREATE TABLE plain (id int AUTO_INCREMENT PRIMARY KEY, name text NOT NULL) ENGINE=MyISAM",
            "INSERT INTO thing (name) VALUES ('old')",
            "CREATE SEQUENCE numbers",
            "CREATE FUNCTION writes() RETURNS int BEGIN INSERT INTO thing (name) VALUES ('function'); RETURN 1; END",
            "CREATE PROCEDURE leaves() BEGIN START TRANSACTION; INSERT INTO thing (name) VALUES ('p'); COMMIT; END",
        ):
            cursor.execute(statement)
    if request.param == "mysqlclient" and not find_spec("MySQLdb"):
        pytest.skip("mysqlclient is not installed (Debian: apt-get install libmariadb-dev gcc pkg-config; make test)")
    if request.param == "PyMySQL":
        script.project.configure(PYMYSQL)
    script.databases(default=maria.settings(name))

    def written():
        with maria.connect(name) as admin, admin.cursor() as cursor:
            cursor.execute("SELECT name FROM thing WHERE name <> 'old' UNION ALL SELECT name FROM plain")
            return [row[0] for row in cursor.fetchall()]

    yield written
    with maria.connect() as admin, admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def test_every_write_is_refused(script, store):
    """By the server or by its first word, by itself and inside a block, by the ORM, a cursor, the driver, a thread."""
    told = script(
        """
        write = "INSERT INTO thing (name) VALUES ('written')"
        statements = [
            write,
            "INSERT INTO plain (name) VALUES ('written')",
            "/*!50000 INSERT INTO thing (name) VALUES ('written') */",
            "/* a comment */ INSERT INTO thing (name) VALUES ('written')",
            "UPDATE thing SET name = 'written'", "DELETE FROM thing", "REPLACE INTO thing (name) VALUES ('written')",
            "TRUNCATE thing", "CREATE TABLE other (id int)", "CREATE TEMPORARY TABLE other (id int)",
            "ALTER TABLE thing ADD COLUMN more int", "DROP TABLE plain", "RENAME TABLE thing TO other",
            "CALL leaves()", "SELECT writes()", "DO writes()", "SET @x = writes()", "SELECT NEXT VALUE FOR numbers",
            "SELECT * FROM thing FOR UPDATE", "SELECT * FROM thing LOCK IN SHARE MODE",
            "SELECT * FROM thing /*!50000 FOR UPDATE */", "SELECT 'x' INTO OUTFILE '/tmp/probe-outfile'",
            "LOAD DATA INFILE '/etc/hostname' INTO TABLE thing (name)", "LOCK TABLES thing WRITE",
            "SET autocommit = 1", "SET GLOBAL max_connections = 99", "SET TRANSACTION READ WRITE",
            "SET SESSION TRANSACTION READ WRITE", "START TRANSACTION READ WRITE", "BEGIN NOT ATOMIC SELECT 1; END",
            "SET STATEMENT max_statement_time = 1 FOR INSERT INTO thing (name) VALUES ('written')",
            "PREPARE it FROM 'COMMIT'", "EXECUTE IMMEDIATE 'COMMIT'", "XA START 'it'", "COMMIT AND CHAIN",
            "ANALYZE UPDATE thing SET name = 'written'", "OPTIMIZE TABLE thing", "FLUSH TABLES",
            "GRANT ALL ON *.* TO root@localhost",
        ]

        def in_a_block(*statements):
            with transaction.atomic():
                for statement in ("SELECT 1", *statements):
                    sql(statement)

        def by_driver():
            connection.ensure_connection()
            connection.connection.autocommit(False)
            connection.connection.cursor().execute(write)
            connection.connection.commit()

        ways = {statement: lambda statement=statement: sql(statement) for statement in statements}
        ways |= {f"{name} in a block": lambda name=name: in_a_block(name) for name in statements}
        for end in ("COMMIT", "ROLLBACK", "BEGIN", "START TRANSACTION", "START TRANSACTION WITH CONSISTENT SNAPSHOT"):
            ways[f"after {end}"] = lambda end=end: (sql(end), sql(write))
            ways[f"after {end} in a block"] = lambda end=end: in_a_block(end, "SELECT 1", write)
        ways["orm"] = lambda: Thing.objects.create(name="written")
        ways["for update"] = lambda: transaction.atomic(lambda: list(Thing.objects.select_for_update()))()
        ways["driver"] = by_driver
        ways["callproc"] = lambda: connection.cursor().callproc("leaves")
        for name, way in ways.items():
            with guard.during(READ_ONLY):
                told[name] = attempt(way)
        with guard.during(ROLLBACK):
            told["a thread beside rollback"] = in_thread(insert)
        with guard.during(READ_ONLY):
            told["a thread"] = in_thread(insert)
        """
    )
    assert store() == []
    assert [name for name, end in told.items() if not any("refused" in note for note in end.get("notes", []))] == []
    assert "(the statement began: INSERT INTO thing)" in told["a thread"]["notes"][0]


def test_several_statements_in_a_string_are_refused(script, store):
    """The connection is made so that the server takes one statement at a time, whatever the settings say."""
    script.project.configure("DATABASES['default']['OPTIONS'] = {'client_flag': 65536}\n")
    told = script(
        """
        with guard.during(READ_ONLY):
            told["reads"] = attempt(sql, "SELECT 1; INSERT INTO thing (name) VALUES ('written')")
            told["commits"] = attempt(sql, "COMMIT; INSERT INTO thing (name) VALUES ('written')")
            told["count"] = Thing.objects.count()
        """
    )
    assert "error" in told["reads"]
    assert "error" in told["commits"]
    assert told["count"] == 1
    assert store() == []


def test_reads_work_and_nothing_stays_in_the_session(script, store):
    """Blocks, savepoints, iterators and row counts are as ever; afterwards the connection writes as before."""
    told = script(
        """
        with guard.during(READ_ONLY):
            told["count"] = Thing.objects.count()
            told["iterator"] = [thing.name for thing in Thing.objects.iterator()]
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 UNION SELECT 2")
                told["rows"] = [cursor.rowcount, len(cursor.fetchall())]
            with transaction.atomic():
                try:
                    with transaction.atomic():
                        insert()
                except Exception:
                    pass
                told["after a refusal"] = Thing.objects.count()
            told["autocommit"] = connection.get_autocommit()
            told["session"] = sql("SELECT @@session.tx_read_only, @@session.autocommit")
            told["open"] = connection.connection.probe_open
        guard.close()
        insert("after the guard")
        """
    )
    assert told == {
        "count": 1,
        "iterator": ["old"],
        "rows": [2, 2],
        "after a refusal": 1,
        "autocommit": True,
        "session": [[0, 1]],
        "open": False,
    }
    assert store() == ["after the guard"]


def test_rollback_undoes_what_the_orm_writes_first(script, store):
    """An insert as a probe's first statement is seen and undone; what commits by itself makes the probe err."""
    told = script(
        """
        def ddl():
            with guard.during(ROLLBACK):
                sql("CREATE TABLE other (id int)")

        with guard.during(ROLLBACK):
            Thing.objects.create(name="undone")
            told["seen"] = Thing.objects.count()
        told["ddl"] = attempt(ddl)
        """
    )
    assert told["seen"] == 2
    assert told["ddl"]["error"] == "GuardError"
    assert "a statement that commits" in told["ddl"]["message"]
    assert store() == []
