"""Describes what is under `/probe/` as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), for machines."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

import django_probe
from django_probe.history.http import listing, schemas
from django_probe.history.http.negotiation import LONGEST_WAIT, Format
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
            "/live/": {"get": _open("live", "Whether the process can answer", _lines("It can."))},
            "/ready/": {"get": _open("ready", "Whether the process is ready", _readiness("text/plain"))},
            "/": {
                "get": _open(
                    "status",
                    "The status page for visitors who may see it and whose Accept names text/html; else as ready/",
                    _readiness("text/plain", "text/html"),
                )
            },
            "/gates/": {"get": _gates()},
            "/gates/{name}/badge.svg": {"parameters": [_in_path("name", "A gate.")], "get": _badge()},
            "/gates/{name}/silence/": {
                "parameters": [_in_path("name", "A gate.")],
                "get": _silence(),
                "post": _silenced(),
            },
            "/gates/{name}/": {"parameters": [_in_path("name", "A gate.")], "get": _gate(), "post": _start()},
            "/runs/": {"get": _runs()},
            "/runs/{id}/": {"parameters": [_in_path("id", "A run.")], "get": _run()},
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
                "Refused": _answer("The request asks for something that there is not.", _ERRORS),
                "Unauthorized": _answer("Nobody is logged in, and no token is accepted.", _ERRORS),
                "Forbidden": _answer("The user or the token may not.", _ERRORS),
                "Missing": _answer("There is none.", _ERRORS),
                "Throttled": _answer("Too many failed attempts with a token, or requests that wait.", _ERRORS),
                "Down": _answer("The history's database does not answer.", _ERRORS),
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
        "parameters": [_format((Format.JSON, Format.HTML))],
        "responses": {
            "200": _answer("The silence; it may be over.", _silences()),
            "304": {"description": "It is what the ETag says."},
            **_refusals("400", "401", "403", "404", "406", "429", "503"),
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
        "parameters": [_format((Format.JSON, Format.HTML))],
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": fields}
                for media_type in ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")
            },
        },
        "responses": {
            "200": _answer("The silence as it is now.", _silences()),
            **_refusals("400", "401", "403", "404", "406", "411", "413", "415", "429", "503"),
        },
    }


def _silences() -> Schema:
    return {"application/json": {"schema": schemas.ref("Silence")}, **_texts("text/html")}


def _gate() -> Schema:
    closed = "The gate is closed; its run may have been lost."
    return {
        "operationId": "gate",
        "summary": "The latest run of the whole gate that ended",
        "description": _VIEW,
        "parameters": [_format(_OF_GATES), _FAIL_STATUS],
        "responses": {
            "200": _answer("The gate passed, or `fail_status` is 200.", _records(_OF_GATES)),
            "304": {"description": "It is what the ETag says."},
            "424": _answer(closed, _records(_OF_GATES)),
            "503": _answer(f"{closed} Or the history's database does not answer.", _records_or_errors(_OF_GATES)),
            **_refusals("400", "401", "403", "404", "406", "429"),
        },
    }


def _start() -> Schema:
    location = {"Location": {"description": "The run.", "schema": {"type": "string"}}}
    return {
        "operationId": "start",
        "summary": "Run a gate, the whole or a part of it",
        "description": f"One run at a time a gate. {_START}",
        "parameters": [_WAIT, _format(_OF_GATES), _FAIL_STATUS],
        "requestBody": {
            "required": False,
            "content": {
                media_type: {"schema": schema}
                for media_type, schema in {
                    "application/x-www-form-urlencoded": _fields(several=TEXTS),
                    "multipart/form-data": _fields(several=TEXTS),
                    "application/json": _fields(several={"anyOf": [{"type": "string"}, TEXTS]}),
                }.items()
            },
        },
        "responses": {
            "200": _answer("With `wait`: the run ended, and passed.", _records(_OF_GATES)),
            "202": {**_answer("The run goes on.", _starts()), "headers": location},
            "409": {**_answer("A run of the gate goes on already: it is the one.", _starts()), "headers": location},
            "424": _answer("With `wait` and `fail_status=424`: the run ended, and did not pass.", _records(_OF_GATES)),
            "503": _answer(
                "With `wait`: the run ended, and did not pass. Or it could not be started, or the history's database "
                "does not answer.",
                _records_or_errors(_OF_GATES),
            ),
            **_refusals("400", "401", "403", "404", "406", "411", "413", "415", "429"),
        },
    }


def _run() -> Schema:
    return {
        "operationId": "run",
        "summary": "One run; while it goes on, its progress",
        "description": _VIEW,
        "parameters": [_format(tuple(Format))],
        "responses": {
            "200": _answer("The run.", _records(tuple(Format))),
            "304": {"description": "It is what the ETag says."},
            "409": _answer("The run goes on: there is only its progress yet, as HTML or JSON.", _ERRORS),
            **_refusals("400", "401", "403", "404", "406", "429", "503"),
        },
    }


def _gates() -> Schema:
    after = _in_query("after", "The name of the last gate of the page before.", TEXT)
    return {
        "operationId": "gates",
        "summary": "The gates, with how each stands and why",
        "description": _VIEW,
        "parameters": [_LIMIT, after, _format((Format.JSON,))],
        "responses": _documents("Gates"),
    }


def _runs() -> Schema:
    states = {"type": "string", "enum": [str(state) for state in listing.STATES]}
    return {
        "operationId": "runs",
        "summary": "The runs, the latest first",
        "description": f"{_VIEW} A page may have fewer runs than its limit where `state` is given: `next` goes on.",
        "parameters": [
            _in_query("gate", "Of this gate alone.", TEXT),
            _in_query("since", "Started then or later; UTC where it names no zone.", {**TEXT, "format": "date-time"}),
            _in_query("state", "In this state, or with this verdict.", states),
            _LIMIT,
            _in_query("before", "What `next` has.", {"type": "integer", "minimum": 0}),
            _format((Format.JSON,)),
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
            {**_in_query("from", "A run or a release.", TEXT), "required": True},
            {**_in_query("to", "A run or a release.", TEXT), "required": True},
            _in_query("gate", "The gate, where both releases ran several.", TEXT),
            _format(forms),
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
            "200": _answer("The badge, whatever the verdict.", _texts("image/svg+xml")),
            "304": {"description": "It is what the ETag says."},
            **_refusals("401", "403", "404", "429", "503"),
        },
    }


def _documents(schema: str, *others: str) -> Schema:
    return {
        "200": _answer("It.", {"application/json": {"schema": ref(schema)}, **_texts(*others)}),
        "304": {"description": "It is what the ETag says."},
        **_refusals("400", "401", "403", "406", "429", "503"),
    }


def _metrics() -> Schema:
    return {
        "operationId": "metrics",
        "summary": "The metrics of all gates, in the format of Prometheus or OpenMetrics",
        "description": _VIEW,
        "responses": {
            "200": _answer("The metrics.", _texts("text/plain", "application/openmetrics-text")),
            "501": _answer("The server has no library for them; the sentence says which.", _ERRORS),
            **_refusals("401", "403", "429", "503"),
        },
    }


def _itself() -> Schema:
    document = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This description",
        "description": _VIEW,
        "responses": {"200": _answer("It.", document), **_refusals("401", "403", "429", "503")},
    }


def _readiness(*media_types: str) -> Schema:
    return {
        "200": _answer("It is ready, or the visitor sees the status page.", _texts(*media_types)),
        "503": _answer("It is not ready; the line says why in general.", _texts("text/plain")),
    }


def _lines(text: str) -> Schema:
    return {"200": _answer(text, _texts("text/plain"))}


def _refusals(*statuses: str) -> Schema:
    names = {"401": "Unauthorized", "403": "Forbidden", "404": "Missing", "429": "Throttled", "503": "Down"}
    return {status: {"$ref": f"#/components/responses/{names.get(status, 'Refused')}"} for status in statuses}


def _answer(text: str, content: Schema) -> Schema:
    return {"description": text, "content": content}


def _texts(*media_types: str) -> Schema:
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


def _records(formats: tuple[Format, ...]) -> Schema:
    texts = _texts(*(form.media_types[0] for form in formats if form is not Format.JSON))
    return {"application/json": {"schema": ref("Run")}, **texts}


def _records_or_errors(formats: tuple[Format, ...]) -> Schema:
    """Return the content of a 503, which a closed gate and a server that cannot answer share."""
    return {**_records(formats), "application/json": {"schema": {"anyOf": [ref("Run"), ref("Error")]}}}


def _starts() -> Schema:
    return {"application/json": {"schema": ref("Started")}, **_texts("text/html")}


def _format(formats: tuple[Format, ...]) -> Schema:
    return {
        "name": "format",
        "in": "query",
        "description": "In place of Accept.",
        "schema": {"type": "string", "enum": [str(form) for form in formats]},
    }


def _in_query(name: str, text: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _in_path(name: str, text: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


def _fields(several: Schema) -> Schema:
    labels = "What to run, within the gate's selection: texts, or one with blanks between the labels. None: all of it."
    return {
        "type": "object",
        "properties": {
            "labels": {**several, "description": labels},
            "failed_of": {"type": "string", "description": "A run of the gate: run again only what failed in it."},
        },
    }


_ERRORS: Final[Schema] = {"application/json": {"schema": ref("Error")}, **_texts("text/html")}
_FAIL_STATUS: Final[Schema] = {
    "name": "fail_status",
    "in": "query",
    "description": "The status of an answer that says that the gate is closed.",
    "schema": {"type": "integer", "enum": [200, 424, 503], "default": 503},
}
_WAIT: Final[Schema] = {
    "name": "wait",
    "in": "query",
    "description": f"How long to wait for the verdict, at most {LONGEST_WAIT:g}s: a duration such as `500ms` or `20s`.",
    "schema": {"type": "string", "default": "0"},
}
_LIMIT: Final = _in_query(
    "limit",
    "How many a page has at most.",
    {"type": "integer", "minimum": 1, "maximum": listing.MOST, "default": listing.USUAL},
)
