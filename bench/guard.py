"""Measures what the database guard adds to a query, on a PostgreSQL of its own.

Alone: `python bench/guard.py`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import figures
import measure
import projects

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import MissingError, find, postgresql  # noqa: E402  (they are not on the path)

if TYPE_CHECKING:
    from tests.servers import Server

BATCHES = 20
QUERIES = 50
ACCESS = ("read-only", "read-write")
KINDS = ("the ORM", "the ORM in atomic()", "a cursor")
# Two processes, one with the guard and one without, take turns: a batch each. So what else the machine does, and the
# state that the server is in, comes to both sides of each pair alike.
_PROBES = f"""\
import json
import os
import time
import unittest
from contextlib import nullcontext
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection, transaction

QUERIES = int(os.environ["BENCH_QUERIES"])


def orm():
    list(User.objects.filter(pk=1).values_list("pk"))


def cursor():
    with connection.cursor() as opened:
        opened.execute("SELECT id FROM auth_user WHERE id = 1")
        opened.fetchall()


def batch(query):
    query()
    wall, processor = time.perf_counter(), time.thread_time()
    for _ in range(QUERIES):
        query()
    processor, wall = time.thread_time() - processor, time.perf_counter() - wall
    return wall / QUERIES, processor / QUERIES


class TestQueries(unittest.TestCase):
    def test_queries(self):
        kinds = ((orm, nullcontext), (orm, transaction.atomic), (cursor, nullcontext))
        taken = [[] for _ in kinds]
        mine, theirs = (os.open(os.environ[name], os.O_RDWR) for name in ("BENCH_MINE", "BENCH_THEIRS"))
        for turn in range({BATCHES} + 1):
            for into, (query, block) in zip(taken, kinds):
                os.read(mine, 1)
                with block():
                    each = batch(query)
                os.write(theirs, b".")
                if turn:  # the first warms up
                    into.append(each)
        Path(os.environ["BENCH_TAKEN"]).write_text(json.dumps(taken))
"""


def table(folder: Path, python: Path, queries: int, runs: int) -> figures.Table:
    """Compare a query under the guard with one without it. Raise MissingError if PostgreSQL is not installed."""
    find("postgres")
    taken: dict[str, list[tuple[float, float]]] = {f"{kind}, {access}": [] for access in ACCESS for kind in KINDS}
    with postgresql() as server:
        commands = [_command(folder / access, python, access, server, queries) for access in ACCESS]
        for _ in range(runs):
            for access, batches in zip(ACCESS, _together(commands), strict=True):
                for kind, each in zip(KINDS, batches, strict=True):
                    taken[f"{kind}, {access}"].extend(each)
    wall, processor = ({kind: _more(taken, kind, clock) for kind in KINDS} for clock in (0, 1))
    alone = {kind: 1e6 * statistics.median(each[0] for each in taken[f"{kind}, read-write"]) for kind in KINDS}
    return figures.Table(
        f"a query under the guard, on PostgreSQL: median of {runs * BATCHES} pairs of {queries} queries that alternate",
        (
            *(figures.Figure(f"{kind}, without the guard", alone[kind], "us") for kind in KINDS),
            figures.at_most(f"{KINDS[1]}, more under read-only", wall[KINDS[1]], "us", 50),
            *(figures.Figure(f"{kind}, more under read-only", wall[kind], "us") for kind in (KINDS[0], KINDS[2])),
            *(figures.Figure(f"{kind}, of that the probe computes", processor[kind], "us") for kind in KINDS),
        ),
        taken,
    )


def _command(folder: Path, python: Path, access: str, server: Server, queries: int) -> measure.Command:
    """Make the project of one side, and return what runs it."""
    project = projects.generate(folder, python, _PROBES)
    with (project / "benched" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(f'DATABASES["default"] = {server.settings("postgres")!r}\n')
    migrate = [str(python), "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=project, env=measure.environment({}), check=True)
    turns = {f"BENCH_{name}": str(folder.parent / each) for name, each in _turns(access).items()}
    line = (str(python), "manage.py", "probe", "--timeout", "2m", "--database-access", access)
    own = {**turns, "BENCH_QUERIES": str(queries), "BENCH_TAKEN": str(project / "taken.json")}
    return measure.Command(access, line, project, environment=own)


def _turns(access: str) -> dict[str, str]:
    """Return the files through which a side hears that it is its turn, and says that it is the other's."""
    (other,) = (each for each in ACCESS if each != access)
    return {"MINE": f"{access}.turn", "THEIRS": f"{other}.turn"}


def _together(commands: list[measure.Command]) -> list[list[list[tuple[float, float]]]]:
    """Run both sides at once, and return the seconds for a query of each side's batches, kind by kind."""
    turns = [Path(command.environment["BENCH_MINE"]) for command in commands]
    for turn in turns:
        turn.unlink(missing_ok=True)
        os.mkfifo(turn)
    first = os.open(turns[0], os.O_RDWR)
    try:
        os.write(first, b".")
        with ThreadPoolExecutor(len(commands)) as sides:
            list(sides.map(measure.measure, commands))
    finally:
        os.close(first)
    return [json.loads(Path(command.environment["BENCH_TAKEN"]).read_text(encoding="utf-8")) for command in commands]


def _more(taken: dict[str, list[tuple[float, float]]], kind: str, clock: int) -> float:
    """Return the microseconds that the guard adds to a query: the median of what it adds in each pair of batches."""
    held, free = (taken[f"{kind}, {access}"] for access in ACCESS)
    return 1e6 * statistics.median(one[clock] - other[clock] for one, other in zip(held, free, strict=True))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as scratch:
        try:
            print(figures.render(table(Path(scratch) / "guard", Path(sys.executable), QUERIES, 5)))
        except (MissingError, measure.BenchError) as error:
            sys.exit(f"bench: {error}")
