"""What the supervisor makes of a command that ended without a record, or with another exit status than its record's."""

from __future__ import annotations

import os
import signal

import pytest

from django_probe.results import EndedBy
from django_probe.supervisor import verdict
from django_probe.supervisor.process import Ended
from django_probe.supervisor.request import Request

PASSED = {"exit_code": 0, "passed": True}
CLOSED = {"exit_code": 1, "passed": False}


@pytest.mark.parametrize(
    ("word", "listing", "code"),
    [
        ({}, False, None),
        ({"kind": "ran", "exit": 0, "record": None}, False, None),
        ({"kind": "ran", "exit": 2, "record": None}, False, None),
        ({"kind": "ran", "exit": 0, "record": PASSED}, False, 0),
        ({"kind": "ran", "exit": 4, "record": PASSED}, False, 4),
        ({"kind": "ran", "exit": 0, "record": CLOSED}, False, 1),
        ({"kind": "ran", "exit": 3, "record": {**CLOSED, "exit_code": 3}}, False, 3),
        ({"kind": "ran", "exit": "0", "record": PASSED}, False, 1),
        ({"kind": "ran", "exit": 256, "record": PASSED}, False, 1),
        ({"kind": "ran", "exit": 0, "record": {"exit_code": 0}}, False, None),
        ({"kind": "ran", "exit": 0, "record": {"passed": True}}, False, None),
        ({"kind": "ran", "exit": 0, "record": {"exit_code": 1, "passed": True}}, False, None),
        ({"kind": "ran", "exit": 0, "record": {"exit_code": False, "passed": True}}, False, None),
        ({"kind": "refused"}, False, 2),
        ({"kind": "listed", "exit": 0}, True, 0),
        ({"kind": "listed", "exit": 5}, True, 5),
        ({"kind": "listed", "exit": 0}, False, None),
        ({"kind": "broke", "message": "", "details": ""}, False, None),
        ({"kind": "else", "exit": 0, "record": PASSED}, False, None),
    ],
)
def test_believed(word, listing, code):
    """0 only with the record that says 0; of two codes the one that closes."""
    assert verdict.believed(Ended(word=word), Request({"list": listing})) == code


@pytest.mark.parametrize("kind", ["ran", "listed"])
def test_believed__of_other_arguments_than_were_given(kind):
    """What another run says is no verdict of this one, whether it passed or not."""
    for told in ([], ["--gate", "default"], ["--gate", "deploy", "--list"]):
        for code, record in ((0, PASSED), (1, CLOSED)):
            ended = Ended(word={"kind": kind, "exit": code, "record": record}, arguments=told)
            request = Request({"list": kind == "listed"}, ["--gate", "deploy"])

            assert verdict.believed(ended, request) is None
            run = verdict.of_startup(ended, request, verdict.now(), 0)
            assert run.exit_code == 1
            assert "with other arguments than it was given" in run.results[0].message
            assert run.results[0].message.endswith("in place of --gate deploy")


@pytest.mark.parametrize(
    ("ended", "code", "says"),
    [
        (Ended(status=0), 1, "it exited with status 0, by sys.exit() or os._exit(), while settings and apps were"),
        (Ended(status=3 << 8), 1, "it exited with status 3 while settings and apps were loading"),
        (Ended(status=1 << 8, printed=b"Traceback (most recent call last):\n  a\nb.C: d\n"), 1, "loading; b.C: d"),
        (Ended(status=signal.SIGKILL), 1, "it was killed by SIGKILL"),
        (Ended(status=signal.SIGKILL, begun=True), 1, "before it had a verdict: it was killed by SIGKILL"),
        (Ended(status=0, begun=True), 1, "ended before it had a verdict: it exited with status 0"),
        (Ended(status=signal.SIGTERM), 143, "it was killed by SIGTERM"),
        (Ended(status=signal.SIGINT), 130, "it was killed by SIGINT"),
        (
            Ended(status=signal.SIGKILL, signals=[signal.SIGTERM]),
            143,
            "never began: SIGTERM did not end it, so it was killed",
        ),
        (
            Ended(status=signal.SIGKILL, begun=True, arguments=["a"]),
            1,
            "with other arguments than it was given: a in pl",
        ),
        (Ended(status=signal.SIGHUP, signals=[signal.SIGHUP]), 129, "it was killed by SIGHUP"),
        (Ended(status=signal.SIGKILL, overdue=True), 3, "the deadline passed while settings and apps were loading"),
        (Ended(status=32), 1, "it was killed by signal 32"),
    ],
)
def test_of_startup(ended, code, says):
    """The record closes the gate, and says how the command ended."""
    run = verdict.of_startup(ended, Request({}, gate="deploy", shard="1/4"), verdict.now(), 1.5)

    assert (run.exit_code, run.gate, run.shard, run.duration) == (code, "deploy", "1/4", 1.5)
    assert says in run.results[0].message
    assert (run.ended_by is EndedBy.SIGTERM) is (code == 143)


def test_of_startup__has_the_run_s_name(monkeypatch):
    """Shards of one run share an id, and a release is known by its name, also where nothing of it could be loaded."""
    monkeypatch.setenv("PROBE_RUN_ID", "deploy-7")
    monkeypatch.setenv("PROBE_RELEASE", "v42")

    run = verdict.of_startup(Ended(), Request({}), verdict.now(), 0)

    assert (run.id, run.release, run.host) == ("deploy-7", "v42", os.uname().nodename)
