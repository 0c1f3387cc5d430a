"""The JSON Schema (draft-07) of a policy file, made of the tables by which the file is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django_probe.policy.declared.kinds import KINDS, RESERVED, STEPS, schema_of
from django_probe.policy.file import GATE_NAME, KEYS
from django_probe.policy.keys import DEFINITIONS, defined

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID: Final = "https://raw.githubusercontent.com/django-probe/django-probe/main/docs/policy.schema.json"
_LABEL: Final = {
    "type": "string",
    "pattern": r"^[^\s.:/-]+([.][\s\S]*[^\s.])?$",
    "description": "app, app.Class or app.Class.method",
}
_DAYS: Final = {
    "anyOf": [{"type": "string", "pattern": "^[0-9]{1,4}d$"}, defined("duration")],
    "description": "14d, 3650d at the most, or another duration",
}


def definitions_of_checks() -> dict[str, Any]:
    """Return what `checks` refers to: the checks, one definition a kind, and what their keys refer to."""
    kinds = (*KINDS, STEPS)
    check = {
        "type": "object",
        "description": f"asks one thing: has one of the keys {', '.join(kinds)}",
        "anyOf": [{"required": [kind]} for kind in kinds],
        # One condition a kind: what is wrong is then told of that kind's own keys.
        "allOf": [{"if": {"required": [kind]}, "then": defined(f"check_{kind}")} for kind in kinds],
    }
    checks = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"allOf": [defined("gateName"), {"not": {"anyOf": _reserved()}}]},
        "additionalProperties": defined("check"),
    }
    own = {"checks": checks, "check": check, **{f"check_{kind}": schema_of(kind) for kind in kinds}}
    return {**own, "days": _DAYS, "gateName": {"type": "string", "pattern": GATE_NAME}, **DEFINITIONS}


def _reserved() -> list[Mapping[str, Any]]:
    return [{"enum": list(RESERVED)}, {"pattern": "^assert"}]


def schema() -> str:
    """Return the schema as JSON, with a newline at its end."""
    gate = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {name: {**key.schema, "description": key.meaning} for name, key in KEYS.items()},
    }
    gates = {"type": "object", "propertyNames": defined("gateName"), "additionalProperties": defined("gate")}
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": _ID,
        "title": "A policy of django-probe",
        "description": "The gates of a Django system, and the checks that they may run",
        "type": "object",
        "additionalProperties": False,
        "required": ["gates"],
        "properties": {"gates": gates, "checks": defined("checks")},
        "definitions": {"gate": gate, "label": _LABEL, **definitions_of_checks()},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
