"""The probe: asks each path of the setting, and skips with a reason where there is none."""

from __future__ import annotations

import unittest

from django.test import tag

from django_probe.contrib.disk import space, wanted
from django_probe.contrib.parts import ask_each


@tag("disk")
class TestDisks(unittest.TestCase):
    """The paths of PROBE_DISK."""

    def test_each_has_room(self) -> None:
        """Each path has the free bytes and inodes that PROBE_DISK asks for, and takes a file where it says so."""
        paths = wanted.paths()
        ask_each(self, "path", paths, lambda path: space.has_room(path, paths[path]), "PROBE_DISK is not set")
