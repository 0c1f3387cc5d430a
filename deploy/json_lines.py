"""Makes JSON of log records. It is a module of its own because gates, which log for people, should not load it."""

from __future__ import annotations

from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter


class JsonLines(JsonFormatter):
    """Makes one line of ASCII of a record, whatever is in it: `time` in UTC, `level`, `logger`, `message`, extras."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=[*RESERVED_ATTRS, "request"],  # an object of Django's, of which the message tells
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Return what is written, the time first."""
        return {"time": log_data.pop("time"), **log_data}
