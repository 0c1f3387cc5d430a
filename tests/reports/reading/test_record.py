"""A JSON record is read back as the run that it tells of; what is none is refused in one sentence."""

from __future__ import annotations

import json as stdlib_json

import pytest

from django_probe.attachments import Attachment
from django_probe.reports import json
from django_probe.reports.reading import record as reading
from django_probe.reports.reading.record import RecordError
from django_probe.results import Earlier, EndedBy


@pytest.fixture
def record(run, result):
    """The record of one result, as plain values."""
    return json.as_dict(run(result(outcome="failed", message="402 != 200")))


def refusal(given):
    """Return the sentence with which this record is refused."""
    with pytest.raises(RecordError) as refused:
        reading.read(given if isinstance(given, str) else stdlib_json.dumps(given))
    return str(refused.value)


def test_read__gives_every_value_back(run, result):
    """Whatever a record can hold: an odd text, a time, an attempt, what ended it and what a runner made of it."""
    known = {"title": "Pays", "owner": "a", "runbook": "https://r", "file": "shop/probes.py", "line": 7}
    given = run(
        result(
            outcome="failed",
            message="\ud800 \x00 </script>",
            details="d",
            output="o",
            logs="l",
            attempts=2,
            tags=("a", "b"),
            attachments=(Attachment("a\ud800", "text/plain", 9, "\x00"), Attachment("b", "image/png", 2, b"\x00\xff")),
        ),
        result(attempts=2, earlier=(Earlier("timeout", "m", "d"),), **known),
        result("shop.A.test_late", "not_run", blocking=False),
        release="v42",
        shard="0/2",
        selected=9,
        selection="9f86",
        ended_by=EndedBy.FAILFAST,
    )

    text = json.render(given)

    assert [(each.label, each.earlier, each.line, each.attachments) for each in reading.read(text).results] == [
        (each.label, each.earlier, each.line, each.attachments) for each in given.results
    ]
    assert json.render(reading.read(text)) == text
    assert reading.read(json.render(run(stricter_exit_code=7, allow_empty=True))).exit_code == 7


def test_read__takes_a_record_of_before_versions_and_what_http_adds(record):
    """Keys that are not known are no fault; those that came later may be missing."""
    for key in ("title", "owner", "runbook", "file", "line", "flaky", "earlier", "attachments"):
        del record["results"][0][key]
    del record["version"]

    read = reading.read(stdlib_json.dumps({**record, "state": "finished", "narrowed": False}))

    assert (read.exit_code, read.results[0].message, read.results[0].earlier) == (1, "402 != 200", ())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version: 2 is unknown here, which knows 1; use the release that wrote it"),
        ({"version": "1"}, 'version: expected a number, got "1"'),
        ({"version": True}, "version: expected a number, got true"),
        ({"finished_at": None}, "finished_at: the run was still going on; ask for its record when it is over"),
        ({"started_at": "yesterday"}, 'started_at: expected a time, got "yesterday"'),
        ({"started_at": "2026-11-23T10:00:00"}, 'started_at: expected a time, got "2026-11-23T10:00:00"'),
        ({"gate": 5}, "gate: expected a text, got 5"),
        ({"selected": -1}, "selected: expected a whole number from 0 up, got -1"),
        ({"ended_by": "boredom"}, f'ended_by: expected one of {", ".join(EndedBy)}, got "boredom"'),
        ({"exit_code": 256}, "exit_code: expected a number from 0 to 255, got 256"),
        ({"exit_code": 0}, "exit_code: the record says 0, and its results come to 1"),
        ({"results": {}}, "results: expected a list, got {}"),
        ({"results": ["a"]}, 'results[0]: expected an object, got "a"'),
        ({"results": [{}]}, "results[0].label: there is none; expected a text"),
    ],
)
def test_read__refuses_what_no_record_says(record, change, says):
    """Where it is, what was expected, what is there."""
    assert refusal({**record, **change}) == says


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"outcome": "odd"}, "outcome: expected one of passed, failed, error, timeout, skipped, expected_failure, "),
        ({"blocking": 1}, "blocking: expected true or false, got 1"),
        ({"duration": "1"}, 'duration: expected a number, got "1"'),
        ({"tags": [1]}, "tags[0]: expected a text, got 1"),
        ({"line": "7"}, 'line: expected a whole number from 0 up, got "7"'),
        ({"earlier": [{"outcome": "error", "message": 1}]}, "earlier[0].message: expected a text, got 1"),
    ],
)
def test_read__refuses_a_result_that_is_none(record, change, says):
    """With the way to the value."""
    given = {**record, "results": [{**record["results"][0], **change}]}
    assert refusal(given).startswith(f"results[0].{says}")


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000, "<testsuites/>"])
def test_read__refuses_what_is_no_json_object(text):
    """One sentence, whatever it is."""
    assert refusal(text).startswith(("not JSON: ", "the record: expected an object, got "))
    assert "\n" not in refusal(text)
