"""A traceback is the probe's own story; what libraries did below it is counted."""

from __future__ import annotations

import importlib
import json
import traceback

import pytest

from django_probe import details
from django_probe.execution import tracebacks

GROUP = """\
def work():
    raise ExceptionGroup("two", [ValueError("a"), KeyError("b")])
"""


def told(function):
    """Return both forms of what a function raises."""
    try:
        function()
    except Exception as error:  # noqa: BLE001 (whatever it is)
        trace = error.__traceback__.tb_next
        lines = traceback.TracebackException(type(error), error, trace, compact=True)
        return details.parted(tracebacks.told(lines, trace))
    pytest.fail("nothing was raised")


def test_frames_of_a_library_below_the_last_own_one_are_a_line_that_says_how_many():
    """It names the place that raised; the whole form has all of them."""
    short, whole = told(lambda: json.loads("{"))

    assert "test_tracebacks.py" in short
    assert "json" not in short.partition("[")[0].replace("json.loads", "")
    assert "frames left out, down to json/decoder.py:" in short
    assert 'json/decoder.py", line' in whole
    assert details.place(short).startswith("json/decoder.py:")


def test_each_exception_of_a_chain_keeps_its_last_frames():
    """One that a library raised and another one replaced has no frame of the project's: the last one stays."""

    def fetch():
        try:
            json.loads("{")
        except ValueError as error:
            raise RuntimeError("no rates") from error

    short, _ = told(fetch)

    first, second = short.split("The above exception was the direct cause of the following exception:")
    assert "down to json/decoder.py:" in first
    assert 'raise RuntimeError("no rates")' in second
    assert "left out" not in second


def test_frames_between_two_own_ones_are_left_out_as_well():
    """The path of a request through a framework, from the probe to the view, says nothing."""

    def view(_pairs):
        raise ValueError("no such table")

    short, whole = told(lambda: json.loads("{}", object_pairs_hook=view))

    assert "frames left out]" in short
    assert 'raise ValueError("no such table")' in short
    assert "decoder.py" not in short
    assert "decoder.py" in whole


def test_what_has_own_frames_alone_has_one_form(tmp_path):
    """Nothing is said twice; the exceptions of a group are told as Python tells them."""
    file = tmp_path / "shop.py"
    file.write_text(GROUP, encoding="utf-8")
    space = {}
    exec(compile(GROUP, str(file), "exec"), space)

    short, whole = told(space["work"])

    assert short == whole
    assert "KeyError: 'b'" in short


def test_a_recursion_of_the_projects_own_is_short():
    """Its end is shown, and how many frames come before."""

    def deep(left):
        if left % 2:
            return deep(left - 1)
        return deep(left - 1) if left else 1 / 0

    short, whole = told(lambda: deep(100))

    assert len(short.splitlines()) < 70 < len(whole.splitlines())
    assert "frames left out]" in short
    assert "ZeroDivisionError" in short


def test_a_folder_that_packages_were_installed_into_holds_libraries(tmp_path, monkeypatch):
    """`pip install --target` makes no site-packages; the folder of the command is the project's, whatever is in it."""
    (tmp_path / "till-1.0.dist-info").mkdir()
    (tmp_path / "till.py").write_text("def pay():\n    raise ValueError('no change')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(tracebacks, "_targets", tracebacks._targets.__wrapped__)
    till = importlib.import_module("till")

    def probe():
        till.pay()

    library, _ = told(probe)
    monkeypatch.chdir(tmp_path)
    own, _ = told(probe)

    assert "[1 frame left out, down to " in library
    assert "left out" not in own
