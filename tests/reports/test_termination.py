"""The termination message fits, is JSON, and tells nothing but labels and numbers."""

from __future__ import annotations

import json

import pytest

from django_probe.reports import termination


def test_render__the_whole_format(run, result):
    """The verdict, why, how many, and which probes closed the gate; warnings are a number."""
    given = run(
        result(outcome="failed"),
        result("shop.TestStock.test_count", "error", blocking=False),
        result("shop.TestStock.test_more", "timeout"),
        result("shop.TestStock.test_last", "not_run"),
    )

    assert termination.render(given) == (
        '{"passed":false,"exit_code":1,"reason":"2 blocking probes did not pass, 1 was not run","gate":"deploy",'
        '"counts":{"passed":0,"failed":1,"error":1,"timeout":1,"skipped":0,"expected_failure":0,"not_run":1},'
        '"warnings":1,"problems":["shop.TestCheckout.test_pay","shop.TestStock.test_more"],"more":0}'
    )


def test_render__tells_nothing_that_a_probe_printed(run, result):
    """It goes into the cluster's API, where more people read than may see a traceback."""
    given = run(result(outcome="failed", message="hunter2", details="hunter2", output="hunter2", tags=("hunter2",)))

    assert "hunter2" not in termination.render(given)


@pytest.mark.parametrize("label", ["shop.TestX.test_{}", "é" * 40 + "{}", "\ud800{}", '"\\{}\n'])
@pytest.mark.parametrize("number", [1, 60, 500])
def test_render__as_many_labels_as_fit_in_4096_bytes(run, result, label, number):
    """Whatever the labels are made of, the message fits, and says how many it leaves out."""
    text = termination.render(run(*(result(label.format(n), "failed") for n in range(number))))

    read = json.loads(text)
    assert len(text.encode()) <= 4096
    assert len(read["problems"]) + read["more"] == number
    if read["more"]:
        assert len(text) + len(json.dumps(label.format(number))) > 4096 - 8


def test_render__a_label_that_is_too_long_does_not_hide_the_others(run, result):
    """One monstrous name is left out; those after it are there."""
    given = run(result("x" * 5000, "failed"), result("shop.TestX.test_y", "failed"))

    read = json.loads(termination.render(given))

    assert (read["problems"], read["more"]) == (["shop.TestX.test_y"], 1)


def test_render__a_long_name_of_a_gate_is_cut(run, result):
    """The name of the gate cannot push the message over its limit."""
    assert len(termination.render(run(result(), gate="g" * 9000))) <= 4096
