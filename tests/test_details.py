"""The details of a result have a short form and a whole one."""

from __future__ import annotations

from django_probe import details

TRACE = 'Traceback (most recent call last):\n  File "/srv/shop/probes.py", line 8, in test_slow\n    fetch()\n'
INTERRUPTED = "django_probe.execution.failures.Interrupted: django-probe interrupted this probe\n"
DUMP = """\
Where it hung:

Current thread 0x00007f (most recent call first):
  File "/usr/lib/python3.13/socket.py", line 719 in readinto
  File "/srv/shop/probes.py", line 9 in test_slow
  File "/srv/django_probe/execution/worker/hearing/unawaited.py", line 83 in call
  File "/usr/lib/python3.13/unittest/case.py", line 58 in _callTestMethod
  File "/srv/django_probe/execution/worker/hearing/watched.py", line 64 in run_watched
"""


def test_both_forms_come_out_as_they_went_in():
    """A text without a mark is both."""
    assert details.parted(details.joined("short\n", "whole\n")) == ("short\n", "whole\n")
    assert details.parted(details.joined("one\n", "one\n")) == ("one\n", "one\n")
    assert details.parted("") == ("", "")


def test_several_are_one_with_a_form_of_each():
    """A heading is above each form, and what has one form has it in both."""
    two = details.gathered([details.headed("subTest (n=1)", details.joined("short\n", "whole\n")), "plain\n"])

    assert details.parted(two) == ("subTest (n=1)\nshort\n\nplain\n", "subTest (n=1)\nwhole\n\nplain\n")


def test_a_probe_that_hung_is_said_to_be_where_it_waited_and_who_called_that():
    """Of a traceback, of one whose end is left out, and of the dump of a process that could not be interrupted."""
    down = details.left_out(4, "python3.13/socket.py:719 (readinto)")
    torn = f'\nTraceback (most recent call last):\n  File "/srv/shop/probes.py", line 99, in tearDown\n{INTERRUPTED}'

    assert details.hung_in(TRACE + INTERRUPTED + torn) == "shop/probes.py:8 (test_slow)"
    assert (
        details.hung_in(TRACE + down + INTERRUPTED)
        == "python3.13/socket.py:719 (readinto), called from shop/probes.py:8 (test_slow)"
    )
    assert details.hung_in(DUMP) == "python3.13/socket.py:719 (readinto), called from shop/probes.py:9 (test_slow)"
    assert details.hung_in("no place") == ""
