"""Measure django-probe beside its peers on this machine: a table on the screen, everything in a JSON file.

A bench reports and does not judge: it names a missed target, and exits with 0. It exits with 1 if a command could
not be run, exited with another code than 0, or ran another number of tests than it was given.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import checks
import clients
import container
import figures
import guard
import history
import machine
import measure
import readiness

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> int:
    """Measure, print and write; return the exit code."""
    options = parse(sys.argv[1:])
    try:
        readiness.wrk()  # the last measurement needs it: complain before the first
        python = machine.with_peers() if options.peers else Path(sys.executable)
        about = machine.describe(python)
        print("  ".join(f"{name} {value}" for name, value in about.items()), flush=True)
        tables = []
        with tempfile.TemporaryDirectory(prefix="django-probe-bench-") as name:
            for table in measurements(Path(name), python, options):
                tables.append(table)
                print(figures.render(table), flush=True)
    except (measure.BenchError, subprocess.CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    write(options.output, about, tables)
    print(f"\nbench: every run is in {options.output}")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the sizes; the defaults are those of the published figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=7, help="alternating runs; the waiting and the large ones: half; 1 warms nothing up"
    )
    parser.add_argument("--empty", type=int, default=1000, help="empty probes beside the peers")
    parser.add_argument("--waiting", type=int, default=200, help="probes that wait, and checks")
    parser.add_argument("--scale", type=int, nargs=3, default=(1000, 5000, 20000), help="three sizes, rising")
    parser.add_argument("--load", type=int, default=2, help="seconds that each URL is asked, in each run")
    parser.add_argument("--hang", type=float, default=20, help="seconds that a probe of a web process hangs")
    parser.add_argument("--urlconf", type=float, default=3, help="seconds that a URLconf takes to import")
    parser.add_argument("--history", type=int, default=history.RUNS, help="runs that the history holds")
    parser.add_argument("--results", type=int, default=history.RESULTS, help="results of a long run that is written")
    parser.add_argument("--queries", type=int, default=guard.QUERIES, help="queries of a batch under the guard")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="install nothing: Django alone")
    parser.add_argument("--output", type=Path, default=machine.ROOT / "build" / "bench.json")
    return parser.parse_args(arguments)


def measurements(folder: Path, python: Path, options: argparse.Namespace) -> Iterator[figures.Table]:
    """Yield the tables, one after the other."""
    fewer = max(1, options.runs // 2)
    yield figures.overhead(folder / "empty", python, options.empty, options.runs, peers=options.peers)
    yield figures.supervised(folder / "supervised", python, options.empty, options.runs)
    yield figures.isolated(folder / "isolated", python, options.waiting, fewer)
    yield figures.urlconf(folder / "urlconf", python, options.urlconf, fewer)
    yield figures.parallel(folder / "waiting", python, options.waiting, fewer)
    yield checks.table(folder / "checks", python, options.waiting, fewer)
    if not checks.blackbox():
        print("\nblackbox_exporter: left out: it is not on PATH", flush=True)
    yield figures.scale(folder / "scale", python, tuple(options.scale), fewer)
    yield readiness.rates(folder / "rates", python, options.load, options.runs, peers=options.peers)
    yield readiness.hang(folder / "hang", python, options.hang)
    yield clients.table(folder / "clients", python, options.load, options.runs)
    try:
        yield from history.tables(folder / "history", python, options.history, options.results, options.runs)
        yield guard.table(folder / "guard", python, options.queries, options.runs)
    except history.MissingError as error:
        print(f"\nwhat is measured on PostgreSQL: left out: {error}", flush=True)
    try:
        yield container.table(folder / "container", python, fewer)
    except container.MissingError as error:
        print(f"\nthe image: left out: {error}", flush=True)


def write(path: Path, about: dict[str, object], tables: list[figures.Table]) -> None:
    """Write all figures and every single run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"machine": about, "tables": [dataclasses.asdict(table) for table in tables]}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
