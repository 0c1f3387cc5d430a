"""The JSON report has the keys of the format, in its order, and keeps every character."""

from __future__ import annotations

import json as stdlib_json
from datetime import UTC, datetime, timedelta, timezone

from django_probe.attachments import Attachment
from django_probe.reports import json
from django_probe.results import Earlier, EndedBy

HOSTILE = "\ud800 \x00 \x1b[31m </script> ]]> \ufffe \u2028 \"'\\"


def test_render__the_whole_format(run, result):
    """Keys, their order and the form of their values are the contract."""
    given = run(
        result(
            outcome="failed",
            message="402 != 200",
            details="Traceback …",
            output="paying",
            logs="ERROR django.request: Internal Server Error: /pay/",
            tags=("smoke",),
            attempts=2,
            earlier=(Earlier("timeout", "no end after 30s", "Where it hung …"),),
            title="Pays",
            owner="payments",
            runbook="https://runbooks.example/pay",
            file="shop/probes.py",
            line=12,
            attachments=(
                Attachment("page.html", "text/plain", 9, "<p>no</p>"),
                Attachment("shot.png", "image/png", 4, b"\x89PNG"),
            ),
        ),
        result("shop.TestCheckout.test_cart", attempts=2),
        result("shop.TestStock.test_count", outcome="not_run", blocking=False, message="stopped before it"),
        release="v42",
        ended_by=EndedBy.FAILFAST,
        selection="9f86d081884c7d65",
    )

    assert stdlib_json.dumps(stdlib_json.loads(json.render(given)), indent=1) == stdlib_json.dumps(
        {
            "version": 1,
            "id": "6f0c",
            "gate": "deploy",
            "release": "v42",
            "host": "pod-x",
            "shard": None,
            "started_at": "2026-11-23T10:00:00.123Z",
            "finished_at": "2026-11-23T10:00:01.327Z",
            "duration": 1.204,
            "passed": False,
            "exit_code": 1,
            "ended_by": "failfast",
            "selected": 3,
            "selection": "9f86d081884c7d65",
            "counts": {
                "passed": 1,
                "failed": 1,
                "error": 0,
                "timeout": 0,
                "skipped": 0,
                "expected_failure": 0,
                "not_run": 1,
            },
            "results": [
                {
                    "label": "shop.TestCheckout.test_pay",
                    "outcome": "failed",
                    "blocking": True,
                    "started_at": "2026-11-23T10:00:00.123Z",
                    "duration": 0.051,
                    "attempts": 2,
                    "message": "402 != 200",
                    "details": "Traceback …",
                    "output": "paying",
                    "logs": "ERROR django.request: Internal Server Error: /pay/",
                    "tags": ["smoke"],
                    "title": "Pays",
                    "owner": "payments",
                    "runbook": "https://runbooks.example/pay",
                    "file": "shop/probes.py",
                    "line": 12,
                    "flaky": False,
                    "earlier": [
                        {"outcome": "timeout", "message": "no end after 30s", "details": "Where it hung …"},
                    ],
                    "attachments": [
                        {"name": "page.html", "type": "text/plain", "size": 9, "content": "<p>no</p>"},
                        {"name": "shot.png", "type": "image/png", "size": 4, "base64": "iVBORw=="},
                    ],
                },
                {
                    "label": "shop.TestCheckout.test_cart",
                    "outcome": "passed",
                    "blocking": True,
                    "started_at": "2026-11-23T10:00:00.123Z",
                    "duration": 0.051,
                    "attempts": 2,
                    "message": "",
                    "details": "",
                    "output": "",
                    "logs": "",
                    "tags": [],
                    "title": None,
                    "owner": None,
                    "runbook": None,
                    "file": None,
                    "line": None,
                    "flaky": True,
                    "earlier": [],
                    "attachments": [],
                },
                {
                    "label": "shop.TestStock.test_count",
                    "outcome": "not_run",
                    "blocking": False,
                    "started_at": None,
                    "duration": 0.0,
                    "attempts": 1,
                    "message": "stopped before it",
                    "details": "",
                    "output": "",
                    "logs": "",
                    "tags": [],
                    "title": None,
                    "owner": None,
                    "runbook": None,
                    "file": None,
                    "line": None,
                    "flaky": False,
                    "earlier": [],
                    "attachments": [],
                },
            ],
        },
        indent=1,
    )


def test_render__times_are_in_utc_with_milliseconds(run, result):
    """A time of another zone is the same moment in UTC, and a whole second has its milliseconds too."""
    moment = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=2)))

    record = json.as_dict(run(result(), started_at=moment, finished_at=datetime(2026, 11, 23, 11, tzinfo=UTC)))

    assert record["started_at"] == "2026-11-23T10:00:00.000Z"
    assert record["duration"] == 3600.0


def test_render__every_character_survives_in_ascii(run, result):
    """Lone surrogates, NUL and markup come back from the JSON exactly as the probe said them."""
    text = json.render(run(result(outcome="failed", message=HOSTILE, output=HOSTILE, tags=(HOSTILE,))))

    assert text.isascii()
    assert text.count("\n") == 1
    (read,) = stdlib_json.loads(text)["results"]
    assert [read["message"], read["output"], *read["tags"]] == [HOSTILE] * 3
