"""The kinds of checks, each with its keys: what the parser takes, and what the JSON Schema says, from one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django_probe.policy.declared import values
from django_probe.policy.declared.expected import parse_expected, parse_statuses
from django_probe.policy.keys import ACCESS, COUNT, FLAG, OWNER, RUNBOOK, TIMEOUT, WORD, Key, defined
from django_probe.terms import (
    parse_access,
    parse_count,
    parse_flag,
    parse_owner,
    parse_runbook,
    parse_timeout,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_probe.policy.keys import Schema

_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_LINE: Final[Schema] = {"type": "string", "pattern": r"^\S([^\x00-\x1f\x7f]*\S)?$"}
_HUNDREDS: Final = ["1xx", "2xx", "3xx", "4xx", "5xx"]
_STATUS: Final[Schema] = {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"enum": _HUNDREDS}]}
_EXIT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 255}
_ADDRESS: Final[Schema] = {"type": "string", "pattern": r"^[^\s/@]*(:[0-9]{1,5}|[$][{][^\s]*)$"}


def _one_or_more(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "array", "minItems": 1, "items": schema}]}


def _mapping(schema: Schema, names: Schema = _LINE) -> Schema:
    return {"type": "object", "minProperties": 1, "propertyNames": names, "additionalProperties": schema}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": schema}


_FIELD: Final[Schema] = {"type": ["string", "number"]}
_HEADER_NAMES: Final[Schema] = {"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"}
_HEADERS: Final = _mapping({"type": ["string", "integer"], "pattern": r"^[^\x00-\x1f\x7f]*$"}, _HEADER_NAMES)

WISHES: Final[Mapping[str, Key]] = {
    "timeout": Key(parse_timeout, TIMEOUT, "the probe's time, as in @probe"),
    "retries": Key(parse_count, COUNT, "how often a problem is tried again"),
    "warn_only": Key(parse_flag, FLAG, "a problem is reported, and does not close the gate"),
    "owner": Key(parse_owner, OWNER, "who mends it"),
    "runbook": Key(parse_runbook, RUNBOOK, "the URL of what they do"),
}
ACCESS_WISH: Final[Mapping[str, Key]] = {
    "database_access": Key(parse_access, ACCESS, "what it may do to the databases"),
}
_COMMON: Final[Mapping[str, Key]] = {
    **WISHES,
    "tags": Key(values.parse_words, _list(WORD), "by which gates choose it"),
    "within": Key(parse_timeout, TIMEOUT, "slower is a failure"),
    "slow": Key(parse_timeout, TIMEOUT, "slower is told, and passes"),
}
_BODY: Final[Mapping[str, Key]] = {
    "contains": Key(values.parse_text, _TEXT, "a text that has to be in it"),
    "matches": Key(values.parse_pattern, {**_TEXT, "format": "regex"}, "a regular expression that has to be found"),
}
_ANSWER: Final[Mapping[str, Key]] = {
    "status": Key(parse_statuses, _one_or_more(_STATUS), "a status, 2xx, or a list; below 400 where it is not written"),
    "headers": Key(values.parse_headers, _HEADERS, "headers of the answer; * is any text, ? one character"),
    **_BODY,
    "json": Key(
        values.mapping_of(parse_expected, "JMESPath to a value or a comparison"),
        _mapping({}, _TEXT),
        "by JMESPath, a value or a comparison such as > 0",
    ),
}  # fmt: skip
_REQUEST: Final[Mapping[str, Key]] = {
    "method": Key(values.parse_method, {"type": "string", "pattern": "^[A-Z]{1,20}$"}, "GET, or POST with a form"),
    "form": Key(values.mapping_of(values.parse_field, "fields"), _mapping(_FIELD), "the fields of a form to send"),
    "send": Key(values.parse_headers, _HEADERS, "headers to send"),
}
_HTTP: Final[Mapping[str, Key]] = {
    "base": Key(values.parse_base, _LINE, "the URL before a path"),
    **_REQUEST,
    "follow": Key(parse_flag, FLAG, "whether redirects are followed: true where it is not written"),
    **_ANSWER,
    "valid_for": Key(values.parse_days, defined("days"), "how long the certificate has to last"),
}
_TARGET: Final = Key(values.parse_target, _LINE, "asks a URL, or a path after base")
KINDS: Final[Mapping[str, Mapping[str, Key]]] = {
    "http": {
        "http": _TARGET,
        **_HTTP,
        "release": Key(parse_flag, FLAG, "waits for the release of the run"),
        **_COMMON,
    },
    "tcp": {"tcp": Key(values.parse_address, _ADDRESS, "connects to HOST:PORT"), **_COMMON},
    "tls": {
        "tls": Key(values.parse_address, _ADDRESS, "connects to HOST:PORT with TLS, and verifies the certificate"),
        "valid_for": _HTTP["valid_for"],
        **_COMMON,
    },
    "dns": {
        "dns": Key(values.parse_name, _LINE, "asks for the addresses of a name"),
        "has": Key(values.parse_addresses, _list(_TEXT), "addresses that have to be among them"),
        **_COMMON,
    },
    "sql": {
        "sql": Key(values.parse_statement, _TEXT, "runs one statement, under the database guard"),
        "database": Key(values.parse_line, _LINE, "the alias in DATABASES"),
        "expect": Key(parse_expected, {}, "of the first value of the first row: a value or a comparison"),
        **ACCESS_WISH,
        **_COMMON,
    },
    "view": {
        "view": Key(values.parse_line, _LINE, "asks a view of this project by its URL name, in this process"),
        **_REQUEST,
        **_ANSWER,
        **ACCESS_WISH,
        **_COMMON,
    },
    "command": {
        "command": Key(values.parse_arguments, _list(_TEXT), "runs a program with these arguments, without a shell"),
        "status": Key(values.parse_exits, _one_or_more(_EXIT), "the exit status, 0 where it is not written"),
        **_BODY,
        **_COMMON,
    },
}
SAVE: Final = Key(
    values.parse_saved,
    _mapping(_TEXT, {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
    "by name, JMESPath into the answer, or cookie:NAME; {{ name }} in later steps",
)
STEP: Final[Mapping[str, Key]] = {
    "http": _TARGET,
    **_HTTP,
    "save": SAVE,
    "within": _COMMON["within"],
}
FLOW: Final[Mapping[str, Key]] = {"base": _HTTP["base"], **_COMMON}
"""The keys of a flow beside its `steps`."""
STEPS: Final = "steps"
FILLED: Final = ("http", "base", "tcp", "tls", "dns", "send", "form", "headers")
"""The keys in whose values `${NAME}` and `{{ name }}` are replaced."""
RESERVED: Final = (
    "addClassCleanup", "addCleanup", "addTypeEqualityFunc", "countTestCases", "debug", "defaultTestResult",
    "doClassCleanups", "doCleanups", "enterClassContext", "enterContext", "fail", "failIf", "failIfAlmostEqual",
    "failIfEqual", "failUnless", "failUnlessAlmostEqual", "failUnlessEqual", "failUnlessRaises", "failureException",
    "id", "longMessage", "maxDiff", "run", "setUp", "setUpClass", "shortDescription", "skipTest", "subTest",
    "tearDown", "tearDownClass",
)  # fmt: skip
"""Names that no check can have, nor any that begins with assert: unittest's test cases have them."""


def schema_of(kind: str) -> dict[str, Any]:
    """Return the schema of a check of this kind."""
    if kind != STEPS:
        return _object(KINDS[kind], kind)
    steps = {"type": "array", "minItems": 1, "items": _object(STEP, "http")}
    return _object({STEPS: Key(list, steps, "a flow: one after the other, with one cookie jar"), **FLOW}, STEPS)


def _object(keys: Mapping[str, Key], required: str) -> dict[str, Any]:
    properties = {name: {**key.schema, "description": key.meaning} for name, key in keys.items()}
    return {"type": "object", "additionalProperties": False, "required": [required], "properties": properties}
