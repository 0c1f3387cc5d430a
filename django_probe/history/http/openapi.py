"""Describes what is under `/probe/` as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), for machines."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

import django_probe
from django_probe.history.http import listing, parts, schemas
from django_probe.history.http.negotiation import Format
from django_probe.history.http.schemas import TEXT, TEXTS, Schema, ref

_VIEW: Final = "Needs a token, or a user with the permission to see runs."
_START: Final = (
    "Needs a token of scope start, or a user with the permission to start runs, whose POST brings a CSRF token."
)
_OF_GATES: Final = (Format.JSON, Format.HTML, Format.JUNIT)


def description(root: str) -> dict[str, Any]:
    """Return the description of everything below `root`, the path of the status page such as `/probe/`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "django-probe",
            "version": django_probe.__version__,
            "description": "The deploy gates of a live Django system: how they stand, and how to run one.",
        },
        "servers": [{"url": root.rstrip("/") or "/"}],
        "security": [{"bearer": []}, {"basic": []}, {"cookie": []}],
        "paths": {
            "/live/": {"get": _open("live", "Whether the process can answer", parts.lines("It can."))},
            "/ready/": {"get": _open("ready", "Whether the process is ready", parts.readiness("text/plain"))},
            "/": {
                "get": _open(
                    "status",
                    "The status page for visitors who may see it and whose Accept names text/html; else as ready/",
                    parts.readiness("text/plain", "text/html"),
                )
            },
            "/gates/": {"get": _gates()},
            "/gates/{name}/badge.svg": {"parameters": [parts.in_path("name", "A gate.")], "get": _badge()},
            "/gates/{name}/silence/": {
                "parameters": [parts.in_path("name", "A gate.")],
                "get": _silence(),
                "post": _silenced(),
            },
            "/gates/{name}/": {"parameters": [parts.in_path("name", "A gate.")], "get": _gate(), "post": _start()},
            "/runs/": {"get": _runs()},
            "/runs/{id}/": {"parameters": [parts.in_path("id", "A run.")], "get": _run()},
            "/compare/": {"get": _compare()},
            "/metrics/": {"get": _metrics()},
            "/openapi.json": {"get": _itself()},
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "The token as password of any user."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
            },
            "responses": {
                "Refused": parts.response("The request asks for something that there is not.", parts.ERRORS),
                "Unauthorized": parts.response("Nobody is logged in, and no token is accepted.", parts.ERRORS),
                "Forbidden": parts.response("The user or the token may not.", parts.ERRORS),
                "Missing": parts.response("There is none.", parts.ERRORS),
                "Throttled": parts.response(
                    "Too many failed attempts with a token, or requests that wait.", parts.ERRORS
                ),
                "Down": parts.response("The history's database does not answer.", parts.ERRORS),
            },
            "schemas": {
                "Run": schemas.RUN,
                "Result": schemas.RESULT,
                "Started": schemas.STARTED,
                "Error": schemas.ERROR,
                "ListedRun": schemas.LISTED_RUN,
                "Cause": schemas.CAUSE,
                "Silence": schemas.SILENCE,
                "Gate": schemas.GATE,
                "Gates": schemas.GATES,
                "Runs": schemas.RUNS,
                "Comparison": schemas.COMPARISON,
            },
        },
    }


def _open(name: str, summary: str, responses: Schema) -> Schema:
    return {"operationId": name, "summary": summary, "security": [{}], "responses": responses}


def _silence() -> Schema:
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


def _silenced() -> Schema:
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
    return {"application/json": {"schema": schemas.ref("Silence")}, **parts.texts("text/html")}


def _gate() -> Schema:
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


def _start() -> Schema:
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


def _run() -> Schema:
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


def _gates() -> Schema:
    after = parts.in_query("after", "The name of the last gate of the page before.", TEXT)
    return {
        "operationId": "gates",
        "summary": "The gates, with how each stands and why",
        "description": _VIEW,
        "parameters": [parts.LIMIT, after, parts.choice_of((Format.JSON,))],
        "responses": _documents("Gates"),
    }


def _runs() -> Schema:
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


def _compare() -> Schema:
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


def _badge() -> Schema:
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


def _metrics() -> Schema:
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


def _itself() -> Schema:
    document = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This description",
        "description": _VIEW,
        "responses": {"200": parts.response("It.", document), **parts.refusals("401", "403", "429", "503")},
    }
