"""The schemas of `openapi.json`: what the JSON under `/probe/` has in it."""

from __future__ import annotations

from typing import Any, Final

from django_probe.history.storage.summaries import State
from django_probe.reports.json import VERSION
from django_probe.results import EndedBy, Outcome

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to the schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def of_object(properties: dict[str, Schema], *optional: str) -> Schema:
    """Return the schema of an object that has these keys alone, all of them but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


TEXT: Final[Schema] = {"type": "string"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
FLAG: Final[Schema] = {"type": "boolean"}

NUMBER_OR_NULL: Final[Schema] = {"type": ["number", "null"]}
URL_OR_NULL: Final[Schema] = {**TEXT_OR_NULL, "description": "The URL of the next page; null on the last."}
OUTCOME: Final[Schema] = {"type": "string", "enum": [str(outcome) for outcome in Outcome]}
COUNTS: Final = of_object({str(outcome): COUNT for outcome in Outcome})

EARLIER: Final = of_object({"outcome": OUTCOME, "message": TEXT, "details": TEXT})
ATTACHMENT: Final = of_object(
    {
        "name": TEXT,
        "type": {**TEXT, "description": "Its media type."},
        "size": {**COUNT, "description": "Bytes that were attached; content that was cut has fewer."},
        "content": {**TEXT, "description": "A text, or why the bytes are left out."},
        "base64": {**TEXT, "description": "Bytes, in place of content.", "contentEncoding": "base64"},
    },
    *("content", "base64"),
)
RESULT: Final = of_object(
    {
        "label": TEXT,
        "outcome": OUTCOME,
        "blocking": {**FLAG, "description": "Whether the gate closes where it did not pass."},
        "started_at": {**TIME_OR_NULL, "description": "Null where it never started."},
        "duration": {"type": "number", "description": "Seconds."},
        "attempts": COUNT,
        "message": TEXT,
        "details": TEXT,
        "output": TEXT,
        "logs": {**TEXT, "description": "What it logged, from WARNING up."},
        "tags": TEXTS,
        "title": {**TEXT_OR_NULL, "description": "The first line of its docstring."},
        "owner": {**TEXT_OR_NULL, "description": "Who mends it."},
        "runbook": {**TEXT_OR_NULL, "description": "The URL of what they do."},
        "file": {**TEXT_OR_NULL, "description": "Where its method is, from the folder of the command."},
        "line": {"type": ["integer", "null"], "minimum": 0},
        "flaky": {**FLAG, "description": "Whether it passed after an attempt that was a problem."},
        "earlier": {"type": "array", "items": EARLIER, "description": "The attempts before the last one."},
        "attachments": {"type": "array", "items": ATTACHMENT, "description": "What it attached."},
    }
)
RUN: Final = of_object(
    {
        "version": {"const": VERSION, "description": "Of the format of the record."},
        "id": TEXT,
        "gate": TEXT,
        "release": TEXT_OR_NULL,
        "host": TEXT,
        "shard": {**TEXT_OR_NULL, "description": "Null where all the shards of the run are told together."},
        "started_at": TIME,
        "finished_at": {**TIME_OR_NULL, "description": "Null while the run goes on."},
        "duration": {"type": ["number", "null"], "description": "Seconds; null while the run goes on."},
        "passed": {"type": ["boolean", "null"], "description": "The verdict; null while the run goes on."},
        "exit_code": {"type": ["integer", "null"], "description": "What the command exits with; likewise."},
        "ended_by": {"enum": [*(str(by) for by in EndedBy), None]},
        "selected": COUNT,
        "selection": {**TEXT_OR_NULL, "description": "A digest of all that was selected, which shards share."},
        "counts": COUNTS,
        "results": {"type": "array", "items": ref("Result")},
        "state": {"type": "string", "enum": [str(state) for state in State]},
        "trigger": {**TEXT_OR_NULL, "description": "What started it; null: a person's command."},
        "started_by": {**TEXT_OR_NULL, "description": "The user or the token that asked for it over HTTP."},
        "labels": {**TEXTS, "description": "What it was limited to."},
        "failed_of": {**TEXT_OR_NULL, "description": "The run whose failures it runs again."},
        "narrowed": {**FLAG, "description": "Whether somebody chose a part by hand: no verdict of the gate."},
        "progress": of_object({"done": COUNT, "total": COUNT, "problems": COUNT}),
    },
    # Not in every answer: the first four are there once it ended, the last one while it is under way.
    *("selected", "selection", "counts", "results", "progress"),
)
ERROR: Final = of_object({"error": {**TEXT, "description": "One sentence for whoever asked."}})
STARTED: Final = of_object(
    {
        "id": TEXT,
        "gate": TEXT,
        "state": {"const": str(State.RUNNING)},
        "url": {**TEXT, "description": "Where the run is."},
        "error": {**TEXT, "description": "That it went on already."},
    },
    "error",
)
LISTED_RUN: Final = of_object(
    {
        "id": TEXT,
        "gate": TEXT,
        "url": TEXT,
        "release": TEXT_OR_NULL,
        "host": TEXT,
        "started_at": TIME,
        "finished_at": {**TIME_OR_NULL, "description": "Null while the run goes on."},
        "duration": {**NUMBER_OR_NULL, "description": "Seconds; null while the run goes on."},
        "passed": {"type": ["boolean", "null"], "description": "The verdict; null while the run goes on."},
        "exit_code": {"type": ["integer", "null"]},
        "reason": TEXT,
        "counts": COUNTS,
        "state": {"type": "string", "enum": [str(state) for state in State]},
        "trigger": TEXT_OR_NULL,
        "started_by": TEXT_OR_NULL,
        "labels": TEXTS,
        "failed_of": TEXT_OR_NULL,
        "narrowed": {**FLAG, "description": "Whether somebody chose a part by hand: no verdict of the gate."},
    }
)
CAUSE: Final = of_object(
    {
        "outcome": OUTCOME,
        "blocking": FLAG,
        "message": TEXT,
        "probes": {**COUNT, "description": "How many probes have it."},
        "labels": {**TEXTS, "description": "Some of them."},
        "owners": TEXTS,
        "runbooks": TEXTS,
    }
)
GATE: Final = of_object(
    {
        "name": TEXT,
        "url": TEXT,
        "passed": {"type": ["boolean", "null"], "description": "Its verdict; null where it never ran."},
        "since": {**TIME_OR_NULL, "description": "Since when it has stood so."},
        "streak": {**COUNT, "description": "How many of its latest runs said so."},
        "startable": {**FLAG, "description": "Whether a POST can start it here."},
        "run": {"anyOf": [ref("ListedRun"), {"type": "null"}], "description": "The run that said so."},
        "running": {"anyOf": [ref("ListedRun"), {"type": "null"}], "description": "A run that goes on."},
        "causes": {"type": "array", "items": ref("Cause"), "description": "Why, what closes the gate first."},
    }
)
_BRIEF: Final = of_object(
    {
        "outcome": OUTCOME,
        "blocking": FLAG,
        "duration": {"type": "number"},
        "message": TEXT,
        "owner": TEXT_OR_NULL,
        "runbook": TEXT_OR_NULL,
    }
)
_BRIEF_OR_NULL: Final = {"anyOf": [_BRIEF, {"type": "null"}], "description": "Null where it was no part of the run."}
_CHANGES: Final = {"type": "array", "items": of_object({"label": TEXT, "from": _BRIEF_OR_NULL, "to": _BRIEF_OR_NULL})}
COMPARISON: Final = of_object(
    {
        "gate": TEXT,
        "from": ref("ListedRun"),
        "to": ref("ListedRun"),
        "new": {**_CHANGES, "description": "Problems that the first run had not."},
        "fixed": {**_CHANGES, "description": "Problems of the first run that passed in the second."},
        "still_broken": {**_CHANGES, "description": "Problems of both."},
        "unproved": {**_CHANGES, "description": "Problems of the first whose probes said nothing in the second."},
        "slower": {**_CHANGES, "description": "Passed in both, and took more than twice as long, 0.1 s at least."},
    }
)
SILENCE: Final = of_object(
    {
        "gate": TEXT,
        "silenced": {**FLAG, "description": "Whether nobody is told of the gate now."},
        "since": {**TIME_OR_NULL, "description": "Null, as what follows, where there never was a silence."},
        "until": TIME_OR_NULL,
        "by": {**TEXT_OR_NULL, "description": "Who wanted it."},
        "why": TEXT_OR_NULL,
    }
)
GATES: Final = of_object({"gates": {"type": "array", "items": ref("Gate")}, "next": URL_OR_NULL})
RUNS: Final = of_object({"runs": {"type": "array", "items": ref("ListedRun")}, "next": URL_OR_NULL})
