"""A runner of a team's own, and a gate that is run from code; both as docs/own-runner.md shows them."""

import unittest
from collections.abc import Iterable, Sequence

from django_probe.errors import UsageError
from django_probe.results import ExitCode, Outcome, ProbeResult, ProbeRun
from django_probe.simple import DjangoProbeSuiteRunner


class ShopRunner(DjangoProbeSuiteRunner):
    def build_suite(
        self, labels: Sequence[str], extra_probes: Iterable[unittest.TestCase] | None = None
    ) -> unittest.TestSuite:
        return super().build_suite([*labels, "shop"], [*(extra_probes or ()), unittest.FunctionTestCase(print)])

    def run_suite(self, suite: unittest.TestSuite) -> ProbeRun:
        return super().run_suite(suite)

    def suite_result(self, suite: unittest.TestSuite, run: ProbeRun) -> int:
        slow = [result for result in run.results if result.duration > 1.0]
        return ExitCode.CLOSED if slow or run.counts[Outcome.SKIPPED] else run.exit_code

    def run_probes(self, labels: Sequence[str], extra_probes: Iterable[unittest.TestCase] | None = None) -> int:
        return super().run_probes(labels, extra_probes)


class LaxRunner(DjangoProbeSuiteRunner):
    def suite_result(self, suite: unittest.TestSuite, run: ProbeRun) -> str:  # type: ignore[override]
        return run.reason


def judge() -> tuple[int, list[str]]:
    runner = ShopRunner(verbosity=2, interactive=False, failfast=False, allow_empty=True)
    try:
        code: int = runner.run_probes(["shop"])
    except UsageError as error:
        return 2, [str(error)]
    run = runner.run
    return code, [describe(result) for result in run.problems] if run else []


def describe(result: ProbeResult) -> str:
    started: str = result.started_at.isoformat() if result.started_at else "never"
    return f"{result.label}: {result.outcome.value} at {started}, {result.message}"
