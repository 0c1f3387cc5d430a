"""Describes what is under `/probe/` as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), for machines."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

import django_probe
from django_probe.history.http.negotiation import LONGEST_WAIT, Format
from django_probe.history.storage.summaries import State
from django_probe.reports.json import VERSION
from django_probe.results import EndedBy, Outcome

_Schema = dict[str, Any]

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
            "/gates/{name}/": {"parameters": [_in_path("name", "A gate.")], "get": _gate(), "post": _start()},
            "/runs/{id}/": {"parameters": [_in_path("id", "A run.")], "get": _run()},
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
            "schemas": {"Run": _RUN, "Result": _RESULT, "Started": _STARTED, "Error": _ERROR},
        },
    }


def _open(name: str, summary: str, responses: _Schema) -> _Schema:
    return {"operationId": name, "summary": summary, "security": [{}], "responses": responses}


def _gate() -> _Schema:
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


def _start() -> _Schema:
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
                    "application/x-www-form-urlencoded": _fields(several=_TEXTS),
                    "multipart/form-data": _fields(several=_TEXTS),
                    "application/json": _fields(several={"anyOf": [{"type": "string"}, _TEXTS]}),
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


def _run() -> _Schema:
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


def _metrics() -> _Schema:
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


def _itself() -> _Schema:
    document = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This description",
        "description": _VIEW,
        "responses": {"200": _answer("It.", document), **_refusals("401", "403", "429", "503")},
    }


def _readiness(*media_types: str) -> _Schema:
    return {
        "200": _answer("It is ready, or the visitor sees the status page.", _texts(*media_types)),
        "503": _answer("It is not ready; the line says why in general.", _texts("text/plain")),
    }


def _lines(text: str) -> _Schema:
    return {"200": _answer(text, _texts("text/plain"))}


def _refusals(*statuses: str) -> _Schema:
    names = {"401": "Unauthorized", "403": "Forbidden", "404": "Missing", "429": "Throttled", "503": "Down"}
    return {status: {"$ref": f"#/components/responses/{names.get(status, 'Refused')}"} for status in statuses}


def _answer(text: str, content: _Schema) -> _Schema:
    return {"description": text, "content": content}


def _texts(*media_types: str) -> _Schema:
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


def _records(formats: tuple[Format, ...]) -> _Schema:
    texts = _texts(*(form.media_types[0] for form in formats if form is not Format.JSON))
    return {"application/json": {"schema": _ref("Run")}, **texts}


def _records_or_errors(formats: tuple[Format, ...]) -> _Schema:
    """Return the content of a 503, which a closed gate and a server that cannot answer share."""
    return {**_records(formats), "application/json": {"schema": {"anyOf": [_ref("Run"), _ref("Error")]}}}


def _starts() -> _Schema:
    return {"application/json": {"schema": _ref("Started")}, **_texts("text/html")}


def _format(formats: tuple[Format, ...]) -> _Schema:
    return {
        "name": "format",
        "in": "query",
        "description": "In place of Accept.",
        "schema": {"type": "string", "enum": [str(form) for form in formats]},
    }


def _in_path(name: str, text: str) -> _Schema:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _fields(several: _Schema) -> _Schema:
    labels = "What to run, within the gate's selection: texts, or one with blanks between the labels. None: all of it."
    return {
        "type": "object",
        "properties": {
            "labels": {**several, "description": labels},
            "failed_of": {"type": "string", "description": "A run of the gate: run again only what failed in it."},
        },
    }


def _object(properties: dict[str, _Schema], *optional: str) -> _Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_TEXT: Final[_Schema] = {"type": "string"}
_TEXTS: Final[_Schema] = {"type": "array", "items": _TEXT}
_TEXT_OR_NULL: Final[_Schema] = {"type": ["string", "null"]}
_COUNT: Final[_Schema] = {"type": "integer", "minimum": 0}
_TIME: Final[_Schema] = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Final[_Schema] = {"type": ["string", "null"], "format": "date-time"}
_FLAG: Final[_Schema] = {"type": "boolean"}

_OUTCOME: Final[_Schema] = {"type": "string", "enum": [str(outcome) for outcome in Outcome]}

_EARLIER: Final = _object({"outcome": _OUTCOME, "message": _TEXT, "details": _TEXT})
_RESULT: Final = _object(
    {
        "label": _TEXT,
        "outcome": _OUTCOME,
        "blocking": {**_FLAG, "description": "Whether the gate closes where it did not pass."},
        "started_at": {**_TIME_OR_NULL, "description": "Null where it never started."},
        "duration": {"type": "number", "description": "Seconds."},
        "attempts": _COUNT,
        "message": _TEXT,
        "details": _TEXT,
        "output": _TEXT,
        "logs": {**_TEXT, "description": "What it logged, from WARNING up."},
        "tags": _TEXTS,
        "title": {**_TEXT_OR_NULL, "description": "The first line of its docstring."},
        "owner": {**_TEXT_OR_NULL, "description": "Who mends it."},
        "runbook": {**_TEXT_OR_NULL, "description": "The URL of what they do."},
        "file": {**_TEXT_OR_NULL, "description": "Where its method is, from the folder of the command."},
        "line": {"type": ["integer", "null"], "minimum": 0},
        "flaky": {**_FLAG, "description": "Whether it passed after an attempt that was a problem."},
        "earlier": {"type": "array", "items": _EARLIER, "description": "The attempts before the last one."},
    }
)
_RUN: Final = _object(
    {
        "version": {"const": VERSION, "description": "Of the format of the record."},
        "id": _TEXT,
        "gate": _TEXT,
        "release": _TEXT_OR_NULL,
        "host": _TEXT,
        "shard": {**_TEXT_OR_NULL, "description": "Null where all the shards of the run are told together."},
        "started_at": _TIME,
        "finished_at": {**_TIME_OR_NULL, "description": "Null while the run goes on."},
        "duration": {"type": ["number", "null"], "description": "Seconds; null while the run goes on."},
        "passed": {"type": ["boolean", "null"], "description": "The verdict; null while the run goes on."},
        "exit_code": {"type": ["integer", "null"], "description": "What the command exits with; likewise."},
        "ended_by": {"enum": [*(str(by) for by in EndedBy), None]},
        "selected": _COUNT,
        "selection": {**_TEXT_OR_NULL, "description": "A digest of all that was selected, which shards share."},
        "counts": _object({str(outcome): _COUNT for outcome in Outcome}),
        "results": {"type": "array", "items": _ref("Result")},
        "state": {"type": "string", "enum": [str(state) for state in State]},
        "trigger": {**_TEXT_OR_NULL, "description": "What started it; null: a person's command."},
        "labels": {**_TEXTS, "description": "What it was limited to."},
        "failed_of": {**_TEXT_OR_NULL, "description": "The run whose failures it runs again."},
        "narrowed": {**_FLAG, "description": "Whether somebody chose a part by hand: no verdict of the gate."},
        "progress": _object({"done": _COUNT, "total": _COUNT, "problems": _COUNT}),
    },
    # Not in every answer: the first four are there once it ended, the last one while it is under way.
    *("selected", "selection", "counts", "results", "progress"),
)
_ERROR: Final = _object({"error": {**_TEXT, "description": "One sentence for whoever asked."}})
_STARTED: Final = _object(
    {
        "id": _TEXT,
        "gate": _TEXT,
        "state": {"const": str(State.RUNNING)},
        "url": {**_TEXT, "description": "Where the run is."},
        "error": {**_TEXT, "description": "That it went on already."},
    },
    "error",
)
_ERRORS: Final[_Schema] = {"application/json": {"schema": _ref("Error")}, **_texts("text/html")}

_FAIL_STATUS: Final[_Schema] = {
    "name": "fail_status",
    "in": "query",
    "description": "The status of an answer that says that the gate is closed.",
    "schema": {"type": "integer", "enum": [200, 424, 503], "default": 503},
}
_WAIT: Final[_Schema] = {
    "name": "wait",
    "in": "query",
    "description": f"How long to wait for the verdict, at most {LONGEST_WAIT:g}s: a duration such as `500ms` or `20s`.",
    "schema": {"type": "string", "default": "0"},
}
