"""The measurements of the command: each runs commands and returns figures to compare with targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import measure
import projects

if TYPE_CHECKING:
    from pathlib import Path

WAIT = 0.1  # seconds that a waiting probe waits
WORKERS = 16
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: a value, and its target if it has one."""

    name: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of one measurement, and the runs that they come from, in seconds and bytes."""

    title: str
    figures: tuple[Figure, ...]
    runs: dict[str, list[Any]]


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """Return a figure that should not be above its limit."""
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit)


def at_least(name: str, value: float, unit: str, limit: float) -> Figure:
    """Return a figure that should not be below its limit."""
    return Figure(name, value, unit, f">= {limit:g}", value >= limit)


def render(table: Table) -> str:
    """Return a table as text."""
    lines = ["", table.title]
    for figure in table.figures:
        verdict = "" if figure.met is None else ("met" if figure.met else "NOT met")
        lines.append(f"  {figure.name:<52}{figure.value:>9.2f} {figure.unit:<3}{figure.target:<8}{verdict}".rstrip())
    return "\n".join(lines)


def overhead(folder: Path, python: Path, count: int, runs: int, *, peers: bool) -> Table:
    """Compare empty probes and their JUnit with `manage.py check` and with the peers on the same tests."""
    project = projects.generate(folder, python, projects.module(count))
    manage = (str(python), "manage.py")

    def command(name: str, *line: str, reports: str = "") -> measure.Command:
        return measure.Command(name, line, project, count, reports)

    probe = command("manage.py probe --junit", *manage, "probe", "--junit", "probe.xml", reports="probe.xml")
    check = command("manage.py check", *manage, "check")
    others = [command("manage.py test", *manage, "test")]
    if peers:
        runner = "xmlrunner.extra.djangotestrunner.XMLTestRunner"
        others += [
            command(
                "manage.py test, unittest-xml-reporting",
                *manage,
                "test",
                "--testrunner",
                runner,
                reports="xmlrunner/*.xml",
            ),
            command(
                "pytest --junit-xml",
                str(python),
                "-m",
                "pytest",
                "--quiet",
                "--junit-xml",
                "pytest.xml",
                reports="pytest.xml",
            ),
        ]
    taken = measure.alternate([check, probe, *others], runs)
    median = {name: measure.seconds(run) for name, run in taken.items()}
    ours = median[probe.name]
    return Table(
        f"{count:,} empty probes, and the same as tests: median of {runs} alternating runs",
        (
            *(Figure(name, value, "s") for name, value in median.items()),
            at_most(f"probe / {check.name}", ours / median[check.name], "", 1.25),
            *(at_most(f"probe / {peer.name}", ours / median[peer.name], "", 1) for peer in others),
        ),
        taken,
    )


def supervised(folder: Path, python: Path, count: int, runs: int) -> Table:
    """Compare `django-probe probe` with the command that it starts: time, and memory of the supervisor's own."""
    project = projects.generate(folder, python, projects.module(count))
    options = ("probe", "--junit", "probe.xml")
    lines = {
        "django-probe probe": (str(python), "-m", "django_probe", *options),
        "manage.py probe": (str(python), "manage.py", *options),
    }
    commands = [measure.Command(name, line, project, count, "probe.xml") for name, line in lines.items()]
    taken = measure.alternate(commands, runs)
    outside, alone = (measure.seconds(taken[name]) for name in lines)
    own = measure.unshared(commands[0])
    return Table(
        f"{count:,} empty probes, judged from outside: median of {runs} alternating runs",
        (
            Figure("django-probe probe", outside, "s"),
            Figure("manage.py probe", alone, "s"),
            at_most("django-probe / manage.py", outside / alone, "", 1.1),
            at_most("memory of the supervisor's own", own / MEGABYTE, "MB", 15),
        ),
        taken,
    )


def isolated(folder: Path, python: Path, count: int, runs: int) -> Table:
    """Compare empty probes that have a process each with the same on one worker."""
    project = projects.generate(folder, python, projects.module(count))
    line = (str(python), "manage.py", "probe", "--junit", "probe.xml", "--isolation")
    commands = [measure.Command(name, (*line, name), project, count, "probe.xml") for name in ("worker", "process")]
    taken = measure.alternate(commands, runs)
    worker, process = (measure.seconds(taken[command.name]) for command in commands)
    return Table(
        f"{count:,} empty probes, each in a process of its own: median of {runs} alternating runs",
        (
            Figure("--isolation worker", worker, "s"),
            Figure("--isolation process", process, "s"),
            Figure("a process more for each probe", 1000 * (process - worker) / count, "ms"),
        ),
        taken,
    )


def parallel(folder: Path, python: Path, count: int, runs: int) -> Table:
    """Compare waiting probes on many workers with the ideal, without the time to start."""
    project = projects.generate(folder, python, projects.module(count, waiting=True))
    line = (str(python), "manage.py", "probe", "--parallel", str(WORKERS), "--junit", "probe.xml")
    commands = [
        measure.Command(name, line, project, count, "probe.xml", {"BENCH_WAIT": str(wait)})
        for name, wait in (("waiting", WAIT), ("instant", 0))
    ]
    taken = measure.alternate(commands, runs)
    waiting, instant = (measure.seconds(taken[command.name]) for command in commands)
    ideal = count * WAIT / WORKERS
    return Table(
        f"{count:,} probes that wait {WAIT * 1000:g} ms, --parallel {WORKERS}: median of {runs} runs",
        (
            Figure("ideal", ideal, "s"),
            Figure("waiting", waiting, "s"),
            Figure("start-up: the same, not waiting", instant, "s"),
            at_least("ideal / (waiting - start-up)", 100 * ideal / (waiting - instant), "%", 80),
        ),
        taken,
    )


def urlconf(folder: Path, python: Path, seconds: float, runs: int) -> Table:
    """Measure what a URLconf that takes long to import adds to a run on four workers whose probes all use it."""
    source = projects.asking(4 * projects.CLASS_SIZE)
    project = projects.generate(folder, python, source)
    with (project / "benched" / "urls.py").open("a", encoding="utf-8") as urls:
        urls.write('\nimport os\nimport time\n\ntime.sleep(float(os.environ["BENCH_WAIT"]))\n')
    line = (str(python), "manage.py", "probe", "--parallel", "4", "--junit", "probe.xml")
    commands = [
        measure.Command(name, line, project, 4 * projects.CLASS_SIZE, "probe.xml", {"BENCH_WAIT": str(wait)})
        for name, wait in (("a slow URLconf", seconds), ("a quick URLconf", 0))
    ]
    taken = measure.alternate(commands, runs)
    slow, quick = (measure.seconds(taken[command.name]) for command in commands)
    return Table(
        f"a URLconf that takes {seconds:g} s to import, --parallel 4: median of {runs} alternating runs",
        (
            Figure("with it", slow, "s"),
            Figure("without it", quick, "s"),
            at_most("imports that a run pays for", (slow - quick) / seconds, "", 1.1),
        ),
        taken,
    )


def scale(folder: Path, python: Path, counts: tuple[int, int, int], runs: int) -> Table:
    """Measure time and the judge's memory for three sizes; both should grow by a constant for each probe."""
    commands = [
        measure.Command(
            f"{count:,} probes",
            (str(python), "manage.py", "probe", "--junit", "probe.xml"),
            projects.generate(folder / str(count), python, projects.module(count)),
            count,
            "probe.xml",
        )
        for count in counts
    ]
    taken = measure.alternate(commands, runs)
    times = [measure.seconds(taken[command.name]) for command in commands]
    peaks = [measure.peak(taken[command.name]) / MEGABYTE for command in commands]
    return Table(
        f"growth: median of {runs} alternating runs",
        (
            *(Figure(command.name, value, "s") for command, value in zip(commands, times, strict=True)),
            *(
                Figure(f"{command.name}, peak memory of the judge", value, "MB")
                for command, value in zip(commands, peaks, strict=True)
            ),
            at_most(f"peak memory at {counts[-1]:,}", peaks[-1], "MB", 200),
            at_most("time / what the smaller two foretell", beyond(counts, times), "", 1.25),
            at_most("memory / what the smaller two foretell", beyond(counts, peaks), "", 1.25),
        ),
        taken,
    )


def beyond(counts: tuple[int, int, int], values: list[float]) -> float:
    """Return the third value over the one on the straight line through the first two: 1 is linear."""
    slope = (values[1] - values[0]) / (counts[1] - counts[0])
    # Noise may make the second the smaller one; the line counts as level then.
    foretold = values[1] + max(slope, 0) * (counts[2] - counts[1])
    return values[2] / foretold
