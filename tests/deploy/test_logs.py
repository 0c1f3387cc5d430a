"""What the container's server logs: one form for the application, for gunicorn and for requests."""

from __future__ import annotations

import http.client
import json
import logging
import sys
from datetime import datetime

import pytest

from deploy import logs
from tests.deploy.visitors import serving
from tests.patience import wait_for


def record(message, **more):
    """Return a record of an error with a traceback."""
    try:
        raise ValueError("no\nlight")
    except ValueError:
        return logging.getLogger("shop").makeRecord(
            "shop", logging.ERROR, __file__, 1, message, (), sys.exc_info(), extra=more
        )


def test_server__logs_json_of_one_form(deployment):
    """Every line is an object with the same first keys; a request has more, and cannot end its line."""
    with serving(deployment, WEB_ACCESS_LOG="on", PYTHONUNBUFFERED="1") as (port, log):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/nothing/%0A%1B?a=%22", headers={"User-Agent": 'a "quote\t', "Host": "localhost"})
        assert connection.getresponse().status == 404
        connection.close()
        wait_for(lambda: "gunicorn.access" in log.read_text(), "the line of the request")
        lines = [json.loads(line) for line in log.read_text().splitlines()]

    for line in lines:
        assert list(line)[:4] == ["time", "level", "logger", "message"]
        assert datetime.fromisoformat(line["time"]).tzinfo
    by_logger = {line["logger"]: line for line in lines}
    assert {"gunicorn.error", "gunicorn.access", "django.request"} <= {*by_logger}
    request = by_logger["gunicorn.access"]
    assert (
        request.items()
        >= {
            "level": "INFO",
            "message": r"GET /nothing/\n\u001b 404",
            "remote": "127.0.0.1",
            "method": "GET",
            "path": "/nothing/\n\x1b",
            "query": "a=%22",
            "status": 404,
            "agent": 'a "quote',
        }.items()
    )
    assert request["bytes"] > 0
    assert request["seconds"] >= 0
    assert by_logger["django.request"]["status_code"] == 404
    assert "request" not in by_logger["django.request"]


def test_json__is_one_line_of_ascii_with_the_traceback_in_it():
    """A log collector reads a line at a time."""
    line = logs.formatter("json").format(record("Käse\nbrot", gate="deploy", request=object()))

    assert line.isascii()
    assert "\n" not in line
    said = json.loads(line)
    assert said.items() >= {"level": "ERROR", "logger": "shop", "message": "Käse\nbrot", "gate": "deploy"}.items()
    assert said["exc_info"].endswith("ValueError: no\nlight")
    assert "request" not in said


def test_text__is_for_people():
    """The traceback is below the line."""
    lines = logs.formatter("text").format(record("out of stock")).splitlines()

    assert lines[0].endswith(" ERROR shop: out of stock")
    assert lines[-2:] == ["ValueError: no", "light"]


@pytest.mark.parametrize("value", ["", "text"])
def test_commands__write_for_people_where_nobody_asks_for_json(deployment, value):
    """A gate's console is for people too."""
    code = "import logging; handler, = logging.getLogger().handlers"
    assert deployment.evaluate(code, "type(handler.formatter).__name__", LOG_FORMAT=value) == "Lines"


def test_form__that_is_none_is_refused(deployment):
    """One line, before anything listens."""
    assert deployment.refusal(LOG_FORMAT="xml") == 'LOG_FORMAT: \'xml\' is neither "json" nor "text"'
