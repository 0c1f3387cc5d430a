"""The values: each is commented, known to the schema, and told in the README; a wrong one is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from django_probe.policy import file as policy_file
from django_probe.policy.gates import READY, Gate, PolicyError
from django_probe.policy.recipients import Change
from tests.helm.charts import CHART, HELMS, render, values_of
from tests.helm.tools import ROOT

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
# What is between an object's own keys and Kubernetes; the schema leaves it to the latter.
OPEN = {"labels", "resources", "podSecurityContext", "securityContext", "affinity", "policy"}


def below(schema: dict) -> dict:
    """Return a schema with its reference followed."""
    if "$ref" in schema:
        return SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def unknown(values: dict, schema: dict, path: str = "") -> list[str]:
    """Return the values that the schema does not know."""
    found = []
    for key, value in values.items():
        known = below(schema).get("properties", {})
        if key not in known:
            found.append(f"{path}{key}")
        elif isinstance(value, dict) and value and key not in OPEN:
            found += unknown(value, known[key], f"{path}{key}.")
    return found


def test_schema__knows_every_value_and_nothing_else():
    """Every value of values.yaml is in the schema, and every key of the schema in values.yaml, but `global`."""
    values = values_of(CHART / "values.yaml")
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert SCHEMA["additionalProperties"] is False
    assert unknown(values, SCHEMA) == []
    assert set(SCHEMA["properties"]) - set(values) == {"global"}


def test_schema__has_the_keys_of_a_gate():
    """A gate of the values has the keys that the policy file has."""
    assert set(SCHEMA["definitions"]["policyGate"]["properties"]) == set(policy_file.KEYS)


def test_default_policy__is_one():
    """The gates of values.yaml are a policy as the command reads it, and `ready` promises nothing that it cannot do."""
    text = json.dumps(values_of(CHART / "values.yaml")["policy"])
    assert set(policy_file.parse_policy(text, "values.yaml").gates) == {"deploy", "periodic", "ready"}


# What may stand in a gate of a policy, and what looks as if it might. More than 7 days in words, as "169h", are not
# among it: only the command adds that up.
GATES = {
    "probes": [
        ["shop"], ["shop.TestA.test_b[2]"], ["größe.TestÄ"], ["shop.TestA.test 1.5"], ["_shop", "a1"],
        [], [""], ["-x"], [" shop"], ["shop "], [None], [1], "shop",
    ],
    "tags": [["smoke"], ["a b"], ["a\nb"], ["x-"], ["."], ["é"], [], [""], ["-x"], ["x\t"], ["x", ""], [True], "smoke"],
    "exclude_tags": [[], ["slow"], [""], ["-slow"], "slow"],
    "warn_only": [[], ["*"], ["shop.TestStock.*", "[ab]*"], [""], ["- x"], {}],
    "require": [[], ["probe_http"], ["shop.TestStock.*", "shop.TestA.test_b[2]"], [""], ["- x"], "probe_http"],
    "owners": [
        {}, {"shop.*": "payments"}, {"shop.TestA.test_b[2]": "Ann Müller <ann@shop.example>"},
        {"": "a"}, {"-x": "a"}, {" x": "a"}, {"x": ""}, {"x": "  "}, {"x": "a\nb"}, {"x": "a" * 201},
        {"x": 1}, [], "x",
    ],
    "runbooks": [
        {}, {"shop": "https://runbooks.example/pay?a=1#b"}, {"shop.*": "http://wiki/x"},
        {"-x": "https://a"}, {"x": ""}, {"x": "wiki/pay"}, {"x": "javascript:alert(1)"}, {"x": "https:///a"},
        {"x": "https://a b"}, {"x": "https://" + "a" * 2000}, {"x": 1}, ["https://a"],
    ],
    "notify": [
        [], [{"url_env": "PROBE_NOTIFY_URL"}], [{"url": "mailto://a:b@mail.example"}, {"url_env": "_x"}],
        [{"url": "https+cloudevents://hooks.example/a", "secret_env": "KEY", "on": ["flaky"]}],
        [{"url_env": "A", "on": ["closed", "opened", "lost", "flaky"], "remind": "6h"}],
        [{"url_env": "A", "true": ["lost"]}],
        {}, "A", [{}], ["A"], [{"url": "mailto://a", "url_env": "A"}], [{"url": "mail.example"}], [{"url": "https://"}],
        [{"url": "json://a b"}], [{"url": "json://" + "a" * 2000}], [{"url": 1}], [{"url_env": "json://a"}],
        [{"url_env": ""}], [{"url_env": "1A"}], [{"url_env": "A", "on": []}], [{"url_env": "A", "on": ["open"]}],
        [{"url_env": "A", "on": "closed"}], [{"url_env": "A", "secret_env": "a-b"}], [{"url_env": "A", "remind": 0}],
        [{"url_env": "A", "mail": "x"}], [{"on": ["closed"]}],
    ],
    "parallel": [1, 1000, 0, 1001, -1, 1.5, "4", True],
    "timeout": [
        30, 0.5, 604800, "30", "0.5", "250ms", "2m30s", "1h2m3.5s4ms", "0m1s", "00.10s", "7h", "5m3ms", "168h",
        0, 0.0, "0", "0s", "0ms", "0h0m0s", "0.0", -1, 604801, 1e9, "", "-1s", "1s ", "1.5m", "1d", "s", "30sec",
        "2:30", "1e3", "1m1h", ".5s", True, [30],
    ],
    "deadline": ["3m30s", 1, 0, "0s"],
    "retries": [0, 7, -1, 0.5, "1", False],
    "retry_delay": [0, "0s", "0", 0.25, "2s", 604800, 604801, -0.5, ""],
    "failfast": [True, False, "true", 1],
    "isolation": ["process", "worker", "thread", "", True],
    "database_access": ["read-only", "rollback", "read-write", "write", "", 1],
    "every": ["10s", 0, "0s"],
    "max_age": ["30s", 0, "0ms"],
    "timout": ["3s"],
}  # fmt: skip
CASES = {f"gate-{key}-{index:02}": (key, value) for key, values in GATES.items() for index, value in enumerate(values)}


def read_by_the_command(key: str, value: object) -> Gate | None:
    """Return the gate with this key as the command reads it, or None where it refuses the policy."""
    name = READY if key in policy_file._READY_ONLY else "any"
    try:
        return policy_file.parse_policy(json.dumps({"gates": {name: {key: value}}}), "table").gates[name]
    except PolicyError:
        return None


def test_policy__is_refused_where_the_command_would_refuse_it(version):
    """The schema takes every gate that the command can read, and no other one of these."""
    refused = render(
        {"policy": {"gates": {name: {key: value} for name, (key, value) in CASES.items()}}}, version=version
    )
    named = set(re.findall(r"policy[./]gates[./](gate-\w+-\d+)", refused.error))
    assert named == {name for name, case in CASES.items() if read_by_the_command(*case) is None}


def test_policy__means_to_the_command_what_it_means_in_the_values(version):
    """Through Helm's own YAML a gate comes out as it would be read from a file."""
    read = {
        name: gate
        for name, case in CASES.items()
        if case[0] not in policy_file._READY_ONLY and (gate := read_by_the_command(*case))
    }
    gates = {name: {CASES[name][0]: CASES[name][1]} for name in read}
    written = render({"policy": {"gates": gates}}, version=version).kind("ConfigMap")["data"]["probe.yaml"]
    got = policy_file.parse_policy(written, "values").gates
    assert {name: got[name] for name in read} == {name: replace(gate, name=name) for name, gate in read.items()}


def test_policy__takes_the_word_on_from_yaml(version, tmp_path):
    """YAML 1.1, which Helm reads, takes the word `on` for a truth, as a key too; the command knows what was meant."""
    values = tmp_path / "values.yaml"
    values.write_text("policy: {gates: {deploy: {notify: [{url_env: A, on: [lost]}]}}}", encoding="utf-8")
    written = render({}, "--values", str(values), version=version).kind("ConfigMap")["data"]["probe.yaml"]
    assert policy_file.parse_policy(written, "values").gates["deploy"].notify[0].on == (Change.LOST,)


WRONG = [
    ({"gate": {"nme": "deploy"}}, "gate", "nme"),
    ({"gaet": {}}, "", "gaet"),
    ({"gate": {"hook": {"style": "flux"}}}, "gate/hook/style", "argocd"),
    ({"gate": {"hook": {"events": ["pre-upgrade"]}}}, "gate/hook/events/0", "post-install"),
    ({"gate": {"deadlineSeconds": "3m"}}, "gate/deadlineSeconds", "integer"),
    ({"gate": {"terminationGracePeriodSeconds": 5}}, "gate/terminationGracePeriodSeconds", "10"),
    ({"gate": {"shards": 0}}, "gate/shards", "1"),
    ({"gate": {"fault": "explode"}}, "gate/fault", "hang"),
    ({"report": {"sink": "file"}}, "report/sink", "none"),
    ({"policy": {"gates": {"deploy": {"timout": "3s"}}}}, "policy/gates/deploy", "timout"),
    ({"policy": {"checks": {"home": {"http": "https://a/", "staus": 200}}}}, "policy/checks/home", "staus"),
    (
        {"policy": {"checks": {"home": {"http": "https://a/", "within": "soon"}}}},
        "policy/checks/home/within",
        "pattern",
    ),
    ({"policy": {"checks": {"a.b": {"http": "https://a/"}}}}, "", "a.b"),
    ({"policy": {"gates": {"deploy": {"timeout": -3}}}}, "policy/gates/deploy/timeout", "0"),
    ({"policy": {"gates": {"deploy": {"timeout": "30sec"}}}}, "policy/gates/deploy/timeout", "pattern"),
    ({"policy": {"gates": {"deploy": {"timeout": "0s"}}}}, "policy/gates/deploy/timeout", "[1-9]"),
    ({"policy": {"gates": {"deploy": {"deadline": 700000}}}}, "policy/gates/deploy/deadline", "604"),
    ({"policy": {"gates": {"deploy": {"tags": []}}}}, "policy/gates/deploy/tags", "1"),
    ({"policy": {"gates": {"deploy": {"probes": ["shop."]}}}}, "policy/gates/deploy/probes/0", "pattern"),
    ({"gate": {"labels": ["shop."]}}, "gate/labels/0", "pattern"),
    ({"gate": {"labels": ["tests/shop.py"]}}, "gate/labels/0", "pattern"),
    ({"env": [{"name": "A", "value": 1}]}, "env/0/value", "string"),
    ({"probes": {"my-probe.py": ""}}, "", "my-probe.py"),
    ({"image": {"digest": "latest"}}, "image/digest", "sha256"),
    ({"resources": {"limits": {"memory": None}}}, "resources/limits", "memory"),
    ({"nameOverride": "Shop"}, "nameOverride", ""),
    ({"initContainers": [{"name": "gate", "image": "proxy"}]}, "initContainers/0/name", "not"),
    ({"web": {"extraContainers": [{"name": "a b", "image": "proxy"}]}}, "web/extraContainers/0/name", "pattern"),
    ({"commonLabels": {"team": "shop and more"}}, "commonLabels/team", "pattern"),
    ({"podLabels": {"job-name": "mine"}}, "", "job-name"),
    ({"kubelet": {"urlPrefix": "probe"}}, "kubelet/urlPrefix", ""),
    ({"cronJob": None}, "", "cronJob"),
]


@pytest.mark.parametrize(("values", "path", "word"), WRONG, ids=[f"{path}-{word}" for _, path, word in WRONG])
def test_wrong_value__is_refused_by_both_helms(values, path, word):
    """The schema's refusal names the value, and what it may be."""
    for version in HELMS:
        refused = render(values, version=version)
        assert refused.code != 0
        message = " ".join(refused.error.partition("django-probe:")[2].split())
        named = path.replace("/", ".") if version.startswith("3") else path
        assert named in message
        assert word in message


SENTENCES = [
    ({"policy": {"gates": {"deploy": {}, "ready": {"parallel": 4}}}}, "policy.gates.ready.parallel: the gate"),
    ({"policy": {"gates": {"ready": {"require": ["shop"]}}}}, "policy.gates.ready.require: the gate"),
    ({"policy": {"gates": {"ready": {"isolation": "process"}}}}, "policy.gates.ready.isolation: the gate"),
    ({"policy": {"gates": {"ready": {"notify": []}}}}, "policy.gates.ready.notify: the gate"),
    ({"policy": {"gates": {"deploy": {"max_age": "30s"}}}}, "policy.gates.deploy.max_age: only the gate"),
    ({"gate": {"fault": "fail"}, "env": [{"name": "PROBE_PATH", "value": "/app/probes"}]}, "gate.fault: env sets"),
    ({"web": {"enabled": True, "containerPort": 9000}}, "web.containerPort: the image's own server listens on 8000"),
    ({"web": {"enabled": True}, "kubelet": {"urlPrefix": "/health/"}}, "kubelet.urlPrefix: the image's own server"),
    (
        {"web": {"enabled": True}, "kubelet": {"port": 9000}},
        "kubelet.port: the image's own server listens on 8000, which",
    ),
    ({"web": {"enabled": True}, "kubelet": {"port": "web"}}, "is named http, not on web; leave it, or set web.command"),
    (
        {"command": ["django-probe", "probe"], "probes": {"shop.py": ""}},
        "probes: `command` means an image of your own, which does not read PROBE_PATH, so that the gate would open",
    ),
]


@pytest.mark.parametrize(("values", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_wrong_value__that_the_schema_cannot_know_is_one_sentence(values, sentence):
    """It would be noticed in the pods alone, after the release is applied."""
    for version in HELMS:
        refused = render(values, version=version)
        assert refused.code != 0
        assert sentence in refused.error


def test_global__is_borne_with():
    """What a parent shares with all its charts is not refused."""
    assert render({"global": {"region": "eu"}}).code == 0


def test_readme__has_the_table_of_the_values():
    """The table in the chart's README is what the script makes of values.yaml: `python helm/values_table.py`."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "helm" / "values_table.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_values__without_a_comment_are_found(tmp_path):
    """The script refuses a value that nobody explains."""
    script = (ROOT / "helm" / "values_table.py").read_text(encoding="utf-8")
    (tmp_path / "django-probe").mkdir()
    (tmp_path / "values_table.py").write_text(script, encoding="utf-8")
    (tmp_path / "django-probe" / "values.yaml").write_text("# Said.\none: 1\n\ntwo:\n  # Said.\n  a: 1\n  b: 2\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "values_table.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "values.yaml:7: two.b has no comment: say above it what it is\n"
