"""Describes what is under `/probe/` as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), for machines."""

from __future__ import annotations

from typing import Any

from django.conf import settings

import django_probe
from django_probe.history.http.openapi import operations, parts, schemas


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
            "/live/": {"get": operations.open_to_all("live", "Whether the process can answer", parts.lines("It can."))},
            "/ready/": {
                "get": operations.open_to_all("ready", "Whether the process is ready", parts.readiness("text/plain"))
            },
            "/": {
                "get": operations.open_to_all(
                    "status",
                    "The status page for visitors who may see it and whose Accept names text/html; else as ready/",
                    parts.readiness("text/plain", "text/html"),
                )
            },
            "/gates/": {"get": operations.gates()},
            "/gates/{name}/badge.svg": {"parameters": [parts.in_path("name", "A gate.")], "get": operations.badge()},
            "/gates/{name}/silence/": {
                "parameters": [parts.in_path("name", "A gate.")],
                "get": operations.silence(),
                "post": operations.silenced(),
            },
            "/gates/{name}/": {
                "parameters": [parts.in_path("name", "A gate.")],
                "get": operations.gate(),
                "post": operations.start(),
            },
            "/runs/": {"get": operations.runs()},
            "/runs/{id}/": {"parameters": [parts.in_path("id", "A run.")], "get": operations.run()},
            "/compare/": {"get": operations.compare()},
            "/metrics/": {"get": operations.metrics()},
            "/openapi.json": {"get": operations.itself()},
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
