"""Every pod of the chart is admissible where the Pod Security Standard "restricted" is enforced, and holds no token."""

from __future__ import annotations

import re

import pytest

from tests.helm.charts import containers, environment, pod_of, render, renderings

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
FORBIDDEN = ("hostNetwork", "hostPID", "hostIPC")
EVERYTHING_OF_A_POD = {"Job", "Deployment", "CronJob", "Pod"}


@pytest.fixture(scope="module")
def pods() -> list[tuple[str, dict]]:
    """Every pod of every file in ci/, with the kind of what makes it."""
    return [(each["kind"], pod) for rendered in renderings() for each in rendered.objects if (pod := pod_of(each))]


def test_pods__are_all_looked_at(pods):
    """The files in ci/ make a pod in each of the ways that the chart has."""
    assert {kind for kind, _ in pods} == EVERYTHING_OF_A_POD


def test_pods__are_restricted(pods):
    """No pod or container asks for what the standard forbids, and each says what the standard wants said."""
    for kind, pod in pods:
        spec = pod["spec"]
        assert not [key for key in FORBIDDEN if spec.get(key)], kind
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for volume in spec["volumes"]:
            assert set(volume) - {"name"} <= VOLUMES, volume
        for container in containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not context.get("privileged")
            assert not [port for port in container.get("ports", []) if port.get("hostPort")]


def test_pods__have_no_token_and_nothing_to_write_but_tmp(pods):
    """No pod can talk to the cluster's API; its file system is read-only but for /tmp; its memory is limited."""
    for kind, pod in pods:
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, kind
        assert spec["enableServiceLinks"] is False, kind
        writable = {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume}
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
            places = {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in writable}
            assert places == {"/tmp"}
            assert all(mount.get("readOnly") for mount in container["volumeMounts"] if mount["name"] not in writable)


def test_pods__mount_what_the_chart_makes():
    """Each mount has its volume, and each ConfigMap of the chart that a volume names is an object of the chart."""
    for rendered in renderings():
        made = {each["metadata"]["name"] for each in rendered.objects if each["kind"] == "ConfigMap"}
        for pod in filter(None, map(pod_of, rendered.objects)):
            volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
            mounted = {mount["name"] for container in containers(pod) for mount in container["volumeMounts"]}
            assert mounted == set(volumes)
            named = {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
            assert {name for name in named if name.startswith("shop-django-probe")} <= made


def test_files_that_the_environment_names__are_mounted(pods):
    """PROBE_POLICY and PROBE_PATH lead to where the ConfigMaps are."""
    seen = set()
    for _, pod in pods:
        for container in containers(pod):
            mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
            for name in ("PROBE_POLICY", "PROBE_PATH"):
                if path := environment(container).get(name):
                    assert path in mounts or path.rpartition("/")[0] in mounts, (name, path)
                    seen.add(path)
    assert {path.split("/")[3] for path in seen} == {"policy", "probes", "rehearsal"}


def test_secrets__are_only_referred_to():
    """An existing Secret and envFrom reach every container that runs code of the app; no value is a secret's."""
    everything = render({"existingSecret": "shop", "web": {"enabled": True}, "cronJob": {"enabled": True}})
    assert not everything.has("Secret")
    for pod in filter(None, map(pod_of, everything.objects)):
        for container in containers(pod):
            if container["name"] != "ready":  # the test that asks over HTTP needs nothing
                assert container["envFrom"] == [{"secretRef": {"name": "shop"}}]


def test_env__wins_over_what_the_chart_sets():
    """A name that the values set in `env` is not set a second time."""
    job = render({"env": [{"name": "PROBE_RELEASE", "value": "4711"}]}).kind("Job")
    variables = environment(pod_of(job)["spec"]["containers"][0])
    assert variables["PROBE_RELEASE"] == "4711"


PLACES = {
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db.internal"]}],
    "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    ],
    "initContainers": [{"name": "proxy", "image": "registry.example/proxy:1", "restartPolicy": "Always"}],
}
EVERY_KIND = {
    "web": {"enabled": True, "replicas": 1, "extraContainers": [{"name": "exporter", "image": "exporter:1"}]},
    "cronJob": {"enabled": True},
    "history": {"enabled": True, "databaseSecret": {"name": "probe-history"}},
}


def test_pods__have_what_the_values_say_of_every_pod():
    """Names, places and native sidecars, in the pods of gate, CronJob, migration, server and test alike."""
    objects = [(each["metadata"]["name"], pod_of(each)) for each in render({**EVERY_KIND, **PLACES}).objects]
    pods = [(name, pod["spec"]) for name, pod in objects if pod]
    assert len(pods) == 7
    for name, spec in pods:
        assert {key: spec[key] for key in PLACES} == PLACES, name
    for name, pod in ((name, pod) for name, pod in objects if pod):
        beside = [each["name"] for each in pod["spec"]["containers"][1:]]
        assert beside == (["exporter"] if name.endswith("-web") else []), "no gate waits for a container beside it"


def test_labels__that_are_common_are_on_every_object_and_pod():
    """Once each, whatever else has labels, and never in a selector: that could not be changed any more."""
    labels = {"cost-center": "42", "team": "shop", "release": "common"}
    values = {**EVERY_KIND, "commonLabels": labels, "podLabels": {"team": "probe"}}
    values["serviceMonitor"] = {"enabled": True, "labels": {"release": "prometheus"}, "tokenSecret": {"name": "t"}}
    rendered = render(values)
    for each in rendered.objects:
        expected = {**labels, **({"release": "prometheus"} if each["kind"] == "ServiceMonitor" else {})}
        pod = pod_of(each)
        if each["kind"] != "Pod":
            assert expected.items() <= each["metadata"]["labels"].items(), each["metadata"]["name"]
        if pod:
            assert {**labels, "team": "probe"}.items() <= pod["metadata"]["labels"].items()
    assert "cost-center" not in rendered.kind("Deployment")["spec"]["selector"]["matchLabels"]
    (block,) = re.findall(r"kind: ServiceMonitor\n.*?\nspec:", rendered.text, re.DOTALL)
    assert (block.count("release: "), block.count("cost-center: ")) == (1, 1)


def test_change_of_config__makes_the_pods_anew():
    """Another policy or another inline probe changes the pods of the server and of the CronJob; else they stay."""
    on = {"web": {"enabled": True}, "cronJob": {"enabled": True}}
    changes = [
        {},
        {"policy": {"gates": {"ready": {"timeout": "1s"}}}},
        {"probes": {"a.py": "A = 1"}},
        {"probes": {"a.py": "A = 2"}},
    ]
    for kind in ("Deployment", "CronJob"):
        templates = [str(pod_of(render({**on, **change}).kind(kind))["metadata"]) for change in changes]
        assert len(set(templates)) == len(changes)
    upgraded = render(on, "--is-upgrade").kind("Deployment")
    assert upgraded == render(on).kind("Deployment")


def test_inline_probes__are_an_immutable_map_named_by_its_content():
    """What a gate ran stays what it was: other probes have another name, the same probes the same."""
    texts = ("A = 1", "A = 2")
    maps = [render({"probes": {"a.py": text}}).kind("ConfigMap", _name_of_probes(text)) for text in texts]
    assert all(each["immutable"] is True for each in maps)
    assert [each["data"] for each in maps] == [{"a.py": "A = 1"}, {"a.py": "A = 2"}]
    assert maps[0]["metadata"]["name"] != maps[1]["metadata"]["name"]


def _name_of_probes(text: str) -> str:
    job = render({"probes": {"a.py": text}}).kind("Job")
    (volume,) = [each for each in pod_of(job)["spec"]["volumes"] if each["name"] == "probes"]
    return volume["configMap"]["name"]
