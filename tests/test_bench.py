"""`make bench`, in a size that a test can afford."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installed import needed

ROOT = Path(__file__).resolve().parent.parent
TINY = [
    *("--no-peers", "--runs", "1", "--empty", "5", "--waiting", "16", "--scale", "1", "2", "4"),
    *("--load", "1", "--hang", "3", "--urlconf", "1", "--history", "60", "--results", "500", "--queries", "5"),
]


def bench(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the bench as make does."""
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,  # a busy machine takes minutes
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict]:
    """What a tiny bench printed, and what it wrote."""
    needed("wrk")
    target = tmp_path_factory.mktemp("bench") / "build" / "bench.json"
    done = bench(ROOT / "bench" / "run.py", *TINY, "--output", str(target))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(target.read_text(encoding="utf-8"))


def having(record: dict, run: str) -> dict:
    """Return the table that has runs of this name."""
    (found,) = [table for table in record["tables"] if run in table["runs"]]
    return found


def test_every_target_stands_beside_its_figure(measured):
    """Each ratio and each limit is printed with its target and whether it was met."""
    printed, record = measured
    lines = printed.splitlines()
    figures = [figure for table in record["tables"] for figure in table["figures"] if figure["target"]]
    image = {"<= 80", "<= 90"}  # measured where an image can be built
    assert {figure["target"] for figure in figures} | image == {
        *("<= 1.25", "<= 1", "<= 1.1", "<= 15", ">= 80", ">= 85", "<= 200"),
        *(">= 0.85", "<= 1.5", "<= 50", "<= 100", "<= 2"),
        *("<= 300", "<= 600", "<= 0", "<= 1000"),
        *image,
    }
    for figure in figures:
        (line,) = [line for line in lines if line.strip().startswith(figure["name"])]
        assert figure["target"] in line
        assert line.endswith("NOT met") is not figure["met"]


def test_a_figure_can_be_computed_again_from_the_runs(measured):
    """The file holds every run, so that a ratio on the screen is no matter of trust."""
    _, record = measured
    empty = record["tables"][0]
    ratio = next(figure for figure in empty["figures"] if figure["name"] == "probe / manage.py check")
    ours, check = (empty["runs"][name][0] for name in ("manage.py probe --junit", "manage.py check"))
    assert ratio["value"] == pytest.approx(ours["seconds"] / check["seconds"])


def test_checks_are_measured_from_their_record(measured):
    """All of them waited for the server, 16 at a time; the command around them takes longer."""
    printed, record = measured
    runs = having(record, "checks")["runs"]
    (checks,), (command,) = runs["checks"], runs["the command that runs them, from its start to its end"]
    assert 0.1 < checks < command
    assert ("blackbox_exporter: left out" in printed) is not ("blackbox_exporter" in runs)


def test_readiness_is_measured_from_its_answers(measured):
    """The rates are those that wrk saw, and every answer while a probe hung stands in the file: 503 and then 200."""
    _, record = measured
    rates, hang = having(record, "a plain view"), having(record, "until 503")
    plain, ready = (rates["runs"][name][0]["rate"] for name in ("a plain view", "ready/, by the URLs"))
    ratio = next(figure for figure in rates["figures"] if figure["name"] == "ready/, by the URLs / a plain view")
    assert ratio["value"] == pytest.approx(ready / plain)
    assert plain > 50
    until_closed, until_ready = (hang["runs"][name] for name in ("until 503", "until ready again"))
    assert [answer["status"] for answer in until_closed] == [200] * (len(until_closed) - 1) + [503]
    assert [answer["status"] for answer in until_ready] == [503] * (len(until_ready) - 1) + [200]
    (slowest,) = [figure for figure in hang["figures"] if figure["name"] == "the slowest answer"]
    assert slowest["value"] == pytest.approx(1000 * max(each["seconds"] for each in until_closed + until_ready))


def test_slow_clients_are_measured_while_they_stand_there(measured):
    """Each kind of slow client has answers of each page beside it; the file holds them."""
    _, record = measured
    runs = having(record, "/probe/live/, half a head")["runs"]
    answers = {name: times for name, times in runs.items() if name.startswith("/")}
    assert len(answers) == 9
    assert {len(times) for times in answers.values()} == {10}


def test_the_guard_is_measured_in_pairs_of_batches(measured):
    """What the guard adds to a query is the median of what it adds in each pair of batches that followed each other."""
    _, record = measured
    table = having(record, "a cursor, read-only")
    held, free = (table["runs"][f"a cursor, {access}"] for access in ("read-only", "read-write"))
    assert len(held) == len(free) > 10
    for clock, name in enumerate(("a cursor, more under read-only", "a cursor, of that the probe computes")):
        more = next(figure for figure in table["figures"] if figure["name"] == name)
        pairs = zip(held, free, strict=True)
        assert more["value"] == pytest.approx(
            1e6 * statistics.median(one[clock] - other[clock] for one, other in pairs)
        )


def test_the_history_is_measured_from_its_answers(measured):
    """Each page is one that was answered over so many runs, and many POSTs at once started one run."""
    _, record = measured
    tables = [table for table in record["tables"] if table["title"].startswith("the history on")]
    assert [table["title"].split()[3] for table in tables] == ["SQLite:", "PostgreSQL:"]
    for table in tables:
        assert ": 60 runs, 12,000 results;" in table["title"]
        status, _, more, written, started = table["figures"]
        assert status["value"] == pytest.approx(1000 * table["runs"]["/probe/"][0]["seconds"])
        assert all(page["size"] > 1000 and page["queries"] > 1 for page in table["runs"]["/probe/gates/periodic/"])
        assert (more["value"], started["value"]) == (0, 1)
        assert written["value"] in table["runs"]["written"]


def test_the_memory_is_the_judges_own(measured):
    """The peak of a Django command is tens of megabytes: it is neither missing nor a sum of processes."""
    _, record = measured
    (scale,) = [table for table in record["tables"] if table["title"].startswith("growth")]
    peaks = [run["peak"] for runs in scale["runs"].values() for run in runs]
    assert len(peaks) == 3
    assert all(15e6 < peak < 150e6 for peak in peaks)


def test_a_command_that_does_not_do_its_work_fails_the_bench(tmp_path):
    """A probe that fails closes the gate: the bench says so and exits with 1 instead of giving a figure."""
    needed("wrk")
    copy = tmp_path / "bench"
    shutil.copytree(ROOT / "bench", copy, ignore=shutil.ignore_patterns("__pycache__"))
    source = (copy / "projects.py").read_text(encoding="utf-8")
    (copy / "projects.py").write_text(source.replace('_EMPTY = "pass"', '_EMPTY = "self.fail()"'))
    target = tmp_path / "bench.json"
    done = bench(copy / "run.py", *TINY, "--output", str(target))
    assert done.returncode == 1
    assert "bench: manage.py probe --junit: exit code 1" in done.stderr
    assert not target.exists()


SEVERAL_RUNS = """
import sys
from pathlib import Path
from measure import Command, alternate

folder = Path(sys.argv[1])
write = 'echo "<testsuite><testcase/><testcase/></testsuite>" > $$.xml'
command = Command("a name", ("sh", "-c", write), folder, cases=2, reports="*.xml")
print(len(alternate([command], 3)["a name"]), len(list(folder.glob("*.xml"))))
"""


def test_reports_are_counted_before_a_later_run_writes_more_of_them(tmp_path):
    """unittest-xml-reporting gives its files another name in each run."""
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL_RUNS, str(tmp_path)],
        cwd=ROOT / "bench",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == ["3", "4"], done.stderr
