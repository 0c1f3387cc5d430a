"""What Helm says after an install: the next command, and a warning of what does nothing.

Helm 4 alone renders the notes without a cluster; the text is the same for both.
"""

from __future__ import annotations

import re

import pytest
import yaml

from tests.helm.charts import CHART, NEW, helm

DRY = ("--dry-run=client", "--namespace", "prod", "--values", "-")


def notes(values: dict) -> str:
    """Return what Helm says after an install."""
    done = helm(NEW, "install", "shop", str(CHART), *DRY, stdin=yaml.safe_dump(values))
    assert done.code == 0, done.error
    return done.text.partition("NOTES:\n")[2]


def test_notes__say_the_timeout_that_helm_needs():
    """Longer than the Job may take, whatever the values make of that, and how to see the log and to roll back."""
    said = notes({"gate": {"deadlineSeconds": 600, "activeDeadlineSeconds": 700}})
    assert "--wait --timeout 715s --rollback-on-failure" in said
    assert "(Helm 3: --atomic)" in said
    assert (
        "kubectl logs --namespace prod --selector batch.kubernetes.io/job-name=shop-django-probe-gate-1 --tail=-1"
        in said
    )
    assert "WARNING" not in said


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({}, 300),
        ({"history": {"migrate": {"activeDeadlineSeconds": 900}}}, 915),
        ({"history": {"migrate": {"activeDeadlineSeconds": 900}}, "gate": {"enabled": False}}, 915),
        ({"history": {"migrate": {"activeDeadlineSeconds": 900}}, "command": ["probe"]}, 300),
        ({"history": {"enabled": False, "migrate": {"activeDeadlineSeconds": 900}}}, 300),
        ({"gate": {"hook": {"style": "argocd"}}}, None),
        ({"gate": {"enabled": False}, "history": {"enabled": False}}, None),
    ],
    ids=["default", "migration", "migration-alone", "own-image", "no-history", "argocd", "no-hook"],
)
def test_notes__say_the_timeout_for_the_longest_hook(values, seconds):
    """The migration's Job is a hook as well, where there is one; without any hook there is nothing to wait for."""
    history = {"enabled": True, "databaseSecret": {"name": "probe-history"}}
    said = notes({**values, "history": {**history, **values.get("history", {})}})
    assert re.findall(r"--timeout (\d+)s", said) == ([str(seconds)] if seconds else [])


@pytest.mark.parametrize(
    ("hook", "sentence"),
    [
        ({}, "runs after each install and upgrade, in the Job shop-django-probe-gate-1."),
        ({"events": ["post-upgrade"]}, "runs after each upgrade, in the Job shop-django-probe-gate-1."),
        ({"events": ["post-upgrade", "post-rollback"]}, "runs after each upgrade and rollback, in the Job"),
        ({"style": "argocd"}, "runs after each sync of Argo CD, in the Job shop-django-probe-gate."),
        ({"style": "none"}, "runs with each install and upgrade, in the Job shop-django-probe-gate-1."),
    ],
    ids=["default", "upgrade", "rollback", "argocd", "none"],
)
def test_notes__say_when_the_gate_runs(hook, sentence):
    """As the values have it, and not as they have it by default."""
    assert f'The gate "deploy" {sentence}' in notes({"gate": {"hook": hook}})


def test_notes__say_how_to_run_and_see_the_rest():
    """The CronJob can be started by hand, the server be looked at, and `helm test` be run."""
    said = notes({"cronJob": {"enabled": True, "suspend": True}, "web": {"enabled": True}})
    assert "--from=cronjob/shop-django-probe-cron" in said
    assert "but it is SUSPENDED" in said
    assert "kubectl port-forward --namespace prod service/shop-django-probe-web 8000:80" in said
    assert "helm test --namespace prod shop" in said


def test_notes__say_how_to_log_in():
    """With a history the first user is made by a command in the server's pod, for which Helm names the Deployment."""
    history = {"enabled": True, "databaseSecret": {"name": "probe-history"}}
    said = notes({"history": history, "web": {"enabled": True, "replicas": 1}})
    assert "deployment/shop-django-probe-web -- /app/deploy/entrypoint manage createsuperuser" in said
    assert "createsuperuser" not in notes({"web": {"enabled": True}})


def test_notes__say_that_a_job_is_no_gate():
    """Without a hook nobody waits for the Job: Helm succeeds whatever it says."""
    assert "WARNING: gate.hook.style is none, which is no gate" in notes({"gate": {"hook": {"style": "none"}}})


def test_notes__warn_of_what_does_nothing():
    """A rehearsal, an Ingress without a server and a monitor without a Service are said out loud."""
    said = notes({"gate": {"fault": "fail"}, "ingress": {"enabled": True}, "serviceMonitor": {"enabled": True}})
    assert said.count("WARNING") == 3
    assert "gate.fault is fail: a rehearsal" in said
