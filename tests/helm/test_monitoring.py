"""The objects of the Prometheus operator, field by field: Kubernetes itself has no schema of them.

https://prometheus-operator.dev/docs/api-reference/api/
"""

from __future__ import annotations

import json
import re

from tests.helm.charts import render
from tests.helm.tools import ROOT

# The design's names; the app django_probe.history serves them.
METRICS = ("django_probe_gate_passed", "django_probe_gate_last_run_timestamp_seconds")


def rules(values: dict) -> dict[tuple[str, str], dict]:
    """Return the alerts by name and gate."""
    rule = {"enabled": True, **values.get("prometheusRule", {})}
    made = render({**values, "prometheusRule": rule}).kind("PrometheusRule")
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


def test_alerts__lead_to_a_runbook():
    """Each alert has a summary and the address of a page of this repository; the place is a value, and may be none."""
    made = rules({"cronJob": {"enabled": True}})
    for (alert, _), rule in made.items():
        url = rule["annotations"]["runbook_url"]
        assert rule["annotations"]["summary"]
        assert url.startswith("https://github.com/django-probe/django-probe/blob/main/docs/runbooks/")
        page = ROOT / url.partition("/blob/main/")[2]
        assert page.read_text(encoding="utf-8").startswith(f"# {alert}\n")
    assert {page.stem for page in (ROOT / "docs" / "runbooks").iterdir()} == {alert for alert, _ in made}
    wiki = rules({"prometheusRule": {"runbookUrl": "https://wiki.example/"}})["DjangoProbeGateFailing", "deploy"]
    assert wiki["annotations"]["runbook_url"] == "https://wiki.example/DjangoProbeGateFailing.md"
    none = rules({"prometheusRule": {"runbookUrl": ""}})["DjangoProbeGateFailing", "deploy"]
    assert set(none["annotations"]) == {"summary", "description"}


def test_dashboard__asks_for_metrics_that_there_are():
    """The ConfigMap has what Grafana's sidecar looks for; each panel asks for metrics that docs/metrics.md has."""
    assert not any(each["metadata"]["name"].endswith("dashboard") for each in render().objects)
    values = {"enabled": True, "labels": {"dashboards": "on"}, "annotations": {"grafana_folder": "Releases"}}
    made = render({"grafanaDashboard": values}).kind("ConfigMap", "-dashboard")
    assert made["metadata"]["labels"]["dashboards"] == "on"
    assert made["metadata"]["annotations"] == {"grafana_folder": "Releases"}
    dashboard = json.loads(made["data"]["django-probe.json"])
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \| `gate`", page, re.MULTILINE)
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [each["query"] for each in dashboard["templating"]["list"]]
    used = {name for text in asked for name in re.findall(r"django_probe_\w+", text)}
    assert used <= set(documented)
    assert {*METRICS, "django_probe_gate_results", "django_probe_gate_consecutive_failures"} <= used
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    assert {name for text in asked for name in re.findall(r"\$(\w+)", text)} <= variables
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


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
