"""The operations that the OpenAPI description has, one function each."""

from __future__ import annotations

from typing import Final

from django_probe.history.http import listing
from django_probe.history.http.negotiation import Format
from django_probe.history.http.openapi import parts, schemas
from django_probe.history.http.openapi.schemas import TEXT, TEXTS, Schema, ref

_VIEW: Final = "Needs a token, or a user with the permission to see runs."
_START: Final = (
    "Needs a token of scope start, or a user with the permission to start runs, whose POST brings a CSRF token."
)
_OF_GATES: Final = (Format.JSON, Format.HTML, Format.JUNIT)


def open_to_all(name: str, summary: str, responses: Schema) -> Schema:
    """Return the operation `name` that needs no token and no log-in."""
    return {"operationId": name, "summary": summary, "security": [{}], "responses": responses}


def silence() -> Schema:
    """Return the reading of a gate's silence."""
    return {
        "operationId": "silence",
        "summary": "The latest silence of a gate: how long nobody is told of it, who wanted that, and why",
        "description": _VIEW,
        "parameters": [parts.choice_of((Format.JSON, Format.HTML))],
        "responses": {
            "200": parts.response("The silence; it may be over.", _silences()),
            "304": {"description": "It is what the ETag says."},
            **parts.refusals("400", "401", "403", "404", "406", "429", "503"),
        },
    }


def silenced() -> Schema:
    """Return the setting of a gate's silence."""
    fields = schemas.of_object(
        {
            "until": {**schemas.TEXT, "description": "A time in ISO 8601 with its zone, 7 days ahead at the most."},
            "for": {**schemas.TEXT, "description": "In its place a duration such as `2h`; 0 ends the silence."},
            "why": {**schemas.TEXT, "description": "What others read; it may be missing where a silence is ended."},
        },
        *("until", "for", "why"),
    )
    return {
        "operationId": "silenced",
        "summary": "Tell nobody of a gate until a time, or end that",
        "description": _START,
        "parameters": [parts.choice_of((Format.JSON, Format.HTML))],
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": fields}
                for media_type in ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")
            },
        },
        "responses": {
            "200": parts.response("The silence as it is now.", _silences()),
            **parts.refusals("400", "401", "403", "404", "406", "411", "413", "415", "429", "503"),
        },
    }


def _silences() -> Schema:
    return {"application/json": {"schema": ref("Silence")}, **parts.texts("text/html")}


def gate() -> Schema:
    """Return the reading of how a gate stands."""
    closed = "The gate is closed; its run may have been lost."
    return {
        "operationId": "gate",
        "summary": "The latest run of the whole gate that ended",
        "description": _VIEW,
        "parameters": [parts.choice_of(_OF_GATES), parts.FAIL_STATUS],
        "responses": {
            "200": parts.response("The gate passed, or `fail_status` is 200.", parts.records(_OF_GATES)),
            "304": {"description": "It is what the ETag says."},
            "424": parts.response(closed, parts.records(_OF_GATES)),
            "503": parts.response(
                f"{closed} Or the history's database does not answer.", parts.records_or_errors(_OF_GATES)
            ),
            **parts.refusals("400", "401", "403", "404", "406", "429"),
        },
    }


def start() -> Schema:
    """Return the start of a gate's run."""
    location = {"Location": {"description": "The run.", "schema": {"type": "string"}}}
    return {
        "operationId": "start",
        "summary": "Run a gate, the whole or a part of it",
        "description": f"One run at a time a gate. {_START}",
        "parameters": [parts.WAIT, parts.choice_of(_OF_GATES), parts.FAIL_STATUS],
        "requestBody": {
            "required": False,
            "content": {
                media_type: {"schema": schema}
                for media_type, schema in {
                    "application/x-www-form-urlencoded": parts.fields(several=TEXTS),
                    "multipart/form-data": parts.fields(several=TEXTS),
                    "application/json": parts.fields(several={"anyOf": [{"type": "string"}, TEXTS]}),
                }.items()
            },
        },
        "responses": {
            "200": parts.response("With `wait`: the run ended, and passed.", parts.records(_OF_GATES)),
            "202": {**parts.response("The run goes on.", parts.starts()), "headers": location},
            "409": {
                **parts.response("A run of the gate goes on already: it is the one.", parts.starts()),
                "headers": location,
            },
            "424": parts.response(
                "With `wait` and `fail_status=424`: the run ended, and did not pass.", parts.records(_OF_GATES)
            ),
            "503": parts.response(
                "With `wait`: the run ended, and did not pass. Or it could not be started, or the history's database "
                "does not answer.",
                parts.records_or_errors(_OF_GATES),
            ),
            **parts.refusals("400", "401", "403", "404", "406", "411", "413", "415", "429"),
        },
    }


def run() -> Schema:
    """Return the reading of a run."""
    return {
        "operationId": "run",
        "summary": "One run; while it goes on, its progress",
        "description": _VIEW,
        "parameters": [parts.choice_of(tuple(Format))],
        "responses": {
            "200": parts.response("The run.", parts.records(tuple(Format))),
            "304": {"description": "It is what the ETag says."},
            "409": parts.response("The run goes on: there is only its progress yet, as HTML or JSON.", parts.ERRORS),
            **parts.refusals("400", "401", "403", "404", "406", "429", "503"),
        },
    }


def gates() -> Schema:
    """Return the list of the gates."""
    after = parts.in_query("after", "The name of the last gate of the page before.", TEXT)
    return {
        "operationId": "gates",
        "summary": "The gates, with how each stands and why",
        "description": _VIEW,
        "parameters": [parts.LIMIT, after, parts.choice_of((Format.JSON,))],
        "responses": _documents("Gates"),
    }


def runs() -> Schema:
    """Return the list of the runs."""
    states = {"type": "string", "enum": [str(state) for state in listing.STATES]}
    return {
        "operationId": "runs",
        "summary": "The runs, the latest first",
        "description": f"{_VIEW} A page may have fewer runs than its limit where `state` is given: `next` goes on.",
        "parameters": [
            parts.in_query("gate", "Of this gate alone.", TEXT),
            parts.in_query(
                "since", "Started then or later; UTC where it names no zone.", {**TEXT, "format": "date-time"}
            ),
            parts.in_query("state", "In this state, or with this verdict.", states),
            parts.LIMIT,
            parts.in_query("before", "What `next` has.", {"type": "integer", "minimum": 0}),
            parts.choice_of((Format.JSON,)),
        ],
        "responses": _documents("Runs"),
    }


def compare() -> Schema:
    """Return the comparison of two runs."""
    forms = (Format.JSON, Format.HTML)
    return {
        "operationId": "compare",
        "summary": "What differs between two runs of a gate",
        "description": f"{_VIEW} A release is its latest run of the whole gate that ended.",
        "parameters": [
            {**parts.in_query("from", "A run or a release.", TEXT), "required": True},
            {**parts.in_query("to", "A run or a release.", TEXT), "required": True},
            parts.in_query("gate", "The gate, where both releases ran several.", TEXT),
            parts.choice_of(forms),
        ],
        "responses": _documents("Comparison", "text/html"),
    }


def badge() -> Schema:
    """Return the badge of a gate."""
    return {
        "operationId": "badge",
        "summary": "A picture of how the gate stands",
        "description": f"{_VIEW} Anybody may see the gates that the setting PROBE_PUBLIC_BADGES names.",
        "security": [{"bearer": []}, {"basic": []}, {"cookie": []}, {}],
        "responses": {
            "200": parts.response("The badge, whatever the verdict.", parts.texts("image/svg+xml")),
            "304": {"description": "It is what the ETag says."},
            **parts.refusals("401", "403", "404", "429", "503"),
        },
    }


def _documents(schema: str, *others: str) -> Schema:
    return {
        "200": parts.response("It.", {"application/json": {"schema": ref(schema)}, **parts.texts(*others)}),
        "304": {"description": "It is what the ETag says."},
        **parts.refusals("400", "401", "403", "406", "429", "503"),
    }


def metrics() -> Schema:
    """Return the metrics of the gates."""
    return {
        "operationId": "metrics",
        "summary": "The metrics of all gates, in the format of Prometheus or OpenMetrics",
        "description": _VIEW,
        "responses": {
            "200": parts.response("The metrics.", parts.texts("text/plain", "application/openmetrics-text")),
            "501": parts.response("The server has no library for them; the sentence says which.", parts.ERRORS),
            **parts.refusals("401", "403", "429", "503"),
        },
    }


def itself() -> Schema:
    """Return the reading of this description."""
    document = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This description",
        "description": _VIEW,
        "responses": {"200": parts.response("It.", document), **parts.refusals("401", "403", "429", "503")},
    }
