"""The probe of disks: what is free, what may be written, and what PROBE_DISK can say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.projects import python

LABEL = "probe_disk.TestDisks.test_each_has_room"


@pytest.fixture
def disks(project):
    """A project with the ready-made probe of disks."""
    project.apps = ["django_probe.contrib.disk"]
    project.configure()
    return project


def read_only_mount():
    """Return a folder of a file system that is mounted read-only, None where this machine has none."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        path = line.split()[1]
        try:
            if os.path.isdir(path) and os.statvfs(path).f_flag & os.ST_RDONLY:  # noqa: PTH112 (as os.statvfs)
                return path
        except OSError:
            continue
    return None


def test_disks__without_the_setting_skip(disks, outcome):
    """Nobody chose how much must be free, so nothing is asked."""
    assert disks.settings == ""
    result = outcome("probe_disk")
    assert (result["label"], result["tags"]) == (LABEL, ["disk"])
    assert (result["outcome"], result["message"]) == ("skipped", "PROBE_DISK is not set")


def test_disks__with_room_pass(disks, outcome):
    """Shares of the whole and numbers; nothing is left in the folder."""
    (disks.path / "media").mkdir()
    disks.configure('PROBE_DISK = {BASE_DIR / "media": {"free": "0.001%", "inodes": 1, "writable": True}}')
    assert outcome(LABEL)["outcome"] == "passed"
    assert not list((disks.path / "media").iterdir())


def test_disks__each_that_lacks_something_is_named(disks, outcome):
    """A path that is not there, room that nobody knows, a file for a folder: each in a subtest, and what is there."""
    disks.configure(
        """
        PROBE_DISK = {
            "/no/such/place": {"free": "1%"},
            "/": {"free": "9000TiB"},
            "/proc": {"free": "1%", "writable": True},
            BASE_DIR / "manage.py": {"free": 1, "writable": True},
            BASE_DIR: {"free": "99.9999999%", "inodes": 10**15},
        }
        """
    )
    result = outcome(LABEL)
    assert result["outcome"] == "failed"
    told = result["details"]
    assert "/no/such/place: FileNotFoundError: " in told
    assert " are free, less than 9000TiB" in told
    assert "/proc: its file system reports no blocks, so how much is free there cannot be known; this process" in told
    assert " cannot write a file there: " in told
    assert "manage.py: it is no folder, so nothing can be made in it" in told
    assert f"{disks.path}: " in told
    assert " are free, less than 99.9999999%" in told
    has_number = os.statvfs(disks.path).f_files
    assert ("inodes are free, less than 1000000000000000" in told) is bool(has_number)


@pytest.mark.may_skip
def test_disks__where_nothing_can_be_written(disks, outcome):
    """A file system that is mounted read-only is a problem where the setting says that it is written to."""
    if not (folder := read_only_mount()):
        pytest.skip("nothing is mounted read-only here")
    disks.configure(f"PROBE_DISK = {{{folder!r}: {{'writable': True}}}}")
    result = outcome(LABEL)
    assert result["outcome"] == "failed"
    assert f"{folder}: it is mounted read-only" in result["message"]


WRONG = [
    ("[1]", "PROBE_DISK: expected a mapping such as"),
    ('{"media": {"free": "1%"}}', "PROBE_DISK: expected absolute paths, got 'media'"),
    ('{"/a": "10%"}', "PROBE_DISK['/a']: expected a mapping such as {\"free\": \"10%\"}, got '10%'"),
    ('{"/a": {}}', "PROBE_DISK['/a']: expected a mapping"),
    ('{"/a": {"fre": "1%"}}', "PROBE_DISK['/a']: unknown key 'fre'; did you mean 'free'?"),
    ('{"/a": {"quota": 1}}', "PROBE_DISK['/a']: unknown key 'quota'; it can have free, inodes, writable"),
    *(
        (f'{{"/a": {{"free": {value}}}}}', "PROBE_DISK['/a']['free']: expected what must be free, such as")
        for value in ('"0%"', '"100%"', '"2GIB"', '"2 gigs"', "0", "-1", "True", "1.5", "None")
    ),
    ('{"/a": {"inodes": "2GiB"}}', "PROBE_DISK['/a']['inodes']: expected what must be free"),
    ('{"/a": {"writable": "yes"}}', "PROBE_DISK['/a']['writable']: expected True or False, got 'yes'"),
    ('{"/a": {"writable": False}}', "PROBE_DISK['/a']: 'writable': False asks nothing; give what must be free"),
]


def test_setting__that_is_wrong_is_one_error_that_names_it(disks):
    """A value that could mean two things, or nothing, is refused; and what is right is what it says."""
    code = f"""
        import json
        from django.core.exceptions import ImproperlyConfigured
        from django.test import override_settings
        from django_probe.contrib.disk import wanted
        told = []
        for written in json.loads({json.dumps([written for written, _ in WRONG])!r}):
            with override_settings(PROBE_DISK=eval(written)):
                try:
                    told.append(repr(wanted.paths()))
                except ImproperlyConfigured as error:
                    told.append(str(error))
        with override_settings(PROBE_DISK={{"/a": {{"free": "2 GiB", "inodes": "5%"}}, "/b": {{"free": "1.5kB"}}}}):
            rooms = wanted.paths()
        told += [rooms["/a"].free.of(1), rooms["/a"].inodes.of(200), rooms["/b"].free.of(1)]
        print(json.dumps(told))
    """
    done = python(disks, code)
    *told, free, inodes, kilo = json.loads(done.out)
    assert (free, inodes, kilo) == (2 * 1024**3, 10, 1500)
    assert [each for each, (_, expected) in zip(told, WRONG, strict=True) if not each.startswith(expected)] == []


def test_setting__that_is_wrong_is_an_error_of_the_probe(disks, outcome):
    """It closes the gate, and its one line says what to mend."""
    disks.configure('PROBE_DISK = {"media": {"free": "1%"}}')
    result = outcome(LABEL)
    assert result["outcome"] == "error"
    assert result["message"] == "ImproperlyConfigured: PROBE_DISK: expected absolute paths, got 'media'"
