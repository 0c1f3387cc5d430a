"""Makes what Prometheus reads: how each gate stands. It comes from the history, so all replicas say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from django_probe.history.models import Result, Tally
from django_probe.history.notices import outbox
from django_probe.history.storage import runs
from django_probe.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django_probe.history.storage.summaries import RunSummary

_GATE: Final = {
    "passed": "Whether the last whole run of the gate passed: 1 or 0.",
    "last_run_timestamp_seconds": "When that run ended, or was last heard of.",
    "duration_seconds": "How long that run took.",
    "consecutive_failures": "Whole runs since the last that passed.",
}
_RESULTS: Final = "How many results of that run ended so."
_FLAKY: Final = "Probes that passed after an attempt that was a problem, in all runs of the gate."
_UNDELIVERED: Final = "Notices of the gate that did not arrive, and are tried again."
_PROBE: Final = "Whether the probe passed in that run, a failure that was expected included: 1 or 0."
_SILENT: Final = frozenset({Outcome.SKIPPED})
"""Outcomes that say nothing about the system have no sample."""


class MissingLibraryError(Exception):
    """The library that writes the format is not installed; one sentence says what to do."""


def exposition(accept: str) -> tuple[bytes, str]:
    """Return the metrics of all gates and their content type, in the format that an Accept header asks for.

    Prometheus' text format, or OpenMetrics where it is asked for by name: see
    https://prometheus.io/docs/instrumenting/exposition_formats/. Raise MissingLibraryError.
    """
    try:
        from prometheus_client import CollectorRegistry  # noqa: PLC0415 (an extra brings it)
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 (likewise)
    except ImportError as error:
        raise MissingLibraryError(f'metrics: {error}: install django-probe-gate with its extra "metrics"') from error
    # Not the default registry: that one holds what this process counts about itself.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_History())
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _History:
    """A collector as prometheus-client has them: `collect` reads the history anew."""

    def collect(self) -> Iterator[Any]:
        """Yield the families."""
        verdicts = {gate: verdict for gate in runs.gates() if (verdict := runs.verdict(gate)) is not None}
        yield from _of_gates(verdicts)
        yield _of_outcomes(verdicts)
        yield _of_flaky(verdicts)
        yield _of_notices(verdicts)
        if getattr(settings, "PROBE_METRICS_PER_PROBE", False):
            yield _of_probes(verdicts)


def _of_gates(verdicts: Mapping[str, RunSummary]) -> Iterator[Any]:
    families = {name: _gauge(f"gate_{name}", text, ["gate"]) for name, text in _GATE.items()}
    for gate, verdict in verdicts.items():
        values = {
            "passed": int(bool(verdict.passed)),
            "last_run_timestamp_seconds": verdict.ended_at.timestamp(),
            "duration_seconds": verdict.duration,
            "consecutive_failures": 0 if verdict.passed else runs.consecutive_failures(gate),
        }
        for name, value in values.items():
            families[name].add_metric([gate], value)
    yield from families.values()


def _of_outcomes(verdicts: Mapping[str, RunSummary]) -> Any:
    family = _gauge("gate_results", _RESULTS, ["gate", "outcome"])
    for gate, verdict in verdicts.items():
        for outcome, count in verdict.counts.items():
            family.add_metric([gate, outcome], count)
    return family


def _of_flaky(gates: Iterable[str]) -> Any:
    """Return a counter, which is kept beside the runs: those are deleted after some time."""
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 (an extra brings it)

    family = CounterMetricFamily("django_probe_gate_flaky", _FLAKY, labels=["gate"])
    counted = dict(Tally.objects.values_list("gate", "flaky"))
    for gate in gates:
        family.add_metric([gate], counted.get(gate, 0))
    return family


def _of_notices(gates: Iterable[str]) -> Any:
    family = _gauge("notices_undelivered", _UNDELIVERED, ["gate"])
    counts = dict.fromkeys(gates, 0) | {each.gate: each.count for each in outbox.undelivered()}
    for gate, count in counts.items():
        family.add_metric([gate], count)
    return family


def _of_probes(verdicts: Mapping[str, RunSummary]) -> Any:
    """Return a sample for each probe; a label that several shards report (one that did not load) is one sample."""
    gates = {part.key: gate for gate, verdict in verdicts.items() for part in verdict.parts}
    passed: dict[tuple[str, str], bool] = {}
    rows = Result.objects.filter(run__in=list(gates)).exclude(outcome__in=_SILENT).order_by("run", "pk")
    for run, label, outcome in rows.values_list("run", "label", "outcome"):
        key = (gates[run], label)
        passed[key] = passed.get(key, True) and outcome in (Outcome.PASSED, Outcome.EXPECTED_FAILURE)
    family = _gauge("probe_passed", _PROBE, ["gate", "probe"])
    for key, value in passed.items():
        family.add_metric(list(key), int(value))
    return family


def _gauge(name: str, text: str, labels: Sequence[str]) -> Any:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 (an extra brings it)

    return GaugeMetricFamily(f"django_probe_{name}", text, labels=labels)
