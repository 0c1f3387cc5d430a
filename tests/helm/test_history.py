"""The history in the chart: whatever runs a gate can write it, its tables are there, and tokens can be renewed."""

from __future__ import annotations

import pytest

from tests.helm.charts import HELMS, containers, environment, pod_of, render

URL = {"secretKeyRef": {"name": "probe-history", "key": "url"}}
ON = {"enabled": True, "databaseSecret": {"name": "probe-history"}}
KEY = {"existingSecret": "shop"}
WEB = {"history": ON, "web": {"enabled": True}, **KEY}


def only(item: dict) -> dict:
    """Return the only container of what an object makes."""
    (container,) = containers(pod_of(item))
    return container


def test_pods__have_the_url_of_the_history_from_a_secret():
    """The gate's, the CronJob's and the server's; without a history none of them has it."""
    rendered = render({**WEB, "cronJob": {"enabled": True}})
    items = [rendered.kind("Job", "-gate-1"), rendered.kind("CronJob"), rendered.kind("Deployment")]
    for item in items:
        variables = environment(only(item))
        assert variables["PROBE_HISTORY_DATABASE_URL"] == URL
        assert variables["PROBE_HISTORY_DAYS"] == "30"
    gate, server = (environment(only(item))["PROBE_RELEASE"] for item in (items[0], items[2]))
    assert gate == server  # a run that is started over HTTP is one of this release
    assert "HISTORY" not in render({"web": {"enabled": True}, "cronJob": {"enabled": True}}).text


def test_env__says_where_the_history_is_in_place_of_a_secret():
    """As for every other variable, a name in `env` wins; the Secret is not asked for then."""
    values = {
        "history": {"enabled": True},
        "env": [{"name": "PROBE_HISTORY_DATABASE_URL", "value": "sqlite:////data/h"}],
    }
    assert environment(only(render(values).kind("Job", "-gate-1")))["PROBE_HISTORY_DATABASE_URL"] == "sqlite:////data/h"


def test_migrate__makes_the_tables_before_what_needs_them():
    """Before an upgrade, and after an install before the gate's hook; it reads nothing that is new in the release."""
    values = {**WEB, "gate": {"hook": {"weight": 5}}, "probes": {"shop.py": ""}}
    rendered = render(values)
    job = rendered.kind("Job", "-migrate-1")
    assert job["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install,pre-upgrade",
        "helm.sh/hook-weight": "4",
        "helm.sh/hook-delete-policy": "before-hook-creation",
        "helm.sh/hook-output-log-policy": "hook-failed",
    }
    container = only(job)
    assert container["args"] == ["manage", "migrate", "--database", "history", "--noinput"]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    variables = environment(container)
    assert variables["PROBE_HISTORY_DATABASE_URL"] == URL
    assert not {"PROBE_POLICY", "PROBE_PATH"} & set(variables)
    assert [volume["name"] for volume in pod_of(job)["spec"]["volumes"]] == ["tmp"]
    assert job["spec"]["activeDeadlineSeconds"] < 300  # helm's own --timeout


def test_migrate__in_the_other_styles():
    """Argo CD's hook comes before the gate's, and is no Helm hook; without hooks each revision has a Job of its own."""
    argo = render({**WEB, "gate": {"hook": {"style": "argocd"}}})
    annotations = {name: argo.kind("Job", name)["metadata"]["annotations"] for name in ("-migrate", "-gate")}
    assert {each["argocd.argoproj.io/hook"] for each in annotations.values()} == {"PostSync"}
    waves = {name: int(each["argocd.argoproj.io/sync-wave"]) for name, each in annotations.items()}
    assert waves["-migrate"] < waves["-gate"]
    assert "helm.sh/hook" not in argo.text
    plain = render({**WEB, "gate": {"hook": {"style": "none"}}}).kind("Job", "-migrate-1")
    assert "annotations" not in plain["metadata"]


def test_migrate__is_not_for_an_image_of_ones_own():
    """Where `command` is set, neither the Job nor the Secret is asked for: its settings and migrations are its own."""
    values = {"command": ["django-probe", "probe"], "history": {"enabled": True}}
    rendered = render(values)
    assert "-migrate" not in rendered.text
    assert environment(only(rendered.kind("Job", "-gate-1")))["PROBE_HISTORY_DAYS"] == "30"


def test_tokens__are_a_file_that_kubelet_renews():
    """A folder without subPath in the server's pod alone, and the file in it that PROBE_TOKENS_FILE names."""
    values = {**WEB, "history": {**ON, "tokensSecret": {"name": "probe-tokens", "key": "all"}}}
    rendered = render(values)
    deployment = rendered.kind("Deployment")
    container = only(deployment)
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "tokens"]
    (volume,) = [each for each in pod_of(deployment)["spec"]["volumes"] if each["name"] == "tokens"]
    assert mount == {"name": "tokens", "mountPath": "/etc/django-probe/tokens", "readOnly": True}
    assert volume["secret"] == {"secretName": "probe-tokens", "items": [{"key": "all", "path": "all"}]}
    assert environment(container)["PROBE_TOKENS_FILE"] == f"{mount['mountPath']}/all"
    gate = rendered.kind("Job", "-gate-1")
    assert "PROBE_TOKENS_FILE" not in environment(only(gate))
    assert "tokens" not in str(pod_of(gate))


@pytest.mark.parametrize(("tls", "origin"), [("probe-tls", "https://p.example"), ("", "http://p.example")])
def test_ingress__leads_to_the_log_in(tls, origin):
    """The pages' paths are there, and the server knows the origin that a browser names."""
    rendered = render({**WEB, "ingress": {"enabled": True, "host": "p.example", "tlsSecret": tls}})
    (rule,) = rendered.kind("Ingress")["spec"]["rules"]
    paths = [each["path"] for each in rule["http"]["paths"]]
    assert paths == ["/probe/", "/accounts/", "/admin/", "/static/"]
    variables = environment(only(rendered.kind("Deployment")))
    assert variables["CSRF_TRUSTED_ORIGINS"] == origin
    assert "p.example" in variables["ALLOWED_HOSTS"].split(",")


@pytest.mark.parametrize(
    "values",
    [
        {"history": {"enabled": False}, "web": {"enabled": True}},
        {"history": ON, "command": ["probe"], "web": {"enabled": True, "command": ["gunicorn", "shop.wsgi"]}},
    ],
    ids=["without-history", "own-server"],
)
def test_ingress__leads_to_probe_alone(values):
    """Where there is nothing to log in to, or a team's server has its own places for that."""
    rendered = render({**values, "ingress": {"enabled": True}})
    (rule,) = rendered.kind("Ingress")["spec"]["rules"]
    assert [each["path"] for each in rule["http"]["paths"]] == ["/probe/"]
    assert not {"CSRF_TRUSTED_ORIGINS", "ALLOWED_HOSTS"} & set(environment(only(rendered.kind("Deployment"))))


REFUSED = [
    ({"history": {"enabled": True}}, "history.databaseSecret.name: nothing says where the history is kept"),
    ({"history": ON, "web": {"enabled": True}}, "web.replicas: 2 servers would not know who logged in"),
    ({"web": {"enabled": True}, "serviceMonitor": {"enabled": True}}, "serviceMonitor.enabled: the metrics are told"),
    ({"web": {"enabled": True}, "prometheusRule": {"enabled": True}}, "prometheusRule.enabled: the metrics are told"),
    ({**WEB, "serviceMonitor": {"enabled": True}}, "serviceMonitor.tokenSecret.name: the metrics are for those with"),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED, ids=[sentence.partition(":")[0] for _, sentence in REFUSED])
def test_history__what_cannot_work_is_one_sentence(values, sentence):
    """It would be noticed after the release is applied, by who cannot log in or is not alerted."""
    for version in HELMS:
        refused = render(values, version=version)
        assert refused.code != 0
        assert sentence in refused.error


@pytest.mark.parametrize(
    "more",
    [
        {"web": {"enabled": True, "replicas": 1}},
        {"web": {"enabled": True}, "env": [{"name": "SECRET_KEY", "value": "k"}]},
        {"web": {"enabled": True}, "envFrom": [{"secretRef": {"name": "shop"}}]},
        {"web": {"enabled": True}, **KEY},
    ],
    ids=["one-replica", "env", "envFrom", "existingSecret"],
)
def test_secret_key__may_come_from_anywhere(more):
    """One server needs none that outlives it; several find theirs where the values may have one."""
    assert render({"history": ON, **more}).code == 0
