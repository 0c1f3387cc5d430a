"""No two reports of a run ever say different things, over the whole table of what a run can be."""

from __future__ import annotations

import io
import json as stdlib_json
from collections import Counter
from itertools import chain, combinations_with_replacement, cycle, product

import junitparser
import pytest

from django_probe.reports import html, json, junit, markdown, termination
from django_probe.reports.console.console import Console
from django_probe.reports.reading import record as reading
from django_probe.results import EndedBy, Outcome

KINDS = list(product(Outcome, (True, False)))
SWITCHES = list(product((False, True), [(None, 0), ("0/3", 0), ("0/3", 4)], (0, 7)))
"""Whether a run may be empty, its shard and how many probes the others have, and what a team's runner asks for."""
NONE_OR_ONE = [mix for size in range(2) for mix in combinations_with_replacement(KINDS, size)]
TWO = list(combinations_with_replacement(KINDS, 2))


@pytest.fixture
def every_run(run, result):
    """Runs of no, one and two results of every kind, under every switch that changes a verdict.

    A second result adds nothing to what a switch does with the first: two have the switches in turn.
    """

    def make(ended_by):
        switched = chain(product(NONE_OR_ONE, SWITCHES), zip(chain(TWO, reversed(TWO)), cycle(SWITCHES), strict=False))
        for mix, (allow_empty, (shard, others), stricter) in switched:
            results = [
                result(f"app{number}.TestX.test_x", outcome, blocking=blocking)
                for number, (outcome, blocking) in enumerate(mix)
            ]
            yield run(
                *results,
                ended_by=ended_by,
                allow_empty=allow_empty,
                shard=shard,
                selected=len(results) + others,
                stricter_exit_code=stricter,
            )

    return make


def read_junit(text):
    """Return what an independent reader of JUnit finds: cases, and its elements by kind."""
    suites = junitparser.JUnitXml.fromstring(text)
    kinds = Counter(type(entry).__name__ for suite in suites for case in suite for entry in case.result)
    cases = sum(1 for suite in suites for _ in suite)
    claimed = [sum(getattr(suite, name) for suite in suites) for name in ("tests", "failures", "errors", "skipped")]
    assert claimed == [cases, kinds["Failure"], kinds["Error"], kinds["Skipped"]]
    return cases, kinds


@pytest.mark.parametrize("ended_by", [None, *EndedBy])
def test_every_report__agrees_with_the_record(every_run, ended_by):
    """Exit code, JUnit, JSON, Markdown, termination message and console say the same of every run."""
    for run in every_run(ended_by):
        code, passed = run.exit_code, run.exit_code == 0

        cases, kinds = read_junit(junit.render(run))
        assert (kinds["Failure"] + kinds["Error"] == 0) is passed, run
        closing = [each.outcome for each in run.results if each.blocking and each.is_problem]
        gate = int(not passed and not closing)
        assert kinds["Failure"] == closing.count("failed"), run
        assert kinds["Error"] == closing.count("error") + closing.count("timeout") + gate, run
        assert kinds["Skipped"] == len(run.results) - len(closing) - run.counts["passed"], run
        assert cases == len(run.results) + gate, run

        record = stdlib_json.loads(json.render(run))
        assert (record["passed"], record["exit_code"], record["counts"]) == (passed, code, run.counts), run

        message = stdlib_json.loads(termination.render(run))
        assert (message["passed"], message["exit_code"], message["counts"]) == (passed, code, run.counts), run
        assert len(message["problems"]) + message["more"] == len(closing), run

        state = "passed" if passed else "closed"
        assert markdown.render(run).splitlines()[0] == f"## Gate `deploy`: {state} (exit {code})", run

        assert json.render(reading.read(json.render(run))) == json.render(run), run

        page = html.render(run)
        assert f"<title>{state.upper()}: run of gate deploy</title>" in page, run
        assert page.count('<article class="problem') == len(run.problems), run

        console = io.StringIO()
        Console(console, color=False, live=False).finished(run)
        last = console.getvalue().splitlines()[-1]
        assert last.startswith(f"gate deploy: {state.upper()} (exit {code}): {run.reason}; "), run
