"""What operations of the OpenAPI description have in common: parameters, contents and responses."""

from __future__ import annotations

from typing import Final

from django_probe.history.http import listing
from django_probe.history.http.negotiation import LONGEST_WAIT, Format
from django_probe.history.http.openapi.schemas import Schema, ref


def readiness(*media_types: str) -> Schema:
    """Return the responses of `/probe/` as these media types."""
    return {
        "200": response("It is ready, or the visitor sees the status page.", texts(*media_types)),
        "503": response("It is not ready; the line says why in general.", texts("text/plain")),
    }


def lines(text: str) -> Schema:
    """Return the one response of what answers with lines of text."""
    return {"200": response(text, texts("text/plain"))}


def refusals(*statuses: str) -> Schema:
    """Return the responses of these statuses, which every operation has alike."""
    names = {"401": "Unauthorized", "403": "Forbidden", "404": "Missing", "429": "Throttled", "503": "Down"}
    return {status: {"$ref": f"#/components/responses/{names.get(status, 'Refused')}"} for status in statuses}


def response(text: str, content: Schema) -> Schema:
    """Return a response: what it means and what is in it."""
    return {"description": text, "content": content}


def texts(*media_types: str) -> Schema:
    """Return contents that are texts of these media types."""
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


def records(formats: tuple[Format, ...]) -> Schema:
    """Return the contents of a run in each of these formats."""
    others = texts(*(form.media_types[0] for form in formats if form is not Format.JSON))
    return {"application/json": {"schema": ref("Run")}, **others}


def records_or_errors(formats: tuple[Format, ...]) -> Schema:
    """Return the content of a 503, which a closed gate and a server that cannot answer share."""
    return {**records(formats), "application/json": {"schema": {"anyOf": [ref("Run"), ref("Error")]}}}


def starts() -> Schema:
    """Return the contents of a run that was started."""
    return {"application/json": {"schema": ref("Started")}, **texts("text/html")}


def choice_of(formats: tuple[Format, ...]) -> Schema:
    """Return the parameter that chooses one of these formats."""
    return {
        "name": "format",
        "in": "query",
        "description": "In place of Accept.",
        "schema": {"type": "string", "enum": [str(form) for form in formats]},
    }


def in_query(name: str, text: str, schema: Schema) -> Schema:
    """Return a parameter of the query."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def in_path(name: str, text: str) -> Schema:
    """Return a parameter of the path."""
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


def fields(several: Schema) -> Schema:
    """Return the schema of what a POST may choose; `several` is that of its labels."""
    labels = "What to run, within the gate's selection: texts, or one with blanks between the labels. None: all of it."
    return {
        "type": "object",
        "properties": {
            "labels": {**several, "description": labels},
            "failed_of": {"type": "string", "description": "A run of the gate: run again only what failed in it."},
        },
    }


ERRORS: Final[Schema] = {"application/json": {"schema": ref("Error")}, **texts("text/html")}
FAIL_STATUS: Final[Schema] = {
    "name": "fail_status",
    "in": "query",
    "description": "The status of an answer that says that the gate is closed.",
    "schema": {"type": "integer", "enum": [200, 424, 503], "default": 503},
}
WAIT: Final[Schema] = {
    "name": "wait",
    "in": "query",
    "description": f"How long to wait for the verdict, at most {LONGEST_WAIT:g}s: a duration such as `500ms` or `20s`.",
    "schema": {"type": "string", "default": "0"},
}
LIMIT: Final = in_query(
    "limit",
    "How many a page has at most.",
    {"type": "integer", "minimum": 1, "maximum": listing.MOST, "default": listing.USUAL},
)
