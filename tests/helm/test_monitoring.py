"""The objects of the Prometheus operator, field by field: Kubernetes itself has no schema of them.

https://prometheus-operator.dev/docs/api-reference/api/
"""

from __future__ import annotations

from tests.helm.charts import render

# The design's names; the app django_probe.history serves them.
METRICS = ("django_probe_gate_passed", "django_probe_gate_last_run_timestamp_seconds")


def rules(values: dict) -> dict[tuple[str, str], dict]:
    """Return the alerts by name and gate."""
    made = render({**values, "prometheusRule": {"enabled": True}}).kind("PrometheusRule")
    assert made["apiVersion"] == "monitoring.coreos.com/v1"
    (group,) = made["spec"]["groups"]
    assert set(group) == {"name", "rules"}
    assert all(set(rule) <= {"alert", "expr", "for", "labels", "annotations"} for rule in group["rules"])
    return {(rule["alert"], rule["labels"]["gate"]): rule for rule in group["rules"]}


def test_alerts__of_each_gate_in_use():
    """Failing and absent for each gate that the values use, late for the CronJob's."""
    both = rules({"cronJob": {"enabled": True}})
    assert sorted(both) == [
        ("DjangoProbeCronJobLate", "periodic"),
        ("DjangoProbeGateAbsent", "deploy"),
        ("DjangoProbeGateAbsent", "periodic"),
        ("DjangoProbeGateFailing", "deploy"),
        ("DjangoProbeGateFailing", "periodic"),
    ]
    assert sorted(rules({})) == [("DjangoProbeGateAbsent", "deploy"), ("DjangoProbeGateFailing", "deploy")]


def test_alerts__ask_for_the_metrics_of_their_namespace():
    """Each expression names a metric of the design, the namespace and the gate, and alerts on what it should."""
    both = rules({"cronJob": {"enabled": True}})
    which = '{namespace="prod", gate="periodic"}'
    assert {name: both[name, "periodic"]["expr"] for name, gate in both if gate == "periodic"} == {
        "DjangoProbeGateFailing": f"min({METRICS[0]}{which}) == 0",
        "DjangoProbeGateAbsent": f"absent({METRICS[0]}{which})",
        "DjangoProbeCronJobLate": f"time() - max({METRICS[1]}{which}) > 2100",
    }
    assert both["DjangoProbeGateAbsent", "deploy"]["for"] == "15m"
    assert {rule["labels"]["severity"] for rule in both.values()} == {"critical"}


def test_service_monitor__scrapes_the_server_with_a_token():
    """It selects the chart's Service, by its port's name, at /probe/metrics/, with a token out of a Secret."""
    values = {"enabled": True, "labels": {"release": "prometheus"}, "tokenSecret": {"name": "probe-tokens"}}
    history = {"enabled": True, "databaseSecret": {"name": "probe-history"}}
    rendered = render({"web": {"enabled": True, "replicas": 1}, "history": history, "serviceMonitor": values})
    monitor, service = rendered.kind("ServiceMonitor"), rendered.kind("Service")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert set(monitor["spec"]) == {"selector", "endpoints"}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"] == [
        {
            "port": service["spec"]["ports"][0]["name"],
            "path": "/probe/metrics/",
            "interval": "30s",
            "authorization": {"type": "Bearer", "credentials": {"name": "probe-tokens", "key": "token"}},
        }
    ]


def test_service_monitor__of_a_team_s_own_server():
    """The labels and the port of another Service are values."""
    values = {"enabled": True, "matchLabels": {"app": "shop"}, "port": "web"}
    spec = render({"serviceMonitor": values}).kind("ServiceMonitor")["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "shop"}}
    assert spec["endpoints"] == [{"port": "web", "path": "/probe/metrics/", "interval": "30s"}]
