"""The form in which the container logs: a JSON object in each line, or lines for people (LOG_FORMAT)."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Final

from django_probe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = "LOG_FORMAT"
JSON: Final = "json"
TEXT: Final = "text"


class Lines(logging.Formatter):
    """Makes lines for people: time, level, logger and message, and below it the traceback."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")


def form(default: str) -> str:
    """Return the form that the environment asks for. Raise UsageError if it asks for another."""
    text = os.environ.get(VARIABLE, "").strip() or default
    if text not in (JSON, TEXT):
        raise UsageError(f'{VARIABLE}: {text!r} is neither "json" nor "text"')
    return text


def formatter(form: str) -> logging.Formatter:
    """Return what makes lines of that form."""
    if form == TEXT:
        return Lines()
    from deploy.json_lines import JsonLines  # noqa: PLC0415 (it would slow every gate down)

    return JsonLines()


def settings(form: str) -> Mapping[str, Any]:
    """Return Django's LOGGING: everything goes to standard error, in that form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": lambda: formatter(form)}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {"axes": {"level": "WARNING"}},  # which says twice of each log-in that it looked
    }
