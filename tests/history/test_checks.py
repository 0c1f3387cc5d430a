"""`manage.py check` finds what is wrong with the history's settings, and shows no token."""

from __future__ import annotations

import pytest

TOKEN = "start-0123456789-abcdefg"
SHORT = "short-0123456789-abcdef"
FOUND = {
    f"PROBE_TOKENS = ['start:{TOKEN}', 'view:{SHORT}', 'look:{TOKEN}', 5]": (
        "E003",
        [f"PROBE_TOKENS: entry {number}: expected " for number in (2, 3, 4)],
    ),
    f"PROBE_TOKENS = 'start:{TOKEN}'": ("E003", ["PROBE_TOKENS: expected a list of strings, not str"]),
    "PROBE_TOKENS_FILE = ['/run/secrets/tokens']": ("E003", ["PROBE_TOKENS_FILE: expected a path, not list"]),
    "PROBE_HISTORY_DATABASE = 'histroy'": ("E004", ['DATABASES has no "histroy"']),
    "PROBE_HISTORY_DAYS = 0": ("E005", ["a whole number of at least 1, not 0"]),
    "PROBE_HISTORY_DAYS = '30'": ("E005", ["a whole number of at least 1, not '30'"]),
    "PROBE_HISTORY_DAYS = True": ("E005", ["a whole number of at least 1, not True"]),
    "PROBE_PUBLIC_URL = 'shop.example/probe/'": (
        "E007",
        ["expected a URL that begins with https:// or http://, not 's"],
    ),
    "PROBE_METRICS_PER_PROBE = 'no'": ("E008", ["PROBE_METRICS_PER_PROBE: expected True or False, not 'no'"]),
    "PROBE_PUBLIC_BADGES = 'deploy'": ("E006", ["a list of the names of gates, not 'deploy'"]),
}
RIGHT = f"""
PROBE_TOKENS = ("start:{TOKEN}", "view:{TOKEN}")
PROBE_TOKENS_FILE = BASE_DIR / "comes-later"
PROBE_HISTORY_DATABASE = "history"
PROBE_HISTORY_DAYS = 1
PROBE_PUBLIC_BADGES = ["deploy"]
PROBE_PUBLIC_URL = "https://shop.example/probe"
PROBE_METRICS_PER_PROBE = False
DATABASES["history"] = DATABASES["default"]
"""


def check(project, settings):
    """Run the checks of a project with the history and these settings."""
    project.configure(f'INSTALLED_APPS += ["django_probe.history"]\n{settings}\n')
    return project.run("check")


@pytest.mark.parametrize("settings", FOUND)
def test_check__finds(project, settings):
    """Each setting that is wrong is an error of its own, and nothing else is one."""
    number, says = FOUND[settings]

    done = check(project, settings)

    assert done.code == 1
    assert done.err.count("(django_probe.E") == done.err.count(f"(django_probe.{number})") == len(says), done.err
    for each in says:
        assert each in done.err
    assert TOKEN not in done.err
    assert SHORT not in done.err


@pytest.mark.parametrize("settings", ["", RIGHT])
def test_check__finds_nothing_where_nothing_is_wrong(project, settings):
    """Every setting may be missing; a file of tokens may come later."""
    done = check(project, settings)

    assert (done.code, done.out) == (0, "System check identified no issues (0 silenced).\n"), done.err
