"""The JSON Schema of a policy file: printed, kept in docs/, and known to the chart."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft7Validator

from django_probe.policy import file as policy_file
from django_probe.policy.schema import definitions_of_checks, schema

ROOT = Path(__file__).resolve().parents[2]


def test_schema__is_draft_07_and_has_every_key():
    """The schema is one of draft-07, and knows the keys of a gate that the parser knows."""
    found = json.loads(schema())

    Draft7Validator.check_schema(found)
    assert set(found["definitions"]["gate"]["properties"]) == set(policy_file.KEYS)
    assert set(found["properties"]) == set(policy_file.TOP)


def test_schema__in_docs_is_the_one_of_the_code():
    """docs/policy.schema.json, which editors take, is what the code makes: `manage.py probe --schema` writes it."""
    assert (ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8") == schema()


def test_schema__of_the_chart_knows_checks():
    """The chart's values have the same definitions for `policy.checks`."""
    chart = json.loads((ROOT / "helm" / "django-probe" / "values.schema.json").read_text(encoding="utf-8"))
    made = definitions_of_checks()

    assert chart["properties"]["policy"]["properties"]["checks"] == {"$ref": "#/definitions/checks"}
    assert {name: chart["definitions"][name] for name in made} == made


def test_schema__printed(project):
    """`manage.py probe --schema` prints it on standard output, and nothing runs, whatever the policy is."""
    project.write("probe.yaml", "gaets: {}")

    done = project.probe("--schema", "--policy", "probe.yaml")

    assert (done.code, done.out, done.err) == (0, schema(), "")
