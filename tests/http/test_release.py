"""The wait for a release ends in time, however it is answered."""

from __future__ import annotations

import pytest

from django_probe.http import release
from django_probe.http.response import Headers, Response
from tests.http.conftest import Clock

ANSWER = Response(200, Headers([("X-Release", "v42")]), b"", asked="GET http://shop/")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            0,
            "GET http://shop/: every answer was good, and too slow; waited 50 s for 10 good answers in a row, asked 6 ",
        ),
        (2, "status 503; waited 50 s for 10 good answers in a row, asked 6 times\n\nbody:"),
    ],
)
def test_wait__for_answers_that_are_slow(monkeypatch, bad, said):
    """Good answers that are too slow end the wait in its time too, and the last has little more than that."""
    clock, allowed = Clock(), []
    monkeypatch.setattr(release, "time", clock)

    def ask(_other, most):
        allowed.append(most)
        clock.sleep(9)
        if len(allowed) <= bad:
            raise AssertionError("status 503\n\nbody:")
        return ANSWER

    with pytest.raises(AssertionError) as raised:
        release.wait(ask, release.Release("X-Release", "v42"), 50)

    assert str(raised.value).startswith(said)
    assert (len(allowed), allowed[0]) == (6, 55)
    assert allowed[-1] <= 10


def test_wait__for_answers_that_are_quick(monkeypatch):
    """Ten good answers in a row end the wait, and there is no pause between them."""
    clock = Clock()
    monkeypatch.setattr(release, "time", clock)

    answer = release.wait(lambda _other, _most: ANSWER, release.Release("X-Release", "v42"), 50)

    assert (answer, clock.now) == (ANSWER, 0)
