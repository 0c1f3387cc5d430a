"""A key of the policy file: how its value is read, and what JSON Schema (draft-07) says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django_probe.terms import DatabaseAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """How a key's value is read, its `schema`, and its meaning in one line.

    `parse` raises ValueError with one sentence that fits behind the key's path.
    """

    parse: Callable[[Any], Any]
    schema: Schema
    meaning: str = ""


def defined(name: str) -> Schema:
    """Return the schema that stands among `DEFINITIONS` under this name."""
    return {"$ref": f"#/definitions/{name}"}


FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
WORD: Final = defined("word")
WORDS: Final[Schema] = {"type": "array", "items": WORD}
DURATION: Final = defined("duration")
TIMEOUT: Final = defined("timeout")
OWNER: Final = defined("owner")
RUNBOOK: Final = defined("runbook")
ACCESS: Final[Schema] = {"enum": list(map(str, DatabaseAccess))}

_A_WORD: Final = r"^[^\s-]([\s\S]*\S)?$"
DEFINITIONS: Final[Mapping[str, Schema]] = {
    "word": {"type": "string", "pattern": _A_WORD, "description": "not empty, no blanks around it, no - before it"},
    "duration": {
        "type": ["string", "number"],
        "minimum": 0,
        "maximum": 604800,
        "pattern": "^([0-9]+([.][0-9]+)?|([0-9]+h)?([0-9]+m)?([0-9]+([.][0-9]+)?s)?([0-9]+ms)?)$",
        "minLength": 1,
        "description": "250ms, 30s, 2m30s, or a number of seconds; 7 days at the most",
    },
    "timeout": {
        "allOf": [
            defined("duration"),
            {"exclusiveMinimum": 0, "pattern": "[1-9]", "description": "more than nothing"},
        ]
    },
    "owner": {
        "type": "string",
        "pattern": r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",
        "maxLength": 200,
    },
    "runbook": {"type": "string", "pattern": r"^https?://[^\s/]\S*$", "maxLength": 2000},
}


def by_label(values: Schema) -> Schema:
    """Return the schema of a mapping from labels or patterns to these values."""
    return {"type": "object", "patternProperties": {_A_WORD: values}, "additionalProperties": False}
