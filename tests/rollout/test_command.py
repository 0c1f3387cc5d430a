"""Which release a Helm command is about, and how its cluster is reached, whatever the order of its words."""

from __future__ import annotations

import pytest

from django_probe.rollout import command
from tests.rollout.world import made


@pytest.fixture(autouse=True)
def _programs(tmp_path, monkeypatch):
    """Helm and kubectl are on the PATH."""
    made(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("helm upgrade --install shop ./shop --namespace prod --wait --timeout 300s", ["--namespace=prod"]),
        ("helm upgrade -in prod shop ./shop -f a.yaml -f b.yaml --set a=b", ["--namespace=prod"]),
        ("helm -nprod upgrade --wait=watcher --values - shop ./shop", ["--namespace=prod"]),
        (
            "helm --kubeconfig k --kube-as-user me install shop -n=prod ./shop",
            ["--kubeconfig=k", "--as=me", "--namespace=prod"],
        ),
        ("helm upgrade --dry-run=none --no-hooks=false --server-side auto shop ./shop", []),
        ("helm install --server-side shop ./shop --kube-insecure-skip-tls-verify", ["--insecure-skip-tls-verify=true"]),
        ("helm upgrade --atomic --timeout 5m -- shop ./shop", []),
        ("helm upgrade -n a --namespace b shop ./shop", ["--namespace=a", "--namespace=b"]),
    ],
)
def test_release__is_found(line, options):
    """No value of an option is taken for the release, and no release for a value."""
    read = command.read(line.split(), {})
    assert read.release == "shop"
    assert sorted(read.for_kubectl) == sorted(options)
    assert read.words == tuple(line.split())


def test_environment__reaches_kubectl_unless_an_option_says_something_else():
    """Helm takes its variables by itself; kubectl does not know them."""
    environment = {"HELM_NAMESPACE": "a", "HELM_KUBECONTEXT": "c", "HELM_KUBEASGROUPS": "x,y"}
    read = command.read(["helm", "upgrade", "shop", "./shop", "-n", "b"], environment)
    assert set(read.for_kubectl) == {"--namespace=b", "--context=c", "--as-group=x", "--as-group=y"}
    assert read.for_helm == ("--namespace=b",)
