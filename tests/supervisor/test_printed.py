"""What is made of the text that an application printed while it was loaded."""

from __future__ import annotations

import os

import pytest

from django_probe.supervisor.printed import Printed, cause, masked

TRACEBACK = "Traceback (most recent call last):\n  File x\n    raise E\n"
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File x
  |     raise ExceptionGroup
  | ExceptionGroup: many (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +---------------- 2 ----------------
    | TypeError: b
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("\n \n", ""),
        ("loading\nno licence\n\n", 'the last that was printed: "no licence"'),
        (f"hello\n{TRACEBACK}a.b.Error: no\nmore of it\n", "a.b.Error: no"),
        (f"{TRACEBACK}A: first\n\nDuring handling, another:\n\n{TRACEBACK}B: second\ngoodbye\n", "B: second"),
        (f"{TRACEBACK}KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("Traceback (most recent call last):\n  File x", 'the last that was printed: "File x"'),
        (f'{TRACEBACK}{{"message": "sending"}}\nA: no\n{{"message": "sent"}}\n', "A: no"),
        (f"{TRACEBACK}2026-11-29 INFO: sending\nA.B\n[x] bye\n", "A.B"),
        (f'{TRACEBACK}A: no\n{{"exc_info": "{TRACEBACK.replace(chr(10), "|")}B: other"}}\n', "A: no"),
        (GROUP, "ExceptionGroup: many (2 sub-exceptions)"),
        ("x" * 1000, 'the last that was printed: "' + "x" * 271 + "…"),
    ],
)
def test_cause(text, said):
    """The exception of the last traceback, whatever logs print amid its lines, else the last line; it is short."""
    assert cause(text) == said


def test_masked(monkeypatch):
    """Values of variables whose names Django hides, in any form, and passwords of URLs, also where they stand alone."""
    monkeypatch.setenv("shop_api_Key", "abcdefgh-1")
    monkeypatch.setenv("CACHE_URL", "redis://:sesame-open@cache:6379/0")
    monkeypatch.setenv("HOME_PAGE", "https://shop.example/")
    monkeypatch.setenv("MY_TOKEN", "short")

    text = masked("abcdefgh-1 abcdefgh%2D1 sesame-open redis://:sesame-open@cache https://shop.example/ short")

    assert "abcdefgh-1" not in text
    assert "sesame-open" not in text
    assert text.endswith("https://shop.example/ short")


def test_printed__is_passed_on_and_its_end_is_kept(capfd):
    """All of it goes to standard error; 64 KiB are kept."""
    read_end, write_end = os.pipe()
    printed = Printed(read_end)
    os.write(write_end, b"first\n")
    printed.take()
    assert not printed.at_end
    for _ in range(20):
        os.write(write_end, b"x" * 4095 + b"\n")
        printed.take()
    os.write(write_end, b"last\n")
    os.close(write_end)
    printed.finish()
    os.close(read_end)

    assert printed.at_end
    assert len(printed.end()) == 64 * 1024
    assert printed.end().endswith(b"\nlast\n")
    passed_on = capfd.readouterr().err
    assert passed_on.startswith("first\n")
    assert len(passed_on) == 6 + 20 * 4096 + 5


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            "Unknown command: 'probe'\nType 'manage.py help' for usage.\n",
            "Django does not know the command probe: add django_probe to INSTALLED_APPS",
        ),
        (
            "No Django settings specified.\nUnknown command: 'probe'\nType 'manage.py help' for usage.\n",
            "no Django settings are specified: set DJANGO_SETTINGS_MODULE, or give --settings",
        ),
    ],
)
def test_cause__of_a_first_mistake_says_what_to_do(printed, said):
    """What Django prints last of it is a hint at its help, and names no cause."""
    assert cause(printed) == said
