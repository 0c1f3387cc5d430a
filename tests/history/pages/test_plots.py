"""What plots say, and that they say it in shapes and words as well as in colours."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from tests.history import recorded

PLOTS = """
from django_probe.history.pages import plots
from django_probe.history.pages.heatmap import Cell, ProbeHistory
from django_probe.history.pages.statistics import Past
from django_probe.history.storage.summaries import Mark

UNTIL = datetime(2026, 3, 2, tzinfo=UTC)
SINCE = UNTIL - timedelta(hours=120)

def past(hours, seconds, mark=Mark.PASSED):
    return Past(f"run-{hours}", SINCE + timedelta(hours=hours), seconds, mark)
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site to draw in: its locale writes a decimal comma."""
    settings = 'LANGUAGE_CODE = "de"\nUSE_THOUSAND_SEPARATOR = True\n'
    return recorded.new_site(tmp_path_factory.mktemp("plots") / "site", settings, migrate=False)


def draw(site, code):
    """Run code that makes plots by name; give them parsed."""
    got = recorded.ask(
        site, PLOTS + code + "\ntold(**{name: str(made) for name, made in locals().items() if '<svg' in str(made)})"
    )
    return {name: ET.fromstring(svg.replace("<svg", f'<svg xmlns="{SVG[1:-1]}"', 1)) for name, svg in got.items()}


def paths(svg, kind):
    """Return what is drawn of a class."""
    return [path.get("d") for path in svg.iter(f"{SVG}path") if path.get("class") == kind]


def test_trend__marks_below_what_did_not_pass(site):
    """A closed or lost run has a mark of its own beside its bar, and the drawing says in words what it shows."""
    drawn = draw(
        site,
        """
trend = plots.trend([past(1, 2.0), past(2, 4.0, Mark.CLOSED), past(3, 900.0, Mark.LOST)])
good = plots.trend([past(1, 61)])
""",
    )
    trend = drawn["trend"]
    assert trend.get("role") == "img"
    assert trend.findtext(f"{SVG}title") == "The latest 3 runs: 2 did not pass; the longest took 4.00 s."
    assert [len(paths(trend, kind)) for kind in ("passed", "closed", "lost")] == [1, 2, 2]
    half, full = (float(re.search(r" ([\d.]+)h", paths(trend, kind)[0])[1]) for kind in ("passed", "closed"))
    assert (half, full) == (15.0, 0.0)
    assert drawn["good"].findtext(f"{SVG}title") == "The latest 1 run: all passed; the longest took 1 min 1 s."


def test_durations__put_runs_into_the_time_when_they_started(site):
    """A column 3 hours here: its bar to the median, its line to the longest, a block below as high as the bad share."""
    drawn = draw(
        site,
        """
parts = plots.buckets([past(0, 1), past(4.5, 2), past(4.6, 3), past(4.7, 10, Mark.CLOSED), past(21, 5, Mark.CLOSED),
                       past(27, 999, Mark.LOST), past(120, 4)], SINCE, UNTIL)
plot = plots.durations(parts)
""",
    )
    plot = drawn["plot"]
    titles = [group.findtext(f"{SVG}title") for group in plot.iter(f"{SVG}g")]
    assert titles == [
        "2026-02-25 00:00 to 2026-02-25 03:00 UTC: 1 run, passed, took 1.00 s",
        "2026-02-25 03:00 to 2026-02-25 06:00 UTC: 3 runs, 1 closed; median 3.00 s, longest 10.0 s",
        "2026-02-25 21:00 to 2026-02-26 00:00 UTC: 1 run, closed, took 5.00 s",
        "2026-02-26 03:00 to 2026-02-26 06:00 UTC: 1 run, lost",
        "2026-03-01 21:00 to 2026-03-02 00:00 UTC: 1 run, passed, took 4.00 s",
    ]
    assert "7 runs: 3 did not pass; the longest took 10.0 s." in plot.findtext(f"{SVG}desc")
    assert paths(plot, "closed") == ["M11 154h8v12.7h-8z", "M71 76.0h8V150h-8z", "M71 154h8v26.0h-8z"]
    assert paths(plot, "lost bar") == ["M91 1h8V150h-8z"]


def test_durations__have_wider_bars_where_there_are_fewer_runs(site):
    """Up to forty runs are drawn in forty columns, more in a hundred and twenty; runs of one moment in the first."""
    drawn = draw(
        site,
        """
few, many = ([past(hour, 2) for hour in range(runs)] for runs in (40, 41))
few, many = (plots.durations(plots.buckets(each, SINCE, UNTIL)) for each in (few, many))
moment = plots.durations(plots.buckets([past(0, 2)] * 3, SINCE, SINCE))
""",
    )
    assert {name: plot.get("viewBox") for name, plot in drawn.items()} == {
        "few": "0 0 400 180",
        "many": "0 0 1200 180",
        "moment": "0 0 400 180",
    }
    assert [path[:3] for path in paths(drawn["moment"], "passed")] == ["M1 ", "M1 "]


def test_strip__has_a_shape_for_every_way_to_end(site):
    """Cells differ in shape, not only in colour, stand at the right, and say what they are when pointed at."""
    drawn = draw(
        site,
        """
outcomes = [Outcome.PASSED, Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.SKIPPED, Outcome.NOT_RUN]
cells = [None, Cell(Outcome.PASSED, True, 2, 1.5), *(Cell(outcome, True, 1, 0.25) for outcome in outcomes)]
strip = plots.strip(ProbeHistory("<a>", (*cells, Cell(Outcome.FAILED, False, 1, 0.25))), [f"<{n}>" for n in range(9)])
""",
    )
    strip = drawn["strip"]
    assert strip.get("viewBox") == "0 0 250 16"
    shapes = {path.get("class"): re.sub(r"M[\d.]+", "M", path.get("d")) for path in strip.iter(f"{SVG}path")}
    assert set(shapes) == {"passed", "retried", "failed", "error", "timeout", "skipped", "not_run", "failed warn"}
    assert len(set(shapes.values())) == 7
    assert min(float(path.get("d")[1:].split()[0]) for path in strip.iter(f"{SVG}path")) == 171
    assert [title.text for title in strip.iter(f"{SVG}title")] == [
        "<1>: passed after a retry, 1.50 s",
        "<3>: failed, 250 ms",
        "<4>: error, 250 ms",
        "<5>: timeout, 250 ms",
        "<7>: not run, 250 ms",
        "<8>: failed, 250 ms, warn-only",
    ]
