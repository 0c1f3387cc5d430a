"""Real servers for tests: PostgreSQL, PgBouncer before it, MariaDB, Redis, each a process of its own on a free port."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tests.patience import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import pymysql
    import redis

ROOT = Path(__file__).resolve().parent.parent
SUPERUSER = "tester"
_INITDB = ("-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
STARTS_WITHIN = 90
"""Seconds after which a server counts as one that does not start."""


@dataclass(frozen=True)
class Server:
    """A server that speaks PostgreSQL's protocol on this host; any password will do."""

    port: int

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a connection of one's own, in autocommit."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            dbname=database,
            autocommit=True,
            prepare_threshold=None,
        )

    def is_up(self) -> bool:
        """Return whether it takes connections."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def settings(self, database: str, **more: object) -> dict[str, object]:
        """Return what settings.DATABASES says of one of its databases."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "USER": SUPERUSER,
            "NAME": database,
            **more,
        }


@dataclass(frozen=True)
class MariaDB:
    """A MariaDB on this host, where its superuser needs no password."""

    port: int

    def connect(self, database: str | None = None) -> pymysql.connections.Connection:
        """Open a connection of one's own, in autocommit."""
        import pymysql  # noqa: PLC0415 (the bench starts servers too, and has no such driver)

        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", database=database, autocommit=True)

    def is_up(self) -> bool:
        """Return whether it takes connections."""
        import pymysql  # noqa: PLC0415 (as above)

        try:
            self.connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def settings(self, database: str, **more: object) -> dict[str, object]:
        """Return what settings.DATABASES says of one of its databases."""
        return {
            "ENGINE": "django.db.backends.mysql",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "USER": "root",
            "NAME": database,
            **more,
        }


@dataclass(frozen=True)
class Redis:
    """A Redis on this host, with a password."""

    port: int
    password: str = "open-sesame-4711"

    def connect(self, db: int = 0, **options: object) -> redis.Redis:
        """Open a client of one's own."""
        import redis  # noqa: PLC0415 (only the newer end of the tests has it)

        return redis.Redis(port=self.port, db=db, **{"password": self.password, "decode_responses": True, **options})

    def is_up(self) -> bool:
        """Return whether it takes connections."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def url(self, db: int = 0, password: str = "") -> str:
        """Return the URL of one of its databases."""
        return f"redis://:{password or self.password}@127.0.0.1:{self.port}/{db}"

    def shown(self, db: int = 0) -> str:
        """Return that URL as reports show it."""
        return f"redis://127.0.0.1:{self.port}/{db}"


class MissingError(Exception):
    """A program is not installed; the message says how it is."""


def find(name: str) -> str:
    """Find a server's program, on the path or where Debian keeps it; MissingError where it is not."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    if found := shutil.which(name, path=os.pathsep.join(places)):
        return found
    raise MissingError(
        f"{name} is not installed (Debian: apt-get install postgresql pgbouncer mariadb-server redis-server)"
    )


def program(name: str) -> str:
    """Find a server's program; skip the test where it is missing."""
    try:
        return find(name)
    except MissingError as error:
        import pytest  # noqa: PLC0415 (the bench starts servers too, and has no pytest)

        return pytest.skip(str(error))


@contextmanager
def postgresql() -> Iterator[Server]:
    """Run a new PostgreSQL, which is gone with the block."""
    with cluster() as run, run() as server:
        yield server


@contextmanager
def cluster() -> Iterator[Callable[[], AbstractContextManager[Server]]]:
    """Make the data of a new PostgreSQL, and return what runs it: as often as one likes, always on the same port."""
    postgres, new = program("postgres"), _new_data()
    with _folder() as folder:
        data = folder / "data"
        subprocess.run(["cp", "-a", new, data], check=True)  # shutil would give it to who copies
        port = _free_port()
        command = [postgres, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]
        options = {"timezone": "UTC", "max_prepared_transactions": "5", "max_connections": "200"}
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        yield lambda: _running(command, folder, Server(port), signal.SIGQUIT)


def _new_data() -> Path:
    """Return the data of a PostgreSQL that nobody has used, made once for a checkout: a copy takes a fifth of it."""
    initdb = program("initdb")
    made_by = subprocess.run([initdb, "--version"], check=True, capture_output=True).stdout + repr(_INITDB).encode()
    place = ROOT / ".cache" / f"postgresql-{hashlib.sha256(made_by).hexdigest()[:16]}"
    place.parent.mkdir(exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with _folder() as folder:
                data = folder / "data"
                line = [initdb, "-D", data, *_INITDB]
                subprocess.run(line, check=True, capture_output=True, cwd=folder, **_not_root())
                part = place.with_suffix(".part")
                shutil.rmtree(part, ignore_errors=True)
                subprocess.run(["cp", "-a", data, part], check=True)
                part.rename(place)
    return place


@contextmanager
def pgbouncer(behind: Server, port: int | None = None) -> Iterator[Server]:
    """Run PgBouncer in transaction mode: all its clients of a database share one connection to the server."""
    command = program("pgbouncer")
    with _folder() as folder:
        port = port or _free_port()
        users, config = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{SUPERUSER}" ""\n', encoding="utf-8")
        config.write_text(
            f"""\
[databases]
* = host=127.0.0.1 port={behind.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 1
max_client_conn = 100
""",
            encoding="utf-8",
        )
        with _running([command, config], folder, Server(port), signal.SIGKILL) as server:
            yield server


@contextmanager
def mariadb() -> Iterator[MariaDB]:
    """Run a new MariaDB, which is gone with the block."""
    install, server = program("mariadb-install-db"), program("mariadbd")
    with _folder() as folder:
        data, port = folder / "data", _free_port()
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"],
            check=True,
            capture_output=True,
            cwd=folder,
            **_not_root(),
        )
        command = [server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"]
        command += ["--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]
        with _running(command, folder, MariaDB(port), signal.SIGKILL) as running:
            yield running


@contextmanager
def redis_server(*options: str) -> Iterator[Redis]:
    """Run a new Redis, which keeps nothing on disk and is gone with the block."""
    command, server = program("redis-server"), Redis(_free_port())
    with _folder() as folder:
        line = [command, "--port", str(server.port), "--bind", "127.0.0.1", "--requirepass", server.password]
        line += ["--save", "", "--dir", str(folder), *options]
        with _running(line, folder, server, signal.SIGKILL) as running:
            yield running


@contextmanager
def redis_cluster() -> Iterator[tuple[Redis, Redis]]:
    """Run a cluster of two Redis, each of which has half of the keys."""
    with ExitStack() as stack:
        nodes, buses = [], [_free_port(), _free_port()]
        for number, bus in enumerate(buses):
            node = stack.enter_context(redis_server("--cluster-enabled", "yes", "--cluster-port", str(bus)))
            nodes.append(node)
            with node.connect() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 8192 * number, 8192 * number + 8191)
        one, two = nodes
        with one.connect() as client:
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", two.port, buses[1])
        for node in nodes:
            wait_for(partial(_is_whole, node), "the nodes of a cluster to know each other")
        yield one, two


def _is_whole(node: Redis) -> bool:
    with node.connect() as client:
        return client.cluster("INFO")["cluster_state"] == "ok"


@contextmanager
def redis_sentinel(master: Redis) -> Iterator[Redis]:
    """Run a Sentinel that knows a Redis as `main`; it has no password itself."""
    command, server = program("redis-server"), Redis(_free_port(), "")
    with _folder() as folder:
        config = folder / "sentinel.conf"  # which Sentinel writes anew
        watched = f"monitor main 127.0.0.1 {master.port} 1", f"auth-pass main {master.password}"
        config.write_text("".join(f"sentinel {line}\n" for line in watched), encoding="utf-8")
        config.chmod(0o666)
        line = [command, config, "--port", str(server.port), "--bind", "127.0.0.1", "--sentinel"]
        with _running(line, folder, server, signal.SIGKILL) as running:
            yield running


@contextmanager
def _running(command: list, folder: Path, server: Any, end: signal.Signals) -> Iterator[Any]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_not_root()
        )
        try:
            _await(server, process, log)
            yield server
        finally:
            process.send_signal(end)
            process.wait()


def _await(server: Any, process: subprocess.Popen, log: Path) -> None:
    give_up = time.monotonic() + STARTS_WITHIN
    while not server.is_up():
        ended = process.poll() is not None
        assert not ended, log.read_text(encoding="utf-8", errors="replace")
        assert time.monotonic() < give_up, log.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.05)


@contextmanager
def _folder() -> Iterator[Path]:
    # Not in pytest's own folder: that is its user's alone, and the servers refuse to run as root.
    with tempfile.TemporaryDirectory(prefix="probe-server-") as name:
        if user := _not_root():
            os.chown(name, user["user"], user["group"])
        yield Path(name)


def _not_root() -> dict[str, int]:
    """Return the user to run a server as, where the tests run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
