"""Measures what the database guard adds to a query, on a PostgreSQL of its own.

Alone: `python bench/guard.py`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
import measure
import projects

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import MissingError, find, postgresql  # noqa: E402  (they are not on the path)

QUERIES = 1000
ACCESS = ("read-only", "read-write")
KINDS = ("the ORM", "the ORM in atomic()", "a cursor")
_PROBES = f"""\
import json
import statistics
import time
import unittest
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection, transaction

HERE = Path(__file__).parent


def orm():
    list(User.objects.filter(pk=1).values_list("pk"))


def cursor():
    with connection.cursor() as opened:
        opened.execute("SELECT id FROM auth_user WHERE id = 1")
        opened.fetchall()


def timed(query):
    for _ in range(50):
        query()
    taken = []
    for _ in range({QUERIES}):
        began = time.perf_counter()
        query()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


class TestQueries(unittest.TestCase):
    def test_queries(self):
        taken = [timed(orm)]
        with transaction.atomic():
            taken.append(timed(orm))
        taken.append(timed(cursor))
        (HERE / "taken.json").write_text(json.dumps(taken))
"""


def table(folder: Path, python: Path, runs: int) -> figures.Table:
    """Compare a query under the guard with one without it. Raise MissingError if PostgreSQL is not installed."""
    find("postgres")
    project = projects.generate(folder, python, _PROBES)
    with postgresql() as server:
        with (project / "benched" / "settings.py").open("a", encoding="utf-8") as settings:
            settings.write(f'DATABASES["default"] = {server.settings("postgres")!r}\n')
        manage = (str(python), "manage.py")
        migrate = [*manage, "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=project, env=measure.environment({}), check=True)
        taken: dict[str, list[float]] = {f"{kind}, {access}": [] for access in ACCESS for kind in KINDS}
        for turn in range(runs + 1):
            for access in ACCESS:
                measure.measure(measure.Command(access, (*manage, "probe", "--database-access", access), project))
                seconds = json.loads((project / "shop" / "taken.json").read_text(encoding="utf-8"))
                for kind, value in zip(KINDS, seconds, strict=True):
                    if turn:  # the first warms up
                        taken[f"{kind}, {access}"].append(value)
    micros = {name: 1e6 * statistics.median(values) for name, values in taken.items()}
    more = {kind: micros[f"{kind}, read-only"] - micros[f"{kind}, read-write"] for kind in KINDS}
    return figures.Table(
        f"a query under the guard, on PostgreSQL: median of {runs} alternating runs of {QUERIES:,} queries",
        (
            *(figures.Figure(f"{kind}, without the guard", micros[f"{kind}, read-write"], "us") for kind in KINDS),
            figures.at_most(f"{KINDS[1]}, more under read-only", more[KINDS[1]], "us", 50),
            *(figures.Figure(f"{kind}, more under read-only", more[kind], "us") for kind in (KINDS[0], KINDS[2])),
        ),
        taken,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as scratch:
        try:
            print(figures.render(table(Path(scratch) / "guard", Path(sys.executable), 5)))
        except (MissingError, measure.BenchError) as error:
            sys.exit(f"bench: {error}")
