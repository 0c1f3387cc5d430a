"""The values: each is commented, known to the schema, and told in the README; a wrong one is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from django_probe import policy
from tests.helm.charts import CHART, HELMS, render, values_of
from tests.helm.tools import ROOT

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
# What is between an object's own keys and Kubernetes; the schema leaves it to the latter.
OPEN = {"resources", "podSecurityContext", "securityContext", "affinity", "policy"}


def below(schema: dict) -> dict:
    """Give a schema with its reference followed."""
    if "$ref" in schema:
        return SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def unknown(values: dict, schema: dict, path: str = "") -> list[str]:
    """Give the values that the schema does not know."""
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
    assert set(SCHEMA["definitions"]["policyGate"]["properties"]) == set(policy._KEYS)


def test_default_policy__is_one():
    """The gates of values.yaml are a policy as the command reads it, and `ready` promises nothing that it cannot do."""
    text = json.dumps(values_of(CHART / "values.yaml")["policy"])
    assert set(policy.parse_policy(text, "values.yaml").gates) == {"deploy", "periodic", "ready"}


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
    ({"policy": {"gates": {"deploy": {"timeout": -3}}}}, "policy/gates/deploy/timeout", "0"),
    ({"policy": {"gates": {"deploy": {"timeout": "30sec"}}}}, "policy/gates/deploy/timeout", "pattern"),
    ({"env": [{"name": "A", "value": 1}]}, "env/0/value", "string"),
    ({"probes": {"my-probe.py": ""}}, "", "my-probe.py"),
    ({"image": {"digest": "latest"}}, "image/digest", "sha256"),
    ({"resources": {"limits": {"memory": None}}}, "resources/limits", "memory"),
    ({"nameOverride": "Shop"}, "nameOverride", ""),
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
    ({"policy": {"gates": {"deploy": {"max_age": "30s"}}}}, "policy.gates.deploy.max_age: only the gate"),
    ({"gate": {"fault": "fail"}, "env": [{"name": "PROBE_PATH", "value": "/app/probes"}]}, "gate.fault: env sets"),
    ({"web": {"enabled": True, "containerPort": 9000}}, "web.containerPort: the image's own server listens on 8000"),
    ({"web": {"enabled": True}, "kubelet": {"urlPrefix": "/health/"}}, "kubelet.urlPrefix: the image's own server"),
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
